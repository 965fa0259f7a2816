"""
What is for us in a request is taken out of it, and nothing else is.
"""

import pytest

from proxy.routing.keys import compile_keys
from tests.parts.values import a_request


def head(*lines: str) -> bytes:
    """
    A request with these lines.
    """
    return "\r\n".join(["GET / HTTP/1.1", "Host: a", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("__parallax_force=x", None),
        ("a=1; __parallax_force=x", "a=1"),
        ("__parallax_force=x; a=1", "a=1"),
        ("a=1; __parallax_force=x; b=2;c=3", "a=1; b=2;c=3"),
        ('a=1;__parallax_force="x"', "a=1"),
        ("a=__parallax_force; __parallax_force=x", "a=__parallax_force"),
        ("__parallax_other=1; __parallax_force=x; ;", None),
    ],
)
def test_our_cookies_go_no_further(sent: str, left: str | None) -> None:
    """
    The others stay as they came, and only they are credentials.
    """
    request = a_request(head(f"Cookie: {sent}"))

    assert request.force == b"x"
    assert request.lines == [b"Host: a", *([] if left is None else [f"Cookie: {left}".encode()])]
    assert request.credentials is (left is not None)


def test_a_cookie_without_ours_stays_as_it_came() -> None:
    """
    Byte for byte.
    """
    request = a_request(head("cookie:a=1;  b=2 ; parallax=3"))

    assert request.lines[1] == b"cookie:a=1;  b=2 ; parallax=3"
    assert (request.force, request.wrote) == (b"", b"")


def test_each_cookie_of_ours_has_its_place() -> None:
    """
    Of several the first counts, in whichever line.
    """
    request = a_request(head("Cookie: __parallax_write=w; __parallax_force=x", "Cookie: __parallax_force=y; a=1"))

    assert (request.force, request.wrote) == (b"x", b"w")
    assert request.lines == [b"Host: a", b"Cookie: a=1"]


@pytest.mark.parametrize("field", ["X-Parallax-Force", "x-parallax-force", "X-PARALLAX-FORCE"])
def test_the_field_goes_no_further_and_says_more_than_the_cookie(field: str) -> None:
    """
    Wherever it stands.
    """
    before = a_request(head(f"{field}: f", "Cookie: __parallax_force=x"))
    after = a_request(head("Cookie: __parallax_force=x", f"{field}: f"))

    assert (before.force, after.force) == (b"f", b"f")
    assert before.lines == after.lines == [b"Host: a"]


def test_our_cookies_identify_nobody() -> None:
    """
    A sticky key named like one would find nothing.
    """
    find, _ = compile_keys(("cookie:__parallax_force",))

    assert find is not None
    assert find(a_request(head("Cookie: __parallax_force=x; a=1")), b"") == b""
