"""
Which versions of old and of new answer: a field of their answers that the configuration names. No clock and no I/O.

`old.version` and `new.version` are declared as `header:NAME`, or as the version itself, or not at all ("").
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

HEADER: Final = "header:"
# What is kept of a side: so many versions, of so many characters. Whoever names a field that differs with each answer
# learns that from what is shown, and not from our memory.
KEPT: Final = 8
LONGEST: Final = 64
# Anything else in a value could be made to look like something on a page or in a log.
UNUSUAL: Final = re.compile(r"[^A-Za-z0-9._+:/-]")
# Seconds for which a version counts that was seen.
FRESH: Final = 60.0


def name_in(declared: str) -> bytes:
    """
    The lower-case name of the field that tells a side's version, b"" for none.
    """
    return declared.removeprefix(HEADER).lower().encode("ascii") if declared.startswith(HEADER) else b""


def version_of(value: bytes) -> str:
    """
    A version as it is shown.
    """
    return UNUSUAL.sub("_", value[:LONGEST].decode("latin-1"))


class Versions:
    """
    Those that one worker has seen, by side, and when last (Unix time).
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: tuple[dict[str, float], dict[str, float]] = ({}, {})

    def note(self, side: int, version: str, now: float) -> None:
        """
        An answer of this version; of too many, the one that was not seen for longest is forgotten.
        """
        seen = self._seen[side]
        seen[version] = now
        if len(seen) > KEPT:
            del seen[min(seen, key=seen.__getitem__)]

    def snapshot(self) -> list[dict[str, float]]:
        """
        Of old, and of new: by version, when it was seen last.
        """
        return [dict(seen) for seen in self._seen]


def in_service(
    declared: tuple[str, str], seen: Iterable[tuple[Mapping[str, float], Mapping[str, float]]], now: float
) -> tuple[frozenset[str], frozenset[str]]:
    """
    The versions of old and of new: as declared, or those that any worker has seen within the last minute. None where
    nothing is declared, and where nobody answers.
    """
    known = list(seen)

    def of(side: int) -> frozenset[str]:
        if not name_in(declared[side]):
            return frozenset({declared[side]} - {""})
        return frozenset(name for one in known for name, at in one[side].items() if now - at <= FRESH)

    return of(0), of(1)
