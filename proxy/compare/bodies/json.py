"""
JSON bodies (RFC 8259) as values: quickly by orjson where that loses nothing, else exactly by the standard library.

What orjson loses or refuses: integers over 64 bit become floats, floats keep 17 digits, of members with the same name
only the last is left; NaN, Infinity, a byte order mark, lone surrogates and more than 1,024 levels are refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

# Numbers that a float may not hold exactly: of 16 digits and more, or so small that nothing is left. One within a text
# costs an exact reading, no more.
LONG_NUMBER: Final = re.compile(rb"[:\[,\s]-?[0-9](?:[0-9.]{15}|[0-9.]*[eE]-[0-9]{3})|\A-?[0-9]")
# Scanning for them by regular expression takes as long as parsing, and by this translation a tenth: digits and points
# become 0, E becomes e, and all white space the same.
COARSE: Final = bytes.maketrans(b"123456789.E\t\n\r", b"0000000000e   ")
SUSPECTS: Final = (b"0" * 16, b"0e-0")
COLON: Final = re.compile(rb'"\s*:')
# Python refuses to make an int of more digits (CVE-2020-10735), and Decimal takes them.
MOST_DIGITS: Final = 4000


class NotJson(ValueError):
    """
    Not JSON, or nested too deeply to be walked.
    """


@dataclass(frozen=True, slots=True)
class Odd:
    """
    A number that JSON doesn't have (NaN, Infinity), or no machine can hold: equal when written the same.
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """
    A body's value. `exact`: read by the standard library. `duplicates`: names that an object has more than once.
    """

    value: Any
    exact: bool = False
    duplicates: tuple[str, ...] = field(default=())


def read_both(old: bytes, new: bytes) -> tuple[Document, Document]:
    """
    Two bodies, read in the same way: exactly, if either of them needs it. Raises `NotJson`.
    """
    quick_old, quick_new = read_quickly(old), read_quickly(new)
    if quick_old is None or quick_new is None:
        return read_exactly(old), read_exactly(new)
    return quick_old, quick_new


def read_quickly(data: bytes) -> Document | None:
    """
    The value as orjson has it, None where something would be lost.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    coarse = data.translate(COARSE)
    if any(suspect in coarse for suspect in SUSPECTS) and LONG_NUMBER.search(data) is not None:
        return None
    # Members of the same name: fewer are left than there were. An escaped quote before a colon looks like a member's
    # end, and still does when the value is written again.
    were = sum(1 for _ in COLON.finditer(data)) if b" :" in coarse else data.count(b'":')
    if were != orjson.dumps(value).count(b'":'):
        return None
    return Document(value=value)


def read_exactly(data: bytes) -> Document:
    """
    The value with every digit and every member. Raises `NotJson`.
    """
    twice: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) < len(pairs):
            # The last counts, as most readers have it (RFC 8259 §4).
            twice.extend(_repeated(pairs))
        return whole

    try:
        value = json.loads(
            data.decode("utf-8-sig", "surrogatepass"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=Odd,
            object_pairs_hook=members,
        )
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from None
    return Document(value=value, exact=True, duplicates=tuple(sorted(set(twice))))


def _repeated(pairs: list[tuple[str, Any]]) -> Iterator[str]:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            yield name
        seen.add(name)


def _decimal(text: str) -> Decimal | Odd:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Odd(text)


def _integer(text: str) -> int | Odd:
    return int(text) if len(text) <= MOST_DIGITS else Odd(text)
