"""
Cohorts by claim, address and file: what is wrong is told by its key, with what would be right.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from proxy.errors import ConfigurationError
from proxy.routing.table import Table, decode, encode
from proxy.settings.load import Loaded, load
from proxy.settings.table import build_table
from tests.routing.test_claims import RSA, pem

SECRET = "a secret of more than thirty-two bytes"


def loaded(folder: Path, match: dict[str, Any], **more: Any) -> Loaded:
    """
    A configuration with one cohort.
    """
    file = folder / "parallax.yaml"
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    cohorts = [{"name": "beta", "match": match, "side": "new"}]
    file.write_text(yaml.safe_dump({**sides, "sticky": {"key": ["client"]}, "cohorts": cohorts, **more}))
    return load(file, environment={"SECRET": SECRET, "SHORT": "secret", "BAD": "-----BEGIN x"})


def refused(folder: Path, match: dict[str, Any], **more: Any) -> str:
    """
    What is said of it.
    """
    with pytest.raises(ConfigurationError) as error:
        loaded(folder, match, **more)
    return str(error.value)


def table(one: Loaded) -> Table:
    """
    What workers get.
    """
    return build_table(one.settings, one.folder, one.authorities, one.values, one.endpoints)


def test_everything_reaches_the_table(tmp_path: Path) -> None:
    """
    Also as bytes; another content of the file is another configuration.
    """
    (tmp_path / "beta.txt").write_text("ann\n")
    match = {"claim": {"sub": "a*"}, "address": ["10.0.0.0/8", "::1"], "keys": "beta.txt"}
    one = table(loaded(tmp_path, match, claims={"key": "env:SECRET"}))
    (tmp_path / "beta.txt").write_text("bob\n")
    other = table(loaded(tmp_path, match, claims={"key": "env:SECRET"}))
    found = one.cohorts[0].match

    assert (found.claims, found.addresses) == ((("sub", "a*"),), ("10.0.0.0/8", "::1/128"))
    assert found.keys is not None
    assert found.keys[0] == str(tmp_path / "beta.txt")
    assert one.claims_key == SECRET
    assert SECRET not in repr(one)
    assert decode(encode(one)) == one
    assert one.digest != other.digest


def test_a_public_key_may_lie_in_a_file(tmp_path: Path) -> None:
    """
    In PEM.
    """
    (tmp_path / "key.pem").write_text(pem(RSA))
    one = loaded(tmp_path, {"claim": {"sub": "*"}}, claims={"key": "file:key.pem"})

    assert table(one).claims_key == pem(RSA).strip()
    assert one.warnings == ()
    assert "key.pem" in one.authorities


@pytest.mark.parametrize(
    ("match", "more", "said"),
    [
        ({"keys": "gone.txt"}, {}, "cohorts.0.match.keys: gone.txt: can't be read (no such file or directory)"),
        ({"keys": "beta.txt"}, {"sticky": {"key": ["request"]}}, "needs to know clients by something"),
        ({"address": ["10.0.0.1/8"]}, {}, "10.0.0.0/8"),
        ({"claim": {"tester": True}}, {}, "put it in quotes"),
        ({"claim": {"a b": "x"}}, {}, "is no name of a claim"),
        ({"claim": ["sub"]}, {}, "is no mapping"),
        ({"claim": {"sub": "*"}}, {"claims": {"key": "env:NOWHERE"}}, "there is no such environment variable"),
        ({"claim": {"sub": "*"}}, {"claims": {"key": "env:BAD"}}, "is no public key for RS256 or ES256"),
        ({"claim": {"sub": "*"}}, {"claims": {"key": "file:private.pem"}}, "is a private key, which whoever"),
        ({"keys": "wide.txt"}, {}, "wide.txt: is in UTF-16"),
        ({"claim": {"sub": "*"}}, {"claims": {"key": "hunter2"}}, "write env:NAME, or file:PATH"),
    ],
)
def test_what_cannot_be_is_refused(match: dict[str, Any], more: dict[str, Any], said: str, tmp_path: Path) -> None:
    """
    A secret is never repeated.
    """
    (tmp_path / "beta.txt").write_text("ann\n")
    (tmp_path / "wide.txt").write_text("ann\n", encoding="utf-16")
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "private.pem").write_bytes(RSA.private_bytes(serialization.Encoding.PEM, *form))
    problem = refused(tmp_path, match, **more)

    assert said in problem
    assert "hunter2" not in problem


def test_more_keys_than_a_worker_should_have_are_refused(tmp_path: Path) -> None:
    """
    A million is enough.
    """
    (tmp_path / "beta.txt").write_bytes(b"a\n" * 1_000_001)

    assert "list fewer keys" in refused(tmp_path, {"keys": "beta.txt"})


def test_a_short_secret_is_doubtful(tmp_path: Path) -> None:
    """
    Who has a token can try them all.
    """
    [warning] = loaded(tmp_path, {"claim": {"sub": "*"}}, claims={"key": "env:SHORT"}).warnings

    assert "less than 32 bytes can be guessed" in warning
    assert "secret of" in warning
