"""
Values that count as equal though they differ: within a tolerance, in another format, or of the same form.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
# MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 in hexadecimal.
HASH: Final = re.compile(
    r"[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{24}|[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96})?"
)
# Not shorter, or a word would be one.
BASE64: Final = re.compile(r"(?=.{16})(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?")
INTEGER: Final = re.compile(r"[+-]?[0-9]+")
NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
# Forms that both values must have, from end to end, to be excused by form.
FORMS: Final = {"uuid": UUID, "hash": HASH, "base64": BASE64, "integer": INTEGER, "number": NUMBER}
FORM_NAMES: Final = (*FORMS, "timestamp")

# Numbers that count seconds, milliseconds, microseconds or nanoseconds since 1970, by how large they are: from 1973 to
# 2286.
SECONDS: Final = (1e8, 1e10)
UNITS: Final = (1.0, 1e3, 1e6, 1e9)
LONGEST_TIME: Final = 64
LONGEST_NUMBER: Final = 400
# What a replacement makes of a text can be so many times as long as the replacement.
LONGEST_REWRITTEN: Final = 2**20
# What stands before the path of an absolute URL.
ORIGIN: Final = re.compile(r"\A(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\s]*")


def number(value: Any) -> Decimal | None:
    """
    A number, or a text that is one (XML and forms know nothing else); None for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str) and (len(value) > LONGEST_NUMBER or NUMBER.fullmatch(value) is None):
        return None
    try:
        read = Decimal(str(value)) if isinstance(value, float | str) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return read if read.is_finite() else None


def within(absolute: Decimal, relative: Decimal) -> Callable[[Any, Any], bool]:
    """
    Do two numbers lie within `absolute` of each other, or within `relative` times the larger? A number and a text are
    not compared: that one became the other is what a client fails on.
    """

    def near(old: Any, new: Any) -> bool:
        if isinstance(old, str) is not isinstance(new, str):
            return False
        one, other = number(old), number(new)
        if one is None or other is None:
            return False
        try:
            return abs(one - other) <= max(absolute, relative * max(abs(one), abs(other)))
        except ArithmeticError:
            return False

    return near


def seconds_of(value: Any) -> float | None:
    """
    A time as seconds since 1970: RFC 3339 and ISO 8601 (UTC where it says none), the date of HTTP and mail, or a number
    of seconds, milliseconds, microseconds or nanoseconds; None for anything else.
    """
    counted = number(value)
    if counted is not None:
        # Not abs(): that rounds, and raises for exponents beyond what Decimal calculates with.
        size = float(counted.copy_abs()) if counted.copy_abs() < Decimal("1e20") else 0.0
        return next((float(counted) / unit for unit in UNITS if SECONDS[0] <= size / unit < SECONDS[1]), None)
    if not isinstance(value, str) or len(value) > LONGEST_TIME:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def times_within(seconds: float) -> Callable[[Any, Any], bool]:
    """
    Are two times, in whatever formats, at most `seconds` apart?
    """

    def near(old: Any, new: Any) -> bool:
        one, other = seconds_of(old), seconds_of(new)
        return one is not None and other is not None and abs(one - other) <= seconds

    return near


def both_of(form: str) -> Callable[[Any, Any], bool]:
    """
    Do two values have this form, one of `FORM_NAMES`?
    """
    if form == "timestamp":
        return lambda old, new: seconds_of(old) is not None and seconds_of(new) is not None
    return both_match(FORMS[form])


def both_match(pattern: re.Pattern[str]) -> Callable[[Any, Any], bool]:
    """
    Do two texts or numbers match a pattern from end to end?
    """

    def match(old: Any, new: Any) -> bool:
        one, other = _text(old), _text(new)
        return (
            one is not None
            and other is not None
            and pattern.fullmatch(one) is not None
            and pattern.fullmatch(other) is not None
        )

    return match


def _text(value: Any) -> str | None:
    """
    A text, or a number as text; None for anything else.
    """
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def rewriting(pattern: re.Pattern[str], replacement: str) -> Callable[[str], str]:
    """
    Texts with every match replaced; the longest ones as they are.
    """

    def rewrite(text: str) -> str:
        return pattern.sub(replacement, text) if len(text) <= LONGEST_REWRITTEN else text

    return rewrite


def without_origin(text: str) -> str:
    """
    A URL without scheme and host; other texts as they are.
    """
    return ORIGIN.sub("", text, count=1)


def single_spaced(text: str) -> str:
    """
    A text without white space at its ends, and with one space wherever there was any within.
    """
    return " ".join(text.split())
