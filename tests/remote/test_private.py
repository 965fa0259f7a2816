"""
What is believed of a file: only what nobody else can have written.
"""

import os
from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.remote.private import is_own_folder, read_own, read_token
from tests.parts.registered import private


def test_a_folder_of_ours_is_one_that_others_cannot_enter(tmp_path: Path) -> None:
    """
    Its mode counts, and a link to one is none.
    """
    mine, open_to_all, link = tmp_path / "mine", tmp_path / "open", tmp_path / "link"
    mine.mkdir(mode=0o700)
    open_to_all.mkdir()
    open_to_all.chmod(0o750)
    link.symlink_to(mine)

    assert is_own_folder(mine)
    assert not is_own_folder(open_to_all)
    assert not is_own_folder(link)
    assert not is_own_folder(tmp_path / "gone")


def test_a_token_is_the_only_thing_in_its_file(tmp_path: Path) -> None:
    """
    With or without an end of line.
    """
    assert read_token(private(tmp_path / "one", "plx_abc\n")) == "plx_abc"
    assert read_token(private(tmp_path / "two", "plx_abc")) == "plx_abc"


@pytest.mark.parametrize("text", ["", "\n", "two words", "one\ntwo", "ключ"])
def test_what_is_no_token_is_not_repeated(text: str, tmp_path: Path) -> None:
    """
    It may be a secret of another kind.
    """
    file = private(tmp_path / "file", text)
    with pytest.raises(ConfigurationError) as refused:
        read_token(file)

    assert str(refused.value) == f"{file}: holds no token; put the token there, and nothing else"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_read_or_change_is_refused(mode: int, tmp_path: Path) -> None:
    """
    With the command that mends it.
    """
    file = private(tmp_path / "token", "plx_abc", mode)
    with pytest.raises(ConfigurationError, match=f"others can read or change it; run: chmod 600 {file}"):
        read_own(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """
    Whoever wrote it could have us sign in as they like.
    """
    file = private(tmp_path / "token", "plx_abc")
    os.chown(file, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        read_own(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """
    Nothing there, a folder, and a pipe that nobody writes to: at once, without waiting for anybody.
    """
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, said in (("gone", "no such file"), (".", "is no file"), ("pipe", "is no file")):
        with pytest.raises(ConfigurationError, match=said):
            read_own(tmp_path / name)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """
    Nobody's token has 64 KiB.
    """
    with pytest.raises(ConfigurationError, match="is over 64 KiB"):
        read_own(private(tmp_path / "file", "a" * 65537))
