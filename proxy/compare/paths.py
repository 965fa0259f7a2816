"""
Path patterns: the part of JSONPath (RFC 9535) that rules are written in, as segments.

`$.a.b`, `$['a b']`, `$.items[*].id`, `$.items[0]`, `$.*`, `$..etag`, and `**` for any depth (`$.a.**.etag`). Filters,
slices, unions and negative indices are refused: a rule should say what it hides in one glance.
"""

import re
from enum import Enum
from typing import Final

MEMBER: Final = re.compile(r"[^\W\d][\w-]*")
INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LONGEST: Final = 500
DEEPEST: Final = 32


class Wild(Enum):
    """
    Segments that more than one step fits: `ANY` any one child, `DEEP` any number of levels, none included.
    """

    ANY = "*"
    DEEP = "**"


ANY: Final = Wild.ANY
DEEP: Final = Wild.DEEP
# A member's name, an element's index, or one of these two.
Segment = str | int | Wild
Pattern = tuple[Segment, ...]


def parse_path(text: str) -> Pattern:
    """
    A pattern's segments. Raises `ValueError` saying what is wrong, where, and after a semicolon what would be right.
    """
    if not text.startswith("$"):
        raise ValueError(f"{text[:80]!r} does not begin with $; write a path such as $.items[*].id")
    if len(text) > LONGEST:
        raise ValueError(f"a path of {len(text)} characters is too long; write at most {LONGEST}")
    segments: list[Segment] = []
    at = 1
    while at < len(text):
        found, at = _segment(text, at)
        segments += found
    if len(segments) > DEEPEST:
        raise ValueError(f"{text[:80]!r} has {len(segments)} parts; write at most {DEEPEST}, or use .. for any depth")
    # Two in a row say what one says, and cost more.
    return tuple(one for one, before in zip(segments, [None, *segments], strict=False) if (one, before) != (DEEP, DEEP))


def _segment(text: str, at: int) -> tuple[list[Segment], int]:
    """
    What begins at `at`, as one segment or as DEEP and one, and where the next begins.
    """
    if text.startswith("..", at):
        after = at + 2
        if text.startswith("[", after):
            segment, end = _bracket(text, after)
        else:
            segment, end = _member(text, after)
        return [DEEP, segment], end
    if text.startswith(".**", at):
        return [DEEP], at + 3
    if text.startswith(".", at):
        segment, end = _member(text, at + 1)
        return [segment], end
    if text.startswith("[", at):
        segment, end = _bracket(text, at)
        return [segment], end
    raise _wrong(text, at, "write .name, ['name'], [0], [*], .* or ..name")


def _member(text: str, at: int) -> tuple[Segment, int]:
    if text.startswith("*", at):
        return ANY, at + 1
    match = MEMBER.match(text, at)
    if match is None:
        raise _wrong(text, at, "write a name there, in brackets and quotes if it has other signs: $['a b']")
    return match[0], match.end()


def _bracket(text: str, at: int) -> tuple[Segment, int]:
    inner: Segment
    if text.startswith("*", at + 1):
        inner, end = ANY, at + 2
    elif quoted := QUOTED.match(text, at + 1):
        inner, end = _plain(quoted[1] if quoted[1] is not None else quoted[2]), quoted.end()
    elif index := INDEX.match(text, at + 1):
        inner, end = int(index[0]), index.end()
    else:
        raise _wrong(text, at, "write [0], [*] or ['name']; filters, slices and lists are not understood")
    if not text.startswith("]", end):
        raise _wrong(text, end, "close it with ]; filters, slices and lists are not understood")
    return inner, end + 1


def _plain(quoted: str) -> str:
    """
    A name without its escapes: two of them, surrogates, may be one letter beyond 16 bit.
    """
    units = ESCAPE.sub(_unescaped, quoted).encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "surrogatepass")


def _unescaped(match: re.Match[str]) -> str:
    said = match[1]
    return chr(int(said[1:], 16)) if len(said) > 1 else ESCAPES.get(said, said)


def _wrong(text: str, at: int, remedy: str) -> ValueError:
    return ValueError(f"{text[:80]!r} can't be read from character {at + 1} on; {remedy}")
