"""
One call: what is sent, what may be answered, and what is said of everything else.
"""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from proxy.errors import RemoteError
from proxy.remote.call import ask, call
from proxy.remote.find import Target
from tests.parts.admin import WEIGHTS, admin, ready
from tests.parts.registered import private

WANTED = "wants a token; set PARALLAX_ADMIN_TOKEN, or name a file that holds it with --token-file"


def trouble(target: Target, path: str = "/admin/weights", seconds: float = 5.0) -> str:
    with pytest.raises(RemoteError) as refused:
        ask(target, "GET", path, seconds=seconds)
    return str(refused.value)


def test_a_change_carries_the_token_and_json() -> None:
    """
    The whole request, as the API wants it.
    """
    with admin({"PUT /admin/weights": (202, WEIGHTS)}) as port:
        answer = ask(Target(url=port.url, token="plx_abc"), "PUT", "/admin/weights", {"new": 25.0})
        (asked,) = port.asked

    assert answer == (202, WEIGHTS)
    assert asked.body == {"new": 25.0}
    assert asked.headers["Authorization"] == "Bearer plx_abc"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Host"] == port.url.removeprefix("http://")


def test_without_a_token_none_is_sent() -> None:
    """
    Open calls take nobody's word.
    """
    with admin(ready()) as port:
        assert call(Target(url=port.url), "GET", "/readyz").text == "ready"
        assert "Authorization" not in port.asked[0].headers


def test_a_redirect_is_not_followed() -> None:
    """
    The token is for this address.
    """
    with admin({}) as other, admin({"GET /admin/weights": (302, other.url)}) as port:
        said = trouble(Target(url=port.url, token="plx_abc"))

    assert said == f"what answers at {port.url} is no Parallax; name its admin address with --admin"
    assert other.asked == []


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is for the world outside.
    """
    with admin({}) as other, admin(ready()) as port:
        monkeypatch.setenv("http_proxy", other.url)
        assert call(Target(url=port.url), "GET", "/readyz").status == 200
        assert other.asked == []


@pytest.mark.parametrize(
    ("status", "error", "token", "said", "usage"),
    [
        (401, "x", None, WANTED, False),
        (401, "x", "plx_abc", "doesn't know the token from here; use one that it was configured with", False),
        (403, "a viewer may not change", "plx_abc", "refuses (403): a viewer may not change", False),
        (409, "the epoch is 4", "plx_abc", "refuses (409): the epoch is 4", False),
        (422, "new: is over 100", "plx_abc", "refuses (422): new: is over 100", True),
        (503, "", "plx_abc", "refuses (503)", False),
    ],
)  # fmt: skip
def test_a_refusal_says_what_parallax_said(status: int, error: str, token: str | None, said: str, usage: bool) -> None:
    """
    And what to do about a token.
    """
    with admin({"GET /admin/weights": (status, {"error": error})}) as port:
        target = Target(url=port.url, token=token, token_from="here")
        with pytest.raises(RemoteError) as refused:
            ask(target, "GET", "/admin/weights")

    assert str(refused.value) == f"{port.url} {said}"
    assert refused.value.usage == usage
    assert "plx_abc" not in str(refused.value)


@pytest.mark.parametrize("value", [[], 7, "x", "<html>"])
def test_something_else_that_answers_is_named(value: object) -> None:
    """
    Another server on that port is no Parallax.
    """
    with admin({"GET /admin/weights": (200, value)}) as port:
        assert trouble(Target(url=port.url)).startswith(f"what answers at {port.url} is no Parallax; ")


def test_nobody_there_is_named_with_the_remedy() -> None:
    """
    The system's own word for it, and what to do.
    """
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        url = f"http://127.0.0.1:{server.server_port}"

    assert trouble(Target(url=url)) == (
        f"nothing answers at {url} (connection refused); start `parallax serve`, or name its address with --admin"
    )


def test_who_is_silent_is_given_up() -> None:
    """
    A hung control accepts connections all the same: the kernel does that.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        assert trouble(Target(url=url), seconds=0.1).startswith(f"{url} didn't answer within 0.1 s; ")


def test_who_never_ends_is_given_up() -> None:
    """
    The time is for the whole answer, and not for the next byte of it.
    """
    with admin({"GET /slow": lambda: None}) as port:
        assert "didn't answer within 0.1 s" in trouble(Target(url=port.url), "/slow", seconds=0.1)


def certificates(folder: Path, name: str) -> tuple[Path, Path]:
    """
    A CA, and a server's certificate with its key, for `name`.
    """
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    ca.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", folder / "server.pem"


def test_with_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    """
    Against the CA that was named, and not without one.
    """
    ca, server = certificates(tmp_path, "127.0.0.1")
    with admin(ready(), certificate=server) as port:
        assert call(Target(url=port.url, ca=ca), "GET", "/readyz").status == 200
        said = trouble(Target(url=port.url, token="plx_abc"))

    assert said.startswith(f"{port.url} isn't trusted (")
    assert said.endswith("; name the CA of its certificate with --ca FILE")
    assert "Authorization" not in {name for asked in port.asked for name in asked.headers}


def test_a_known_certificate_is_good_under_any_name_and_no_other_is(tmp_path: Path) -> None:
    """
    The registry says which it is.
    """
    _, server = certificates(tmp_path, "parallax.example.com")
    (tmp_path / "other").mkdir()
    _, other = certificates(tmp_path / "other", "127.0.0.1")
    with admin(ready(), certificate=server) as port:
        assert call(Target(url=port.url, ca=server, pinned=True), "GET", "/readyz").status == 200
        said = trouble(Target(url=port.url, ca=other, pinned=True))
        assert said.startswith(
            f"{port.url} shows another certificate than {other} holds; a renewed one is taken within"
        )


@pytest.mark.parametrize("file", ["other", "broken", "missing"])
def test_the_certificate_that_it_shows_is_good_whatever_became_of_the_file(file: str, tmp_path: Path) -> None:
    """
    Renewed and not taken yet, half written, moved away. One that others can write is not believed.
    """
    _, server = certificates(tmp_path, "127.0.0.1")
    (tmp_path / "new").mkdir()
    certificates(tmp_path / "new", "127.0.0.1")
    files = {"other": tmp_path / "new" / "server.pem", "broken": tmp_path / "broken", "missing": tmp_path / "missing"}
    files["broken"].write_text("-----BEGIN")
    shown = private(tmp_path / "shown.pem", server.read_text())
    with admin(ready(), certificate=server) as port:
        target = Target(url=port.url, ca=files[file], pinned=True, shown=shown)
        assert call(target, "GET", "/readyz").status == 200
        shown.chmod(0o666)
        assert trouble(target)


def test_tls_where_there_is_none_is_told() -> None:
    """
    With the scheme that would be right.
    """
    with admin(ready()) as port:
        url = port.url.replace("http", "https")
        assert trouble(Target(url=url)).endswith("; http:// is without")


@pytest.mark.parametrize(
    ("text", "said"), [(None, "can't be read (no such file or directory)"), ("x", "holds no cert")]
)
def test_a_ca_that_is_none_is_named(text: str | None, said: str, tmp_path: Path) -> None:
    """
    Before anything is sent.
    """
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)

    assert said in trouble(Target(url="https://127.0.0.1:1", ca=file))
