"""
A token is unguessable, and the file of one is nobody else's.
"""

import os
from pathlib import Path

import pytest
import yaml

from proxy.admin import token
from proxy.admin.auth import bearer_token, holder
from proxy.admin.token import config_line, digest, held, kept_token, new_token, read_token
from proxy.errors import ConfigurationError
from proxy.link.setup import Token
from proxy.settings.access import parse_tokens


def test_a_token_has_256_bits_and_can_be_found_by_scanners() -> None:
    """
    32 bytes of the kernel's randomness behind a fixed prefix, and nothing that a header can't carry.
    """
    made = {new_token() for _ in range(100)}

    assert len(made) == 100
    assert all(one.startswith("plx_") and len(one) == 47 for one in made)
    assert all(bearer_token(f"Bearer {one}") == one for one in made)


def test_the_line_for_the_configuration_is_read_by_it() -> None:
    """
    What `token new` prints can be put under `admin.tokens` as it is, and the token signs in by it.
    """
    made = new_token()
    one = held(made, name="ops", role="viewer")

    (read,) = parse_tokens(yaml.safe_load(config_line(one)))

    assert (read.name, read.role, read.sha256) == ("ops", "viewer", digest(made))
    assert holder(made, [one]) == one
    assert made not in config_line(one)


@pytest.mark.parametrize("name", ["on", "null", "2026-01-01", "1e5", "0x1f", "~"])
def test_names_and_hashes_are_text_whatever_they_look_like(name: str) -> None:
    """
    YAML would read a number, a date, a yes.
    """
    line = config_line(Token(name=name, role="viewer", sha256="1" * 64))

    assert yaml.safe_load(line) == [{"name": name, "role": "viewer", "sha256": "1" * 64}]


def test_the_local_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """
    Kept across restarts, and nothing else is left in the folder.
    """
    path = tmp_path / "admin-token"
    mask = os.umask(0)
    try:
        made = kept_token(path)
    finally:
        os.umask(mask)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == f"{made}\n"
    assert kept_token(path) == made == read_token(path)
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_make_one_at_once_the_first_counts(tmp_path: Path) -> None:
    """
    A token that somebody was given already is never replaced.
    """
    path = tmp_path / "admin-token"
    first = kept_token(path)

    with pytest.raises(FileExistsError):
        token._make(path, new_token())

    assert read_token(path) == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """
    Who could read it has the token, who could write it chose it.
    """
    path = tmp_path / "admin-token"
    kept_token(path)
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match=r"by others: remove it, and the next start makes a new one"):
        kept_token(path)


def test_a_file_of_another_user_is_refused_unless_asked_for(tmp_path: Path) -> None:
    """
    The administrator may read the service's token; the service doesn't take one that was put there.
    """
    path = tmp_path / "admin-token"
    made = kept_token(path)
    other = os.geteuid() + 1

    with pytest.raises(ConfigurationError, match=f"belongs to user {os.geteuid()}, who may know"):
        read_token(path, owner=other)

    assert read_token(path, owner=os.geteuid()) == made


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """
    Neither to a token nor into the void.
    """
    kept_token(tmp_path / "elsewhere")
    for target in ("elsewhere", "void"):
        path = tmp_path / f"to-{target}"
        path.symlink_to(tmp_path / target)

        with pytest.raises(ConfigurationError, match="is a link"):
            kept_token(path)

    assert not (tmp_path / "void").exists()


def test_what_is_no_file_is_refused_and_holds_nobody_up(tmp_path: Path) -> None:
    """
    Opening a pipe for reading waits for a writer, who may never come.
    """
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()

    for name in ("pipe", "folder"):
        with pytest.raises(ConfigurationError, match="is no file"):
            kept_token(tmp_path / name)


@pytest.mark.parametrize(
    "content", [b"", b"plx_short\n", b"\xff" * 47, b"plx_" + b"a" * 43 + b"\nmore", b"x" * 100_000]
)
def test_a_file_without_a_token_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    """
    Somebody may have put a secret of another kind there.
    """
    path = tmp_path / "admin-token"
    path.touch(0o600)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"admin-token holds no token: [a-z, ]*$"):
        kept_token(path)


def test_a_folder_that_is_not_there_is_the_callers_business(tmp_path: Path) -> None:
    """
    Told as the kernel tells it.
    """
    with pytest.raises(FileNotFoundError):
        kept_token(tmp_path / "nowhere" / "admin-token")
