"""
What each key allows and all together do not: loops, clashes, open doors, limits that exclude each other.
"""

import socket
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.settings.checks import check, known_addresses
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding
from proxy.settings.source import dotted

Values = dict[str, Any]


def findings(folder: Path = Path("/nowhere"), **values: Any) -> list[Finding]:
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    return list(check(Settings.model_validate({**sides, **values}), folder, {}))


def keys(found: list[Finding]) -> list[str]:
    return [dotted(finding.key) for finding in found]


def test_the_defaults_are_fine() -> None:
    """
    Nothing wrong, nothing doubtful.
    """
    assert findings() == []


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:8080", "127.0.0.1:8080"),
        ("http://LocalHost.:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "localhost:8080"),
        ("http://[::1]:8080", "localhost:8080"),
        ("http://0.0.0.0:8080", "127.0.0.1:8080"),
        ("http://127.1:8080", "127.0.0.1:8080"),
        ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "0.0.0.0:8080"),
        ("http://127.9.9.9:8080/base", "0.0.0.0:8080"),
        ("http://localhost:8080", "[::]:8080"),
        (f"http://{socket.gethostname()}:8080", "0.0.0.0:8080"),
        ("http://parallax.internal:8080", "parallax.internal:8080"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://127.0.0.1", "127.0.0.1:443"),
    ],
)
def test_a_side_that_is_our_own_listener_is_refused(url: str, listen: str) -> None:
    """
    Under whatever name of this machine: requests would go in circles until something breaks.
    """
    found = findings(listen=listen, new={"url": url})

    assert keys(found) == ["new.url"]
    assert "in circles; write where the new system listens" in found[0].said


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("http://127.0.0.1:8081", "127.0.0.1:8080"),
        ("http://127.0.0.2:8080", "127.0.0.1:8080"),
        ("http://new.internal:8080", "0.0.0.0:8080"),
        ("http://192.0.2.1:8080", "0.0.0.0:8080"),
    ],
)
def test_a_side_elsewhere_is_fine(url: str, listen: str) -> None:
    """
    Another port, another loopback address, another machine.
    """
    assert findings(listen=listen, new={"url": url}) == []


def test_the_other_listeners_are_no_side_either() -> None:
    """
    Neither the probes' nor the operators' address.
    """
    found = findings(old={"url": "http://localhost:9901"}, new={"url": "http://localhost:9900"})

    assert keys(found) == ["old.url", "new.url"]


def test_one_side_twice_is_a_warning() -> None:
    """
    Comparing old with itself shows how noisy it is: doubtful, not wrong.
    """
    found = findings(new={"url": "http://127.0.0.1:9001/"})

    assert keys(found) == ["new.url"]
    assert found[0].warning


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"listen": "127.0.0.1:9901"}, ["health.listen"]),
        ({"listen": "0.0.0.0:9900"}, ["admin.listen"]),
        ({"health": {"listen": "localhost:9900"}}, ["admin.listen"]),
        ({"listen": "127.0.0.1:5", "health": {"listen": "[::]:5"}, "admin": {"listen": "[::1]:5"}},
         ["health.listen", "admin.listen"]),
        ({"listen": "127.0.0.1:0", "health": {"listen": "127.0.0.1:0"}, "admin": {"listen": "127.0.0.1:0"}}, []),
        ({"listen": "127.0.0.2:9900"}, []),
    ],
)  # fmt: skip
def test_two_listeners_on_one_address_are_refused(values: Values, expected: list[str]) -> None:
    """
    Also when one of them listens everywhere; port 0 never clashes.
    """
    assert keys(findings(**values)) == expected


@pytest.mark.parametrize("listen", ["0.0.0.0:9900", "[::]:9900", "192.0.2.1:9900", "parallax.internal:9900"])
def test_an_admin_port_beyond_loopback_is_guarded(listen: str) -> None:
    """
    By whatever name: without tokens and in plaintext it is refused twice over.
    """
    found = findings(admin={"listen": listen})

    assert keys(found) == ["admin.listen", "admin.listen"]
    assert all(finding.said.startswith(f"{listen} is reachable from other machines") for finding in found)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_loopback_has_many_names(listen: str) -> None:
    """
    All of 127/8, IPv6's one, and localhost.
    """
    assert findings(admin={"listen": listen}) == []


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"drain": {"delay": 28}}, "drain.delay"),
        ({"limits": {"line": "65 KiB"}}, "limits.line"),
        ({"mirror": {"max_body": "65 MiB"}}, "mirror.max_body"),
        ({"judge": {"max_decoded": "17 MiB"}}, "judge.max_decoded"),
        ({"new": {"url": "http://127.0.0.1:9002", "eject": {"pause": 31}}}, "new.eject.pause"),
    ],
)
def test_numbers_that_exclude_each_other_are_refused(values: Values, key: str) -> None:
    """
    A value that could never take effect is a mistake, not a preference.
    """
    found = findings(**values)

    assert keys(found) == [key]
    assert not found[0].warning
    assert "; write " in found[0].said


