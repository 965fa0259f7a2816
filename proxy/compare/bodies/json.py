"""
JSON bodies (RFC 8259) as values: quickly by orjson where that loses nothing, else exactly by the standard library.

What orjson loses or refuses: integers over 64 bit become floats, floats keep 17 digits, of members with the same name
only the last is left; NaN, Infinity, a byte order mark, lone surrogates and more than 1,024 levels are refused.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

import orjson

from proxy.compare.bodies.base import MOST_VALUES, Document, NotReadable, to_text
from proxy.compare.decode import TooLarge
from proxy.compare.difference import ANY_INDEX, Folded, fold

# Numbers that orjson may not hold exactly: integers of 20 digits, negative ones of 19; of 16 digits with a point or an
# exponent; so small that nothing is left. A text that looks like one costs an exact reading, no more.
LONG_NUMBER: Final = re.compile(
    rb"[:\[,\s](?:[0-9]{20}|-[0-9]{19}|-?(?=[0-9]+[.eE])[0-9.]{16}|-?[0-9.]+[eE]-[0-9]{3})|\A-?[0-9]"
)
# Scanning for them by regular expression takes as long as parsing, and by this translation a tenth: digits and points
# become 0, E becomes e.
COARSE: Final = bytes.maketrans(b"123456789.E", b"0000000000e")
SUSPECTS: Final = (b"0" * 16, b"0e-0")
# Arrays in arrays that orjson may be asked to write. 3.13.0 writes beyond its memory from seven on, where long numbers
# follow an inner array; 3.11.8 does when some forty of them end at once.
MOST_LISTS: Final = 5
NO_BRACKETS: Final = bytes(code for code in range(256) if code not in b'[]"')
# Brackets and quotes of bodies that are remembered, and how many of them: 512 KiB in all.
REMEMBERED: Final = 16
LONGEST_BRACKETS: Final = 32 * 1024
TEXT: Final = re.compile(rb'"[^"]*"')
# A colon written by its number.
ESCAPED: Final = (b"\\u003a", b"\\u003A")
# Levels of a value. The differ needs up to four frames of Python for each, and is given ten thousand (`judge.FRAMES`).
MOST_LEVELS: Final = 1000
# Python refuses to make an int of more digits (CVE-2020-10735).
MOST_DIGITS: Final = 4000
MANY_DIGITS: Final = b"0" * (MOST_DIGITS + 1)
# Below this size there can't be too many values.
SMALL: Final = 2**20


@dataclass(frozen=True, slots=True)
class Odd:
    """
    A number that JSON doesn't have (NaN, Infinity), or no machine can hold: equal when written the same.
    """

    text: str


def read(content: bytes, exactly: bool) -> Document:
    """
    The value. Raises `NotReadable`, and `TooLarge` for more values than can be held.
    """
    check_values(content)
    return (None if exactly else read_quickly(content)) or read_exactly(content)


def check_values(content: bytes) -> None:
    """
    Raise `TooLarge` for more values than can be held: counted by what stands before each, in texts too.
    """
    if len(content) > SMALL and sum(map(content.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise TooLarge(f"more than {MOST_VALUES} values")


def read_quickly(content: bytes) -> Document | None:
    """
    The value as orjson has it; None where something would be lost, or for more levels than orjson can write.
    """
    if not has_few_lists(content, MOST_LISTS):
        return None
    try:
        value = orjson.loads(content)
        # Refused for more than 254 levels.
        written = orjson.dumps(value)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return Document(value=value, written=written) if is_lossless(content, written) else None


def is_lossless(content: bytes, written: bytes) -> bool:
    """
    Does a value that is `written` so hold all that is in the content? If it is the same text, nobody has to look.
    """
    return written == content or not (_has_long_number(content) or _has_lost_members(content, written))


def has_few_lists(content: bytes, most: int) -> bool:
    """
    Are there at most so many arrays within arrays? From the text, since looking at values takes longer than reading it:
    texts and everything but brackets are taken out, then pair after pair of brackets.
    """
    if len(content.split(b"[", most + 1)) <= most + 1:
        return True
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = content.translate(None, NO_BRACKETS)
    look = _pairs_up if len(brackets) <= LONGEST_BRACKETS else _pairs_up.__wrapped__
    return look(brackets, most)


@lru_cache(maxsize=REMEMBERED)  # both bodies of a pair mostly have the same
def _pairs_up(brackets: bytes, most: int) -> bool:
    """
    Is nothing left when so many times pairs of brackets are taken away?
    """
    # Four quotes at a time first, which is quicker.
    brackets = brackets.replace(b'""""', b"").replace(b'""', b"")
    if b'"' in brackets:
        brackets = TEXT.sub(b"", brackets)
    for _ in range(most):
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def _has_long_number(content: bytes) -> bool:
    coarse = content.translate(COARSE)
    return any(suspect in coarse for suspect in SUSPECTS) and LONG_NUMBER.search(content) is not None


