"""
Which Parallax is meant, and which token goes where.
"""

from pathlib import Path

import pytest

from proxy.equipment import CERTIFICATE
from proxy.errors import ConfigurationError, RemoteError
from proxy.remote.find import Target, Wanted, find
from tests.parts.registered import TOKEN, private, registered, write_entry

NOWHERE: tuple[Path, ...] = ()


def test_without_a_word_it_is_the_default_address() -> None:
    """
    Where Parallax listens when nobody says otherwise.
    """
    assert find(Wanted(), {}, NOWHERE) == Target(url="http://127.0.0.1:9900")


def test_an_option_is_stronger_than_a_variable() -> None:
    """
    As everywhere on this command line.
    """
    environment = {"PARALLAX_ADMIN_URL": "http://b:2/"}

    assert find(Wanted(admin="http://a:1"), environment, NOWHERE).url == "http://a:1"
    assert find(Wanted(), environment, NOWHERE).url == "http://b:2"


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9900", "file:///etc/passwd", "http://", "http://a/b", "http://me@a", "http://a:99999"]
)
def test_only_an_http_address_is_asked(url: str) -> None:
    """
    No path, no file, no credentials, no port that can't be.
    """
    with pytest.raises(ConfigurationError, match=r"is no admin address; write http://HOST:PORT"):
        find(Wanted(admin=url), {}, NOWHERE)


def test_the_only_one_that_runs_here_is_meant_and_signed_in_to(tmp_path: Path) -> None:
    """
    Whoever carries a pager types no address and looks for no token.
    """
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:4711"):
        target = find(Wanted(), {}, (tmp_path / "registry",))

    assert (target.url, target.token) == ("http://127.0.0.1:4711", TOKEN)
    assert target.entry is not None
    assert TOKEN not in repr(target)


def test_of_several_it_is_the_one_at_the_usual_port(tmp_path: Path) -> None:
    """
    Or none, and they are named.
    """
    places = (tmp_path / "registry",)
    with (
        registered(places[0], tmp_path / "one", "127.0.0.1:4711"),
        registered(places[0], tmp_path / "two", "127.0.0.1:4712"),
    ):
        with pytest.raises(RemoteError) as refused:
            find(Wanted(), {}, places)
        with registered(places[0], tmp_path / "three", "127.0.0.1:9900"):
            assert find(Wanted(), {}, places).url == "http://127.0.0.1:9900"

    assert str(refused.value) == (
        "several run on this machine (http://127.0.0.1:4711, http://127.0.0.1:4712); say which one with --admin"
    )
    assert refused.value.usage


def test_a_trial_in_ones_own_session_is_not_taken_for_the_service(tmp_path: Path) -> None:
    """
    `parallax kill`, typed at night, must not kill the trial and say that it is done.
    """
    places = (tmp_path / "session", tmp_path / "service")
    with registered(places[0], tmp_path / "one", "127.0.0.1:4711"):
        with registered(places[1], tmp_path / "two", "127.0.0.1:9900"):
            assert find(Wanted(), {}, places).url == "http://127.0.0.1:9900"
        with (
            registered(places[1], tmp_path / "three", "127.0.0.1:4712"),
            pytest.raises(RemoteError, match=r"several run on this machine \(http://127.0.0.1:4711, "),
        ):
            find(Wanted(), {}, places)


@pytest.mark.parametrize("admin", ["http://127.0.0.1:4711", "http://localhost:4711/", "http://[::1]:4711"])
def test_a_found_token_goes_to_the_address_that_its_maker_listens_on(admin: str, tmp_path: Path) -> None:
    """
    Whatever name was said: behind `localhost` there may be somebody else as well.
    """
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:4711"):
        target = find(Wanted(admin=admin), {}, (tmp_path / "registry",))

    assert (target.url, target.token) == ("http://127.0.0.1:4711", TOKEN)


@pytest.mark.parametrize("admin", ["http://127.0.0.1:4712", "http://example.com:4711", "http://127.0.0.1"])
def test_and_to_no_other(admin: str, tmp_path: Path) -> None:
    """
    Another port, another machine.
    """
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:4711"):
        target = find(Wanted(admin=admin), {}, (tmp_path / "registry",))

    assert target == Target(url=admin)


def test_nor_to_one_that_is_gone(tmp_path: Path) -> None:
    """
    Somebody else may listen there by now.
    """
    write_entry(tmp_path / "registry", tmp_path / "state", "127.0.0.1:9900")

    assert find(Wanted(), {}, (tmp_path / "registry",)) == Target(url="http://127.0.0.1:9900")


def test_a_token_that_was_named_is_stronger_than_one_that_was_found(tmp_path: Path) -> None:
    """
    The file, then the variable, then what lies here.
    """
    file = private(tmp_path / "token", "plx_file")
    environment = {"PARALLAX_ADMIN_TOKEN": "plx_variable"}
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:9900"):
        places = (tmp_path / "registry",)
        by_file = find(Wanted(token_file=file), environment, places)
        by_variable = find(Wanted(), environment, places)

    assert (by_file.token, by_file.token_from) == ("plx_file", str(file))
    assert (by_variable.token, by_variable.token_from) == ("plx_variable", "PARALLAX_ADMIN_TOKEN")


def test_a_variable_that_holds_no_token_is_refused_without_repeating_it() -> None:
    """
    Two words, or what no header can carry.
    """
    with pytest.raises(ConfigurationError) as refused:
        find(Wanted(), {"PARALLAX_ADMIN_TOKEN": "a secret"}, NOWHERE)

    assert str(refused.value).startswith("PARALLAX_ADMIN_TOKEN: holds no token")
    assert "secret" not in str(refused.value)


def test_a_found_token_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """
    Nor is it worth a failure: open calls need none.
    """
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:9900"):
        (tmp_path / "state" / "admin-token").chmod(0o644)
        assert find(Wanted(), {}, (tmp_path / "registry",)).token is None


def test_an_address_that_stands_for_all_is_reached_on_loopback(tmp_path: Path) -> None:
    """
    Both families.
    """
    for number, (bound, url) in enumerate((("0.0.0.0:4711", "127.0.0.1"), ("[::]:4711", "[::1]"))):
        folder = tmp_path / f"registry{number}"
        with registered(folder, tmp_path / f"state{number}", bound):
            assert find(Wanted(), {}, (folder,)).url == f"http://{url}:4711"


def test_the_certificate_of_one_that_runs_here_is_known(tmp_path: Path) -> None:
    """
    So nobody has to name a CA, and no other certificate will do.
    """
    pem = tmp_path / "certificate.pem"
    with registered(tmp_path / "registry", tmp_path / "state", "127.0.0.1:4711", certificate=str(pem)):
        found = find(Wanted(), {}, (tmp_path / "registry",))
        assert found.shown == tmp_path / "state" / CERTIFICATE
        target = find(Wanted(ca=tmp_path / "other.pem"), {}, (tmp_path / "registry",))

    assert (target.url, target.ca, target.pinned) == ("https://127.0.0.1:4711", pem, True)


def test_a_ca_is_named_by_option_or_variable() -> None:
    """
    For a Parallax elsewhere.
    """
    environment = {"PARALLAX_ADMIN_CA": "variable.pem"}

    assert find(Wanted(admin="https://a", ca=Path("option.pem")), environment, NOWHERE).ca == Path("option.pem")
    assert find(Wanted(admin="https://a"), environment, NOWHERE).ca == Path("variable.pem")
