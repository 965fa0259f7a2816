"""
The kinds of value that a calendar is made of: hours of the week, days, time zones. What they mean on a clock is in
`calendar`.
"""

import re
from datetime import date
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import PlainValidator

from proxy.settings.kinds import Kind
from proxy.settings.quote import quote

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKLY = re.compile(
    r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[-,](?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))*)(?: (\d\d:\d\d)-(\d\d:\d\d))?"
)
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
MIDNIGHT: Final = 24 * 60
# Of dates: clocks and calendars are sure of themselves between.
FIRST_YEAR, LAST_YEAR = 2000, 2999
# Of each month; its length differs, so that it can't be a date.
LAST_OF_MONTH: Final = "last-day-of-month"


class Weekly(NamedTuple):
    """
    Hours of some days of the week: days from 0 (Monday), minutes from midnight, wall clock.
    """

    days: tuple[int, ...]
    start: int
    end: int


class Days(NamedTuple):
    """
    Whole days on the wall calendar, both included.
    """

    first: date
    last: date


Closed = Days | Literal["last-day-of-month"]


def parse_weekly(value: object) -> Weekly:
    """
    "Mon-Thu 09:00-16:00", "Sat,Sun", "Tue,Wed 05:00-07:00".
    """
    remedy = "write days and hours, such as Mon-Thu 09:00-16:00"
    match = WEEKLY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{quote(value)} is no time of the week; {remedy}")
    days: list[int] = []
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        if last.count("-"):
            raise ValueError(f"{quote(value)} is no time of the week; {remedy}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days += range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)]
    start_minute, end_minute = (_minutes(match[2]), _minutes(match[3])) if match[2] else (0, MIDNIGHT)
    if start_minute is None or end_minute is None or start_minute >= end_minute:
        raise ValueError(
            f"{quote(value)} has hours that end before they begin, or that no day has; {remedy}, and two for a night: "
            "up to 24:00, and from 00:00"
        )
    return Weekly(tuple(sorted(set(days))), start_minute, end_minute)


def _minutes(text: str) -> int | None:
    if CLOCK.fullmatch(text) is None:
        return None
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def parse_weeklies(value: object) -> tuple[Weekly, ...]:
    """
    A list of times of the week.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of times; write such as ['Mon-Thu 09:00-16:00']")
    return tuple(parse_weekly(item) for item in value)


def parse_days(value: object) -> Days:
    """
    2027-03-25, or 2027-03-25..2027-04-02; YAML has made the first a date already.
    """
    remedy = "write such as 2027-03-25, or 2027-03-25..2027-04-02"
    if type(value) is date:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no date; {remedy}")
    first, dots, last = value.partition("..")
    try:
        days = Days(_date(first), _date(last if dots else first))
    except ValueError:
        raise ValueError(f"{quote(value)} is no date that the calendar has; {remedy}") from None
    if min(days).year < FIRST_YEAR or max(days).year > LAST_YEAR:
        raise ValueError(f"{quote(value)} is no date between {FIRST_YEAR} and {LAST_YEAR}; {remedy}")
    if days.last < days.first:
        raise ValueError(f"{quote(value)} ends before it begins; {remedy}")
    return days


def _date(text: str) -> date:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII) is None:
        raise ValueError
    return date.fromisoformat(text.strip())


def parse_closed(value: object) -> tuple[Closed, ...]:
    """
    A list of days.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of days; write such as [2027-03-25, {LAST_OF_MONTH}]")
    return tuple(LAST_OF_MONTH if item == LAST_OF_MONTH else parse_days(item) for item in value)


def parse_start(value: object) -> date | None:
    """
    One date.
    """
    if value is None:
        return None
    days = parse_days(value)
    if days.first != days.last:
        raise ValueError(f"{quote(value)} is more than one date; write such as 2027-03-01")
    return days.first


def parse_zone(value: object) -> str:
    """
    A time zone by its name in the IANA's database.
    """
    remedy = "write a name such as Europe/Berlin or UTC"
    try:
        return ZoneInfo(value).key if isinstance(value, str) else _refuse(value, remedy)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{quote(value)} is no time zone that is known; {remedy}") from None


def _refuse(value: object, remedy: str) -> str:
    raise ValueError(f"{quote(value)} is no time zone; {remedy}")


def show_weekly(hours: Weekly) -> str:
    """
    As one writes it.
    """
    times = "" if (hours.start, hours.end) == (0, MIDNIGHT) else f" {_clock(hours.start)}-{_clock(hours.end)}"
    return ",".join(DAYS[day] for day in hours.days) + times


def show_days(days: Days) -> str:
    """
    As one writes them.
    """
    return str(days.first) if days.first == days.last else f"{days.first}..{days.last}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _show_list(value: tuple[object, ...]) -> str:
    return "[]" if not value else str(value)


WeeklyTimes = Annotated[
    tuple[Weekly, ...], PlainValidator(parse_weeklies), Kind(words="list of times of the week", show=_show_list)
]
ClosedDays = Annotated[tuple[Closed, ...], PlainValidator(parse_closed), Kind(words="list of days", show=_show_list)]
SomeDays = Annotated[Days, PlainValidator(parse_days), Kind(words="days", show=show_days)]
StartDate = Annotated[
    date | None, PlainValidator(parse_start), Kind(words="date", show=lambda value: str(value or "null"))
]
Zone = Annotated[str, PlainValidator(parse_zone), Kind(words="time zone", show=str)]