def _has_lost_members(content: bytes, written: bytes) -> bool:
    """
    Members of the same name: with each that is overwritten a colon is lost. Colons within texts are written as they
    came, unless that was by their number.
    """
    return content.count(b":") != written.count(b":") or any(escaped in content for escaped in ESCAPED)


def read_exactly(content: bytes) -> Document:
    """
    The value with every digit and every member. Raises `NotReadable`.
    """
    text, broken = to_text(content)
    members = _Members()
    try:
        value = _load(text, members, long=MANY_DIGITS in content.translate(COARSE))
        _check_levels(value)
        repeated = dict(members.places(value)) if members.repeated else {}
    except (ValueError, RecursionError) as error:
        raise NotReadable(str(error)) from None
    return Document(value=value, exact=True, repeated=repeated, broken=broken)


def _load(text: str, members: "_Members", *, long: bool) -> Any:
    load: Callable[..., Any] = json.loads
    # The standard library's own int and Decimal are several times quicker than functions that look first.
    integer = _integer if long else None
    try:
        return load(
            text, parse_float=Decimal, parse_int=integer, parse_constant=Odd, object_pairs_hook=members.together
        )
    except InvalidOperation:
        members.repeated.clear()
        return load(
            text, parse_float=_decimal, parse_int=integer, parse_constant=Odd, object_pairs_hook=members.together
        )


class _Members:
    """
    Objects from their members. Of those with one name the last counts, as most readers have it (RFC 8259 §4); the
    others are kept in `repeated`, by the identity of their object.
    """

    def __init__(self) -> None:
        self.repeated: dict[int, dict[str, list[Any]]] = {}

    def together(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """
        One object.
        """
        whole = dict(pairs)
        if len(whole) < len(pairs):
            earlier: dict[str, list[Any]] = {}
            for name, value in pairs:
                earlier.setdefault(name, []).append(value)
            self.repeated[id(whole)] = {name: values[:-1] for name, values in earlier.items() if len(values) > 1}
        return whole

    def places(self, value: Any) -> Iterator[tuple[Folded, tuple[str, ...]]]:
        """
        Where in `value` a name was repeated, folded, with everything that was overwritten at such places.
        """
        found: dict[Folded, list[str]] = {}
        waiting: list[tuple[Folded, Any]] = [((), value)]
        while waiting:
            steps, one = waiting.pop()
            if isinstance(one, dict):
                for name, values in self.repeated.get(id(one), {}).items():
                    found.setdefault((*steps, *fold((name,))), []).extend(map(repr, values))
                waiting += [((*steps, *fold((name,))), child) for name, child in one.items() if _holds(child)]
            else:
                waiting += [((*steps, ANY_INDEX), child) for child in one if _holds(child)]
        # Elements may have changed places: that is another difference, if any.
        return ((steps, tuple(sorted(values))) for steps, values in found.items())


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def _check_levels(value: Any) -> None:
    """
    Raise `NotReadable` for more than `MOST_LEVELS` levels.
    """
    layer = [value]
    for _ in range(MOST_LEVELS + 1):
        layer = [
            child
            for one in layer
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, dict | list)
        ]
        if not layer:
            return
    raise NotReadable(f"more than {MOST_LEVELS} levels")


def _decimal(text: str) -> Decimal | Odd:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Odd(text)


def _integer(text: str) -> int | Odd:
    return int(text) if len(text) <= MOST_DIGITS else Odd(text)
