"""
Values that count as equal though they differ: within a tolerance, in another format, or of the same form.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

# Forms that both values must have to be excused by form. Each is anchored at both ends by `fullmatch`.
FORMS: Final = {
    "uuid": re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"),
    # MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 in hexadecimal.
    "hash": re.compile(
        r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}", re.IGNORECASE
    ),
    "base64": re.compile(r"(?:[A-Za-z0-9+/_-]{4}){2,}(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?"),
    "integer": re.compile(r"[+-]?[0-9]+"),
    "number": re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
}
FORM_NAMES: Final = (*FORMS, "timestamp")

# Numbers that count seconds, milliseconds or microseconds since 1970, by how large they are: from 1973 to 2286.
SECONDS: Final = (1e8, 1e10)
UNITS: Final = (1.0, 1e3, 1e6, 1e9)
LONGEST_TIME: Final = 64
LONGEST_NUMBER: Final = 400
# What stands before the path of an absolute URL.
ORIGIN: Final = re.compile(r"\A(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\s]*")


def number(value: Any) -> Decimal | None:
    """
    A number, or a text that is one (XML and forms know nothing else); None for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str) and (len(value) > LONGEST_NUMBER or FORMS["number"].fullmatch(value) is None):
        return None
    try:
        read = Decimal(str(value)) if isinstance(value, float | str) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return read if read.is_finite() else None


def within(absolute: Decimal, relative: Decimal) -> Callable[[Any, Any], bool]:
    """
    Do two numbers lie within `absolute` of each other, or within `relative` times the larger?
    """

    def near(old: Any, new: Any) -> bool:
        one, other = number(old), number(new)
        if one is None or other is None:
            return False
        try:
            return abs(one - other) <= max(absolute, relative * max(abs(one), abs(other)))
        except (InvalidOperation, ArithmeticError):
            return False

    return near


def seconds_of(value: Any) -> float | None:
    """
    A time as seconds since 1970: RFC 3339 and ISO 8601 (UTC where it says none), the date of HTTP and mail, or a number
    of seconds, milliseconds, microseconds or nanoseconds; None for anything else.
    """
    counted = number(value)
    if counted is not None:
        size = float(abs(counted)) if abs(counted) < Decimal("1e20") else 0.0
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
    return lambda old, new: (
        all(
            pattern.fullmatch(value if isinstance(value, str) else str(value)) is not None
            for value in (old, new)
            if not isinstance(value, bool)
        )
        and not any(isinstance(value, bool | dict | list) or value is None for value in (old, new))
    )


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
