"""
When a plan may advance: windows and freezes on the wall clock of a time zone, answered in UTC. Pure: `now` is told.

What counts is what a clock on the wall shows at an instant. So an hour that clocks skip in spring is nobody's, and one
that they show twice in autumn is there twice. Nothing is added to wall clock times, which would be wrong by an hour
twice a year: between two changes of the zone's offset the wall clock is UTC and a constant, and each such stretch is
looked at by itself.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from proxy.plan.model import Freeze, Window
from proxy.plan.times import LAST_OF_MONTH, MIDNIGHT, Days

DAY: Final = 86_400
# 1970-01-01 was a Thursday, and the calendar's days are counted from the year 1.
THURSDAY: Final = 3
EPOCH: Final = date(1970, 1, 1).toordinal()
# How far ahead is looked: a freeze is shorter, and so is the way to a date that somebody has written down.
FURTHEST: Final = 3 * 366 * DAY
# No zone changes its offset twice within so long.
STEADY: Final = 6 * 3600


class Opening(NamedTuple):
    """
    Whether a plan may advance. `until`: when it may no longer, if it may (None: not within three years). `next`: when
    it may, if it may not (None: not within three years).
    """

    open: bool
    until: float | None
    next: float | None


def is_open(window: Window | None, freezes: tuple[Freeze, ...], zone: str, now: float) -> Opening:
    """
    Whether a plan in this time zone may advance at `now` (seconds since the Unix epoch). No window is always open, but
    for freezes.
    """
    calendar = _Calendar(window, freezes, zone)
    found = calendar.is_open(now)
    change = calendar.change(now, found)
    return Opening(found, change if found else None, None if found else change)


def openings(
    window: Window | None, freezes: tuple[Freeze, ...], zone: str, since: float, until: float
) -> Iterator[tuple[float, float]]:
    """
    When it may advance between two instants: from and to, in order. The first may have begun before.
    """
    calendar = _Calendar(window, freezes, zone)
    at, found = since, calendar.is_open(since)
    while at < until:
        change = calendar.change(at, found)
        end = until if change is None else min(float(change), until)
        if found:
            yield at, end
        at, found = end, not found


def longest(window: Window | None) -> float:
    """
    Seconds that the longest opening of a week has, where no day is denied and no clock is changed; a week if it is
    always open.
    """
    if window is None or not window.allow:
        return 7.0 * DAY
    minutes = [False] * (7 * MIDNIGHT)
    for hours in window.allow:
        for day in hours.days:
            minutes[day * MIDNIGHT + hours.start : day * MIDNIGHT + hours.end] = [True] * (hours.end - hours.start)
    if all(minutes):
        return 7.0 * DAY
    most = run = 0
    # Twice around: one may go on from Sunday to Monday.
    for one in minutes + minutes:
        run = run + 1 if one else 0
        most = max(most, run)
    return most * 60.0


class _Calendar:
    """
    A window, freezes and a zone. The wall clock is kept as seconds since 1970-01-01 00:00 on the wall.
    """

    def __init__(self, window: Window | None, freezes: tuple[Freeze, ...], zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._allow = window.allow if window is not None else ()
        deny = window.deny if window is not None else ()
        self._closed = [(_number(one.first), _number(one.last)) for one in deny if isinstance(one, Days)]
        self._closed += [(_number(one.dates.first), _number(one.dates.last)) for one in freezes]
        self._month_ends = LAST_OF_MONTH in deny
        ends = {MIDNIGHT, *(hours.start for hours in self._allow), *(hours.end for hours in self._allow)}
        # Seconds of a day at which something may change.
        self._edges = sorted(minute % MIDNIGHT * 60 for minute in ends)

    def is_open(self, at: float) -> bool:
        """
        What holds at an instant.
        """
        day, second = divmod(int(at // 1) + self._offset(at), DAY)
        if any(first <= day <= last for first, last in self._closed):
            return False
        if self._month_ends and date.fromordinal(day + EPOCH + 1).day == 1:
            return False
        if not self._allow:
            return True
        weekday, minute = (day + THURSDAY) % 7, second // 60
        return any(weekday in hours.days and hours.start <= minute < hours.end for hours in self._allow)

    def change(self, at: float, present: bool) -> float | None:
        """
        The first instant after `at` at which it isn't as at `present`.
        """
        if not self._allow and not self._closed and not self._month_ends:
            return None
        for candidate in self._candidates(at):
            if candidate > at and self.is_open(candidate) != present:
                return float(candidate)
        return None

    def _candidates(self, at: float) -> Iterator[int]:
        """
        Instants from `at` on, in order, between which nothing can change.
        """
        for begin, end, offset in self._stretches(int(at // 1)):
            yield begin
            for day in range((begin + offset) // DAY, (end - 1 + offset) // DAY + 1):
                for edge in self._edges:
                    instant = day * DAY + edge - offset
                    if begin < instant < end:
                        yield instant

    def _stretches(self, at: int) -> Iterator[tuple[int, int, int]]:
        """
        From, to, and how far the wall clock is ahead of UTC all the while.
        """
        last = at + FURTHEST
        while at < last:
            offset, end = self._offset(at), at + STEADY
            if self._offset(end) != offset:
                low = at
                while end - low > 1:
                    middle = (low + end) // 2
                    low, end = (middle, end) if self._offset(middle) == offset else (low, middle)
            yield at, end, offset
            at = end

    def _offset(self, at: float) -> int:
        offset = datetime.fromtimestamp(at, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())


def _number(day: date) -> int:
    return day.toordinal() - EPOCH
