"""
Secrets of a deployment: made once, kept, and nobody else's.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.salt import SALT, SIGNING_KEY, kept_salt, kept_signing_key

BOTH = pytest.mark.parametrize(("kept", "name"), [(kept_salt, SALT), (kept_signing_key, SIGNING_KEY)])
Kept = Callable[[str], str]


@BOTH
def test_a_secret_is_made_once(tmp_path: Path, kept: Kept, name: str) -> None:
    """
    32 random bytes that only this user can read.
    """
    first = kept(str(tmp_path))

    assert re.fullmatch("[0-9a-f]{64}", first)
    assert kept(str(tmp_path)) == first
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]


@BOTH
def test_one_that_others_could_read_is_made_anew(tmp_path: Path, kept: Kept, name: str) -> None:
    """
    And so is what is none.
    """
    first = kept(str(tmp_path))
    (tmp_path / name).chmod(0o644)
    second = kept(str(tmp_path))
    (tmp_path / name).write_text("short")

    assert len({first, second, kept(str(tmp_path))}) == 3


def test_they_are_not_the_same(tmp_path: Path) -> None:
    """
    Whoever learns one knows nothing of the other.
    """
    assert kept_salt(str(tmp_path)) != kept_signing_key(str(tmp_path))
