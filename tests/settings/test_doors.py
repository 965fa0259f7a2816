"""
What must guard the admin port before Parallax starts: tokens and encryption beyond loopback, files that fit.
"""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from proxy.errors import ConfigurationError
from proxy.settings.checks import check
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding
from proxy.settings.source import dotted

TOKEN = "plx_" + "k" * 43
VARIABLE = {"PARALLAX_ADMIN_TOKEN": TOKEN}
EVERYWHERE = "0.0.0.0:9900"


def token(name: str = "ops", role: str = "operator") -> dict[str, str]:
    return {"name": name, "role": role, "sha256": hashlib.sha256(name.encode()).hexdigest()}


def findings(folder: Path = Path("/nowhere"), environment: dict[str, str] | None = None, **admin: Any) -> list[Finding]:
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    settings = Settings.model_validate({**sides, "admin": admin})
    return list(check(settings, folder, environment or {}))


def told(found: list[Finding]) -> list[tuple[str, bool]]:
    return [(dotted(finding.key), finding.warning) for finding in found]


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """
    A folder with two certificates and their keys, one of them encrypted, and files that are none.
    """
    for name in ("one", "two"):
        certificate = trustme.CA().issue_cert("parallax.test")
        certificate.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
    key = load_pem_private_key((tmp_path / "one.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.key").write_bytes(locked)
    (tmp_path / "torn.pem").write_bytes((tmp_path / "one.pem").read_bytes()[:200])
    (tmp_path / "empty.pem").write_text("nothing\n")
    return tmp_path


def test_tokens_and_encryption_open_it_to_other_machines(pem: Path) -> None:
    """
    Tokens in the file or the environment; TLS, or the word of the operator that something else encrypts.
    """
    tls = {"certificate": "one.pem", "key": "one.key"}

    assert findings(pem, listen=EVERYWHERE, tokens=[token()], tls=tls) == []
    assert findings(pem, VARIABLE, listen=EVERYWHERE, tls=tls) == []
    assert findings(listen=EVERYWHERE, tokens=[token()], insecure=True) == []
    assert findings(pem, tls=tls) == []


def test_without_a_token_nobody_else_may_reach_it() -> None:
    """
    Neither encryption nor `insecure` makes up for it, nor an empty variable.
    """
    (found,) = findings(environment={"PARALLAX_ADMIN_TOKEN": ""}, listen=EVERYWHERE, insecure=True)

    assert found.key == ("admin", "listen")
    assert not found.warning
    assert found.said == (
        "0.0.0.0:9900 is reachable from other machines, and nobody has a token for it; write admin.tokens "
        "(`parallax token new --name ops --role operator` prints one), set PARALLAX_ADMIN_TOKEN, "
        "or 127.0.0.1:9900 and let a sidecar or a tunnel reach it"
    )


def test_plaintext_beyond_loopback_needs_the_operators_word() -> None:
    """
    A token that everybody on the way can read guards nothing.
    """
    (found,) = findings(listen=EVERYWHERE, tokens=[token()])

    assert found.key == ("admin", "listen")
    assert not found.warning
    assert (
        "in plaintext, so tokens can be read on the way; write admin.tls.certificate and admin.tls.key, " in found.said
    )
    assert "admin.insecure: true if something in front encrypts, or 127.0.0.1:9900" in found.said


def test_insecure_where_it_changes_nothing_is_a_warning(pem: Path) -> None:
    """
    On loopback, and beside a certificate: left over from another listener, it would one day open a door unseen.
    """
    tls = {"certificate": "one.pem", "key": "one.key"}

    assert told(findings(insecure=True)) == [("admin.insecure", True)]
    assert told(findings(pem, insecure=True, tls=tls)) == [("admin.insecure", True)]
    assert told(findings(pem, listen=EVERYWHERE, tokens=[token()], insecure=True, tls=tls)) == [
        ("admin.insecure", True)
    ]


def test_who_may_change_something_is_looked_at() -> None:
    """
    Viewers alone are doubtful; two people of one name are wrong.
    """
    viewers = [token("a", "viewer"), token("b", "viewer")]

    assert told(findings(tokens=viewers)) == [("admin.tokens", True)]
    assert told(findings(environment=VARIABLE, tokens=viewers)) == []
    assert told(findings(environment=VARIABLE, tokens=[token("env")])) == [("admin.tokens", False)]
    assert told(findings(tokens=[token("env")])) == []


@pytest.mark.parametrize(
    ("certificate", "key", "at", "said"),
    [
        ("one.pem", None, "certificate", "has no effect without admin.tls.key; write both, or neither"),
        (None, "one.key", "key", "has no effect without admin.tls.certificate; write both, or neither"),
        (
            "gone.pem",
            "one.key",
            "certificate",
            "can't be read (no such file or directory); write the path of a PEM file",
        ),
        ("one.pem", ".", "key", "can't be read (is a directory); write the path of a PEM file with a private key"),
        (
            "empty.pem",
            "one.key",
            "certificate",
            "holds no certificate; write the path of a PEM file with a certificate",
        ),
        ("one.pem", "one.pem", "key", "holds no private key; write the path of a PEM file with a private key"),
        ("one.pem", "two.key", "key", "is not the key of"),
        ("one.pem", "locked.key", "key", "is encrypted, and nobody is there to type its password"),
        ("torn.pem", "one.key", "key", "can't be used ("),
    ],
)
def test_files_that_cannot_work_are_found_before_the_first_handshake(
    pem: Path, certificate: str | None, key: str | None, at: str, said: str
) -> None:
    """
    Each by its own key, with what would be right.
    """
    (found,) = findings(pem, tls={"certificate": certificate, "key": key})

    assert found.key == ("admin", "tls", at)
    assert not found.warning
    assert said in found.said


def test_both_files_are_looked_at() -> None:
    """
    One go, two sentences.
    """
    found = findings(tls={"certificate": "a", "key": "b"})

    assert told(found) == [("admin.tls.certificate", False), ("admin.tls.key", False)]


def test_the_operator_learns_file_line_and_key(tmp_path: Path) -> None:
    """
    Where it was written, also for what only the whole makes wrong.
    """
    file = tmp_path / "p.yaml"
    file.write_text(
        "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"
        "admin:\n  listen: 0.0.0.0:9900\n  tls:\n    key: x\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment={})

    assert [problem.split(": ")[:2] for problem in caught.value.problems] == [
        [f"{file}:4", "admin.listen"],
        [f"{file}:6", "admin.tls.key"],
    ]


@pytest.mark.parametrize("value", ["hunter2", "k" * 40 + " " + "k" * 10, "k" * 40 + "\x00", "ä" * 40])
def test_a_token_of_the_environment_is_looked_at_and_never_repeated(tmp_path: Path, value: str) -> None:
    """
    One that can be guessed, and one that no header can carry.
    """
    file = tmp_path / "p.yaml"
    file.write_text("old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment={"PARALLAX_ADMIN_TOKEN": value})
    (sentence,) = caught.value.problems

    assert sentence.startswith("PARALLAX_ADMIN_TOKEN: ")
    assert value not in sentence
    assert load(file, environment={"PARALLAX_ADMIN_TOKEN": f"{TOKEN}\n"}).warnings == ()