def test_a_ca_file_must_hold_a_certificate(tmp_path: Path) -> None:
    """
    Missing, unreadable and empty ones are found before the first request needs them.
    """
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "empty.pem").write_text("nothing\n")

    def said(ca: str) -> list[str]:
        return [finding.said for finding in findings(tmp_path, old={"url": "https://old", "tls": {"ca": ca}})]

    assert said("ca.pem") == []
    assert said(str(tmp_path / "ca.pem")) == []
    assert said("gone.pem") == [
        f"{tmp_path}/gone.pem can't be read (no such file or directory); write the path of a PEM file"
    ]
    assert said(".")[0].endswith("can't be read (is a directory); write the path of a PEM file")
    assert said("empty.pem") == [f"{tmp_path}/empty.pem holds no CA certificate; write the path of a PEM file"]


def test_a_store_that_is_a_folder_or_a_device_is_refused(tmp_path: Path) -> None:
    """
    With the file that was probably meant; one that isn't there yet is made.
    """

    def said(store: str) -> list[str]:
        return [f"{dotted(found.key)}: {found.said}" for found in findings(tmp_path, store=store)]

    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "there.db").touch()
    assert said("sqlite:///var") == [
        f"store: {tmp_path}/var is a folder, and a store is a file; write sqlite:///var/parallax.db"
    ]
    assert said("sqlite:////dev/full") == ["store: /dev/full is no file; write where one is or can be made"]
    assert said("sqlite:///var/parallax.db") == said("sqlite:///var/there.db") == said("sqlite:///new/x.db") == []


def test_doubtful_tls_is_a_warning() -> None:
    """
    TLS settings without TLS, and TLS without verification.
    """
    found = findings(
        old={"url": "http://old", "tls": {"server_name": "x"}}, new={"url": "https://new", "tls": {"verify": False}}
    )

    assert keys(found) == ["old.tls", "new.tls.verify"]
    assert all(finding.warning for finding in found)


def test_any_address_of_a_side_may_be_our_own_listener() -> None:
    """
    Where it has addresses, those count and its URL is only a name; a Unix socket never is one of ours.
    """
    addresses = ["127.0.0.1:8080", "10.0.0.1:8080", "unix:/run/new.sock"]
    found = findings(new={"url": "http://127.0.0.1:8080", "addresses": addresses})

    assert keys(found) == ["new.addresses"]
    assert found[0].said.startswith("127.0.0.1:8080 is Parallax itself (listen: 127.0.0.1:8080)")
    assert findings(listen="127.0.0.1:80", new={"url": "http://unix:/run/new.sock"}) == []


def test_one_name_at_other_addresses_is_another_side() -> None:
    """
    As two versions behind one name are.
    """
    old, new = {"url": "http://shop.test", "addresses": ["10.0.0.1:1"]}, {"url": "http://shop.test"}

    assert findings(old=old, new={**new, "addresses": ["10.0.0.2:1"]}) == []
    assert keys(findings(old=old, new={**new, "addresses": ["10.0.0.1:1"]})) == ["new.url"]


def test_what_a_side_is_shown_has_to_be_there(tmp_path: Path) -> None:
    """
    A client certificate and its key, of either side and of the twin.
    """
    tls = {"certificate": "gone.pem", "key": "gone.key"}
    found = findings(
        tmp_path,
        new={"url": "https://new", "tls": tls},
        old={"url": "https://old", "tls": {"key": "alone.key"}},
        noise={"twin": {"url": "https://twin", "tls": tls}},
    )

    assert keys(found) == [
        "old.tls.key",
        "new.tls.certificate",
        "new.tls.key",
        "noise.twin.tls.certificate",
        "noise.twin.tls.key",
    ]
    assert not any(finding.warning for finding in found)


def test_names_are_not_looked_up() -> None:
    """
    A name that would need DNS stands for nothing yet: checking must work offline, and quickly.
    """
    assert known_addresses("old.internal") == frozenset()
