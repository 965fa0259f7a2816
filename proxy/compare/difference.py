"""
Differences: where (`path`), how (`kind`) and the two values; and how bad a kind is.

A path is JSONPath (RFC 9535, normalized form where a name needs quoting): `$.items[3].id`, `$['a b']`; or `status`,
`header:location`, `$` for a body as a whole. Its pattern has what only tells one thing from others of its like folded:
indices (`$.items[*].id`), and names that are numbers, identifiers, dates or addresses, since those are keys of a
dictionary (`$.prices.*.amount`). The pattern of a status names both statuses (`status:200:500`): who accepts that
new says 404 where old says 200 has not accepted a 500.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

STATUS: Final = "status"
# Names that are data: numbers, UUIDs, hashes, dates, anything with five digits in a row, e-mail addresses.
DATA: Final = re.compile(
    r"[0-9]+"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{16,}"
    r"|[0-9]{4}-[0-9]{2}(?![0-9]).*"
    r"|.*[0-9]{5}.*"
    r"|[^@]+@[^@]+",
    re.DOTALL | re.ASCII,
)
LONGEST_NAME: Final = 100
# Of deeper places a pattern has the beginning and the end.
MOST_STEPS: Final = 32
FIRST_STEPS: Final = 20
LAST_STEPS: Final = 8
# Of longer names a path has the beginning.
MOST_LETTERS: Final = 500
# In XML: that it is an attribute, and its namespace, which is a URL full of dates.
NAMESPACE: Final = re.compile(r"@?\{[^}]*\}|@")

# What a path is built of before it is written down: names of members, indices of elements.
Steps = tuple[str | int, ...]
ANY_INDEX: Final = -1
# Steps with indices as ANY_INDEX and names that are data as None.
Folded = tuple[str | int | None, ...]


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
    LENGTH = 6  # of an array, of a text in lines, of content in bytes
    HEADER = 7  # a compared field
    MEDIA_TYPE = 8  # a body is not what the other is, or is it in spite of its Content-Type
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
WORDS: Final = {kind: kind.name.lower() for kind in Kind}
# What identifies a difference within its endpoint: the pattern of its path, and its kind.
Part = tuple[str, Kind]


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
        Where exactly. Elements of arrays are counted as old has them, those that only new has as new has them.
        """
        return self.place or write_path(self.steps)

    @property
    def pattern(self) -> str:
        """
        Where, with everything folded that tells one from others of its like.
        """
        if self.place == STATUS:
            return f"{STATUS}:{self.old}:{self.new}"
        return self.place or write_pattern(fold(self.steps))


def parts_of(differences: Sequence[Difference]) -> set[Part]:
    """
    The patterns and kinds of differences; as quick for a thousand at one place as for one.
    """
    if len(differences) == 1:
        return {(differences[0].pattern, differences[0].kind)}
    parts: set[Part] = set()
    places: set[tuple[Steps, Kind]] = set()
    for one in differences:
        if one.place or not one.steps:
            parts.add((one.pattern, one.kind))
        else:
            # Names are looked at once: those of a thousand elements are the same few.
            places.add((tuple([ANY_INDEX if type(step) is int else step for step in one.steps]), one.kind))
    return parts | {(write_pattern(fold(steps)), kind) for steps, kind in places}


def fold(steps: Steps) -> Folded:
    """
    Steps without what tells one element, or one entry of a dictionary, from another.
    """
    return tuple(ANY_INDEX if isinstance(step, int) else _folded_name(step) for step in steps)


def _folded_name(name: str) -> str | None:
    if len(name) <= LONGEST_NAME and name.isalpha():
        return name
    namespace = NAMESPACE.match(name)
    own = name if namespace is None else name[namespace.end() :]
    return None if len(own) > LONGEST_NAME or DATA.fullmatch(own) is not None else name


@lru_cache(maxsize=512)
def write_pattern(steps: Folded) -> str:
    """
    Folded steps as JSONPath.
    """
    if len(steps) > MOST_STEPS:
        return write_pattern(steps[:FIRST_STEPS]) + ".**" + write_pattern(steps[-LAST_STEPS:]).removeprefix("$")
    return "$" + "".join(".*" if step is None else "[*]" if step == ANY_INDEX else _step(step) for step in steps)


def write_path(steps: Steps) -> str:
    """
    Steps as JSONPath.
    """
    return "$" + "".join(map(_step, steps))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if len(step) > MOST_LETTERS:
        step = step[:MOST_LETTERS] + "…"
    return f".{step}" if step.isascii() and step.isidentifier() else f"['{_quoted(step)}']"


def _quoted(name: str) -> str:
    """
    A name within single quotes, controls escaped (RFC 9535 §2.7), so that a path is one line whatever a body holds.
    """
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(
        letter if letter.isprintable() and not "\ud800" <= letter <= "\udfff" else _escape(letter) for letter in escaped
    )


def _escape(letter: str) -> str:
    """
    JSONPath escapes as JSON does: what is beyond 16 bit as two surrogates.
    """
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
