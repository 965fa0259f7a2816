"""
Addresses and URLs are read exactly, and what can't be meant is refused with a remedy.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings.addresses import Address, Url, parse_address, parse_addresses, parse_host, parse_url

HOSTS = st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "::", "localhost", "parallax.internal"])


@given(HOSTS, st.integers(0, 65535))
def test_an_address_reads_back_as_it_is_shown(host: str, port: int) -> None:
    """
    What `Address` shows is what `parse_address` takes, IPv6 included.
    """
    address = Address(host=host, port=port)

    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "localhost", "localhost:", "h:x", "::1:8080", "h:65536", "h:-1", 80]
)
def test_what_is_no_address_is_refused_with_an_example(text: object) -> None:
    """
    A port alone, a missing port, bare IPv6 and the like all name the right form.
    """
    with pytest.raises(ValueError, match="write HOST:PORT, such as"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://old", Url(scheme="http", host="old", port=80, base="")),
        ("https://old/", Url(scheme="https", host="old", port=443, base="")),
        ("HTTP://Old:9001/v2/", Url(scheme="http", host="old", port=9001, base="/v2")),
        ("http://[::1]:9001/a/b", Url(scheme="http", host="::1", port=9001, base="/a/b")),
        ("http://old/caf%C3%A9", Url(scheme="http", host="old", port=80, base="/caf%C3%A9")),
    ],
)
def test_a_url_is_taken_apart(text: str, expected: Url) -> None:
    """
    Scheme, host, port (the scheme's own when none is given) and base path without its last slash.
    """
    url = parse_url(text)

    assert url == expected
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("old:9001", "scheme"),
        ("//old", "scheme"),
        ("ftp://old", "scheme"),
        ("unix:///run/old.sock", "scheme"),
        ("http://", "names no host"),
        ("http://:80", "names no host"),
        ("http://a,b", "names no host"),
        ("http://old:99999", "port or host can't be read"),
        ("http://old:0", "port 0"),
        ("http://old:x", "port or host can't be read"),
        ("http://[::1", "port or host can't be read"),
        ("http://old?a=1", "query or a fragment"),
        ("http://old/?", "query or a fragment"),
        ("http://old/#", "query or a fragment"),
        ("http://old/../x", r"\. or \.\."),
        ("http://old/a b", "space"),
        ("http://old\r\nX: y", "control character"),
        ("http://bücher.example", "outside ASCII"),
        ("", "no URL"),
        (8080, "no URL"),
    ],
)
def test_a_url_that_cannot_be_a_side_is_refused(text: object, said: str) -> None:
    """
    Each refusal names its reason and, after a semicolon, the remedy.
    """
    with pytest.raises(ValueError, match=said) as caught:
        parse_url(text)

    assert "; " in str(caught.value)


@pytest.mark.parametrize(
    "text", ["http://me:hunter2@old", "http://me@old/", "ftp://me:hunter2@old", "http://me:hunter2@o d"]
)
def test_a_password_in_a_url_is_never_repeated(text: str) -> None:
    """
    The message may land in a log: it must not carry the password.
    """
    with pytest.raises(ValueError, match="; ") as caught:
        parse_url(text)

    assert "hunter2" not in str(caught.value)


def test_the_authority_leaves_out_the_usual_port() -> None:
    """
    What `host: upstream` sends is what a client of that URL would send.
    """
    authorities = [parse_url(text).authority for text in ("http://a:80", "https://a", "https://a:80", "http://[::1]:8")]

    assert authorities == ["a", "a", "a:80", "[::1]:8"]


@pytest.mark.parametrize("name", ["preserve", "upstream", "shop.example", "shop.example:8080", "[::1]:80"])
def test_a_host_is_a_word_or_a_name(name: str) -> None:
    """
    Anything a Host field may hold is taken as it is.
    """
    assert parse_host(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a\r\nX: y", "http://a", "a/b", None, 1])
def test_a_host_that_would_break_the_request_is_refused(name: object) -> None:
    """
    Spaces, line ends and URLs are no host.
    """
    with pytest.raises(ValueError, match="write preserve"):
        parse_host(name)


# Unix sockets, and several addresses...


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://unix:/run/new.sock", ("http", "/run/new.sock", "")),
        ("https://unix:/run/new.sock", ("https", "/run/new.sock", "")),
        ("http://unix:/run/new.sock:/v2/", ("http", "/run/new.sock", "/v2")),
        ("http://unix:/run/new.sock:", ("http", "/run/new.sock", "")),
    ],
)
def test_a_side_may_be_a_unix_socket(text: str, expected: tuple[str, str, str]) -> None:
    """
    As nginx writes it, the path after another colon; its Host is localhost, as nginx sends it.
    """
    url = parse_url(text)

    assert (url.scheme, url.socket, url.base) == expected
    assert url.authority == "localhost"
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://unix:run/new.sock", "can't be read"),
        ("http://unix:/run/", "no Unix socket"),
        ("http://unix:/" + "a" * 107, "no Unix socket"),
        ("http://unix:/run/new.sock:/../x", r"\. or \.\."),
        ("http://unix:/run/new.sock?x", "names no host"),
        ("http://unix:/run/new sock", "space"),
    ],
)
def test_what_cannot_be_a_unix_socket_is_refused(text: str, said: str) -> None:
    """
    The system takes 107 bytes of a path.
    """
    with pytest.raises(ValueError, match=said) as caught:
        parse_url(text)

    assert "; " in str(caught.value)


def test_addresses_are_places_to_connect_to() -> None:
    """
    Hosts with ports and Unix sockets, none twice.
    """
    values = ["10.0.0.1:9002", "new.internal:9002", "[::1]:9002", "unix:/run/new.sock", "10.0.0.1:9002"]

    assert parse_addresses(values) == tuple(values[:4])
    assert parse_addresses([]) == ()


@pytest.mark.parametrize(
    "values",
    ["10.0.0.1:9002", [5], ["10.0.0.1"], ["10.0.0.1:0"], ["http://a:1"], ["a b:1"], ["unix:run"], ["unix:/a b"],
     ["unix:/run/"], [":80"], ["a,b:80"]],
)  # fmt: skip
def test_addresses_that_nobody_can_connect_to_are_refused(values: object) -> None:
    """
    Each with what would be right.
    """
    with pytest.raises(ValueError, match="; write "):
        parse_addresses(values)
