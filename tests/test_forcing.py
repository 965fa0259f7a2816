"""
`parallax token force`: a value that the Parallax which is meant believes, and where its key is looked for.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.clock import time
from proxy.routing.overrides import KIND
from proxy.routing.signed import verify
from proxy.salt import kept_signing_key

CONFIGURATION = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\nstore: sqlite:///state/p.db\n"


@pytest.fixture
def key(tmp_path: Path) -> bytes:
    """
    That of a Parallax whose configuration is `parallax.yaml`.
    """
    (tmp_path / "parallax.yaml").write_text(CONFIGURATION)
    (tmp_path / "state").mkdir()
    return bytes.fromhex(kept_signing_key(str(tmp_path / "state")))


def run(folder: Path, *words: str) -> Result:
    """
    One command, where no Parallax runs.
    """
    told = {"PARALLAX_RUNTIME_DIR": str(folder), "COLUMNS": "120"}
    return CliRunner().invoke(main, ["token", "force", *words], env=told, prog_name="parallax")


@pytest.mark.parametrize("where", [("-c", "parallax.yaml"), ("--key", "state/signing-key")])
def test_the_value_stands_alone_on_stdout(where: tuple[str, str], key: bytes, tmp_path: Path) -> None:
    """
    So that it can be put into another command; how to send it goes to stderr.
    """
    said = run(tmp_path, "--side", "new", where[0], str(tmp_path / where[1]))
    value = said.stdout.strip().encode()

    assert (said.exit_code, said.stdout.count("\n")) == (0, 1)
    assert verify(key, KIND, value, time() + 8 * 3600 - 60) == b"new"
    assert verify(key, KIND, value, time() + 8 * 3600 + 60) is None
    assert "X-Parallax-Force" in said.stderr


def test_a_script_gets_the_parts(key: bytes, tmp_path: Path) -> None:
    """
    As long as it was asked for.
    """
    words = ("--side", "old", "--for", "2d", "--name", "qa", "--json", "-c", str(tmp_path / "parallax.yaml"))
    said = json.loads(run(tmp_path, *words).stdout)

    assert (said["side"], said["name"]) == ("old", "qa")
    assert verify(key, KIND, said["value"].encode(), said["until"] - 1) == b"old.qa"
    assert said["until"] == pytest.approx(time() + 2 * 86400, abs=60)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--name", "a b"), "write up to 32 letters"),
        (("--for", "soon"), "is no duration"),
        (("--for", "1y"), "is no duration"),
        (("--for", "91d"), "between 1s and 90d"),
        (("--for", "0"), "between 1s and 90d"),
    ],
)
def test_what_cannot_be_is_bad_usage(words: tuple[str, str], sentence: str, key: bytes, tmp_path: Path) -> None:
    """
    With what would be right.
    """
    said = run(tmp_path, "--side", "new", *words, "-c", str(tmp_path / "parallax.yaml"))

    assert said.exit_code == 2
    assert sentence in " ".join(said.stderr.split())


def test_without_a_key_there_is_no_value(tmp_path: Path) -> None:
    """
    Nobody runs here, nothing is where it should be, or others may read it.
    """
    (tmp_path / "parallax.yaml").write_text(CONFIGURATION)
    (tmp_path / "open").write_text("ab" * 32)
    (tmp_path / "open").chmod(0o644)
    none = run(tmp_path, "--side", "new")
    missing = run(tmp_path, "--side", "new", "-c", str(tmp_path / "parallax.yaml"))
    exposed = run(tmp_path, "--side", "new", "--key", str(tmp_path / "open"))

    assert [said.exit_code for said in (none, missing, exposed)] == [2, 2, 2]
    assert "no Parallax runs on this machine" in none.stderr
    assert "can't be read (no such file or directory)" in missing.stderr
    assert "others may read it too" in exposed.stderr
