"""
Differences: where (`path`), how (`kind`) and the two values; and how bad a kind is.

A path is JSONPath (RFC 9535, normalized form where a name needs quoting): `$.items[3].id`, `$['a b']`; or `status`,
`header:location`, `$` for a body as a whole. Its pattern has indices folded: `$.items[*].id`.
"""

import re
from enum import IntEnum
from typing import Any, Final, NamedTuple

PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# What a path is built of before it is written down: names of members, indices of elements.
Steps = tuple[str | int, ...]


class Kind(IntEnum):
    """
    How two things differ. The numbers are bits of a mask that travels between processes: never change one.
    """

    STATUS = 0
    MISSING = 1  # old has it, new doesn't
    EXTRA = 2  # new has it, old doesn't
    TYPE = 3
    VALUE = 4
    ORDER = 5  # the same elements in another order
    LENGTH = 6  # of an array or of a text in lines
    HEADER = 7  # a compared field
    MEDIA_TYPE = 8  # a body is not what its Content-Type says, or both say different things
    ENCODING = 9  # one body's Content-Encoding can't be undone
    DUPLICATE = 10  # a member's name is there more than once
    BODY = 11  # content that is compared as a whole
    CUT = 12  # content too long to be kept: compared by length and digest


# Worst first: another status changes what every client does, another header field what a few do.
SEVERITIES: Final = (
    frozenset({Kind.STATUS}),
    frozenset({Kind.MISSING, Kind.EXTRA, Kind.TYPE, Kind.MEDIA_TYPE}),
    frozenset({Kind.VALUE, Kind.LENGTH, Kind.DUPLICATE, Kind.BODY, Kind.CUT}),
    frozenset({Kind.ORDER}),
    frozenset({Kind.HEADER, Kind.ENCODING}),
)
SEVERITY_NAMES: Final = ("status", "shape", "value", "order", "header")


def severity(kind: Kind) -> int:
    """
    0 is the worst; the index into `SEVERITY_NAMES`.
    """
    return next(rank for rank, kinds in enumerate(SEVERITIES) if kind in kinds)


class Absent:
    """
    The value of what isn't there, which is not the same as null.
    """

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()


class Difference(NamedTuple):
    """
    One thing that differs. `steps` lead to it in a body; `place` is "status" or "header:name", or "" for a body.
    """

    kind: Kind
    steps: Steps
    old: Any
    new: Any
    place: str = ""

    @property
    def path(self) -> str:
        """
        Where exactly.
        """
        return self.place or write_path(self.steps)

    @property
    def pattern(self) -> str:
        """
        Where, with every index folded into `[*]`.
        """
        return self.place or write_path(self.steps, folded=True)


def write_path(steps: Steps, *, folded: bool = False) -> str:
    """
    Steps as JSONPath.
    """
    parts = ["$"]
    for step in steps:
        if isinstance(step, int):
            parts.append("[*]" if folded else f"[{step}]")
        elif PLAIN_NAME.fullmatch(step):
            parts.append(f".{step}")
        else:
            parts.append(f"['{_quoted(step)}']")
    return "".join(parts)


def _quoted(name: str) -> str:
    """
    A name within single quotes, controls escaped (RFC 9535 §2.7), so that a path is one line whatever a body holds.
    """
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(
        letter if letter.isprintable() and not "\ud800" <= letter <= "\udfff" else f"\\u{ord(letter):04x}"
        for letter in escaped
    )
