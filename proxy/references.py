"""
Where a secret is, if it isn't written down: `env:NAME`, or `file:PATH` relative to a folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from proxy.errors import ParallaxError

# Bytes; a secret is rarely longer than a token.
LARGEST: Final = 8192


class Unreadable(ParallaxError):
    """
    A value can't be had; `str()` says why, and never what there is.
    """


def is_reference(text: str) -> bool:
    """
    Whether a text says where a value is, instead of being it.
    """
    kind, colon, name = text.partition(":")
    return kind in ("env", "file") and bool(colon and name)


def look_up(reference: str, folder: Path, environment: Mapping[str, str]) -> str:
    """
    The value that is there, without white space around it. Blocks for as long as its disk does. Raises `Unreadable`.
    """
    assert is_reference(reference), "only references are looked up"
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in environment:
            raise Unreadable("there is no such environment variable; set it for parallax serve")
        value = environment[name]
    else:
        try:
            with (folder / name).open("rb") as opened:
                value = opened.read(LARGEST + 1).decode("latin-1").strip()
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "unreadable").lower()
            raise Unreadable(f"can't be read ({reason}); write the path of a file") from None
    if len(value) > LARGEST:
        raise Unreadable(f"is longer than {LARGEST:,} characters")
    return value


def resolve(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    """
    The text, or the value that it says the place of. Raises `Unreadable`, which names the place.
    """
    if not is_reference(text):
        return text
    try:
        return look_up(text, folder, environment)
    except Unreadable as error:
        raise Unreadable(f"{text}: {error}") from None
