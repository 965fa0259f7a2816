"""
The kinds of value that only a plan has: ranges of time, multiples of a budget, repetitions, conditions, windows.

As in `proxy.settings.kinds`, each `parse_…` takes what YAML gave, returns the value, and raises `ValueError` saying
what is wrong and, after a semicolon, what would be right.
"""

import re
from typing import Annotated, Final, NamedTuple

from pydantic import PlainValidator

from proxy.settings.kinds import parse_seconds, parse_token
from proxy.settings.quote import quote

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REPEATED = re.compile(r"(\d{1,4}) of (\d{1,4})")
MULTIPLE = re.compile(r"(\d+(?:\.\d+)?)x")
SLOPE = re.compile(r"(-?\d+(?:\.\d+)?)(%?)/(s|m|h|d)")
WEEKLY = re.compile(
    r"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[-,](?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))*)(?: (\d\d:\d\d)-(\d\d:\d\d))?"
)
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


class Span(NamedTuple):
    """
    At least and at most so many seconds.
    """

    least: float
    most: float


class Repeated(NamedTuple):
    """
    So many of the last.
    """

    needed: int
    of: int


class Multiple(NamedTuple):
    """
    A rate as a multiple of a budget, or by itself.
    """

    value: float
    times: bool

    def of(self, budget: float) -> float:
        """
        The rate, for this budget.
        """
        return self.value * budget if self.times else self.value


class Slope(NamedTuple):
    """
    A change per second: of the value itself, or as a share of it.
    """

    per_second: float
    relative: bool


class Weekly(NamedTuple):
    """
    Hours of some days of the week: days from 0 (Monday), minutes from midnight, wall clock.
    """

    days: tuple[int, ...]
    start: int
    end: int


def parse_span(value: object) -> Span:
    """
    "2h..2d", or "2h" for at least that, and at most ten times as long.
    """
    remedy = "write the least and the most, such as 2h..2d"
    if not isinstance(value, str):
        value = f"{value}s" if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no span of time; {remedy}")
    first, dots, last = value.partition("..")
    least, most = _seconds(first, value, remedy), _seconds(last, value, remedy) if dots else None
    if most is not None and most < least:
        raise ValueError(f"{quote(value)} ends before it begins; {remedy}")
    return Span(least, 10 * least if most is None else most)


def _seconds(text: str, whole: str, remedy: str) -> float:
    try:
        seconds = parse_seconds(text.strip())
    except ValueError:
        seconds = None
    if not isinstance(seconds, float):
        raise ValueError(f"{quote(whole)} is no span of time; {remedy}")
    return seconds


def parse_repeated(value: object) -> Repeated:
    """
    "3 of 10": so many of the last so many.
    """
    match = REPEATED.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= 1000:
        raise ValueError(f"{quote(value)} says not how many of how many; write such as 3 of 10")
    return Repeated(int(match[1]), int(match[2]))


def parse_multiples(value: object) -> tuple[Multiple, ...]:
    """
    Rates that a guard is to notice: "4x" is four times its budget, 0.6 is a rate.
    """
    remedy = "write a list such as [2x, 10x, 0.6]"
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{quote(value)} is no list of rates; {remedy}")
    return tuple(_multiple(item, remedy) for item in value)


def _multiple(item: object, remedy: str) -> Multiple:
    if isinstance(item, float) and 0 < item < 1:
        return Multiple(item, times=False)
    match = MULTIPLE.fullmatch(item) if isinstance(item, str) else None
    if match is None or float(match[1]) <= 1:
        raise ValueError(f"{quote(item)} is no rate above the budget; {remedy}")
    return Multiple(float(match[1]), times=True)


def parse_slope(value: object) -> Slope:
    """
    "5%/h" is a share of the value in an hour, "10/h" is ten of its own.
    """
    match = SLOPE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{quote(value)} is no slope; write such as 5%/h or 10/m")
    seconds = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}[match[3]]
    relative = bool(match[2])
    return Slope(float(match[1]) / (100.0 if relative else 1.0) / seconds, relative)


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
        start, end = DAYS.index(first), DAYS.index(last or first)
        days += range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)]
    start_minute, end_minute = (_minutes(match[2]), _minutes(match[3])) if match[2] else (0, 24 * 60)
    if start_minute is None or end_minute is None or start_minute >= end_minute:
        raise ValueError(f"{quote(value)} has hours that end before they begin, or that no day has; {remedy}")
    return Weekly(tuple(sorted(set(days))), start_minute, end_minute)


def _minutes(text: str) -> int | None:
    if CLOCK.fullmatch(text) is None:
        return None
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def parse_names(value: object) -> tuple[str, ...]:
    """
    One name, or a list of names.
    """
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError(f"{quote(value)} is no list of names; write such as [search, read]")
    return tuple(dict.fromkeys(parse_token(item) for item in items))


SpanOfTime = Annotated[Span, PlainValidator(parse_span)]
RepeatedTimes = Annotated[Repeated, PlainValidator(parse_repeated)]
Multiples = Annotated[tuple[Multiple, ...], PlainValidator(parse_multiples)]
SlopePerTime = Annotated[Slope, PlainValidator(parse_slope)]
WeeklyTimes = Annotated[Weekly, PlainValidator(parse_weekly)]
NameList = Annotated[tuple[str, ...], PlainValidator(parse_names)]
