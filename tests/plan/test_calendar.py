"""
Windows and freezes on the wall clock, held against a look at every minute, over the weeks in which clocks are changed.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.plan.calendar import is_open, longest, openings
from proxy.plan.model import Freeze, Window
from proxy.plan.times import DAYS

# Weeks with a change: an hour, half an hour, at midnight (there is no 00:00 then), none at all.
WEEKS = (
    ("Europe/Berlin", datetime(2027, 3, 24, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 27, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 3, 10, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 9, 29, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 1, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 14, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 27, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2027, 2, 25, tzinfo=UTC)),
)


def window(**said: Any) -> Window:
    """
    A window as a plan says it.
    """
    return Window.model_validate(said)


def freeze(dates: str) -> Freeze:
    """
    Days on which nothing advances.
    """
    return Freeze.model_validate({"dates": dates, "why": "a test"})


def at(text: str, zone: str = "UTC") -> float:
    """
    An instant, by the wall clock of a zone.
    """
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def clock(minutes: int) -> str:
    """
    Minutes of the day as a plan says them.
    """
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def some_windows(draw: st.DrawFn) -> dict[str, Any]:
    """
    Times of the week, near the hours in which clocks are changed, and denied days.
    """
    allow = []
    for _ in range(draw(st.integers(0, 3))):
        days = draw(st.sets(st.sampled_from(DAYS), min_size=1))
        start = draw(st.integers(0, 23 * 4)) * 15
        end = draw(st.integers(start // 15 + 1, 96)) * 15
        allow.append(f"{','.join(sorted(days))} {clock(start)}-{clock(end)}")
    deny: list[str] = ["last-day-of-month"] if draw(st.booleans()) else []
    return {"allow": allow, "deny": deny}


def shown(said: dict[str, Any], days: set[date], wall: datetime) -> bool:
    """
    What somebody with the plan in one hand would say, looking at the clock.
    """
    if wall.date() in days:
        return False
    if said["deny"] and (wall + timedelta(days=1)).day == 1:
        return False
    if not said["allow"]:
        return True
    for one in said["allow"]:
        names, _, hours = one.partition(" ")
        start, _, end = hours.partition("-")
        now = f"{wall.hour:02}:{wall.minute:02}"
        if DAYS[wall.weekday()] in names.split(",") and start <= now < end:
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(said=some_windows(), week=st.sampled_from(WEEKS), offset=st.integers(0, 5), frozen=st.integers(0, 2))
def test_every_minute_is_as_a_clock_on_the_wall_shows_it(
    said: dict[str, Any], week: tuple[str, datetime], offset: int, frozen: int
) -> None:
    """
    The openings of a week are exactly the minutes at which somebody would say that it is open.
    """
    zone, begin = week[0], week[1].timestamp()
    first = week[1].date() + timedelta(days=offset)
    days = {first + timedelta(days=number) for number in range(frozen)}
    freezes = (freeze(f"{first}..{max(days)}"),) if days else ()
    end = begin + 7 * 86_400

    found: set[float] = set()
    for since, until in openings(window(**said), freezes, zone, begin, end):
        found.update(range(int(since), int(until), 60))

    minutes = range(int(begin), int(end), 60)
    expected = {one for one in minutes if shown(said, days, datetime.fromtimestamp(one, ZoneInfo(zone)))}
    assert found == expected


def test_without_a_window_it_is_always_open() -> None:
    """
    And never closes.
    """
    assert is_open(None, (), "UTC", at("2027-03-01T12:00")) == (True, None, None)


def test_a_window_says_when_it_closes_and_when_it_opens() -> None:
    """
    By the wall clock of the plan's zone.
    """
    hours = window(allow=["Mon-Thu 09:00-16:00"])

    assert is_open(hours, (), "Europe/Berlin", at("2027-03-01T12:00", "Europe/Berlin")) == (
        True,
        at("2027-03-01T16:00", "Europe/Berlin"),
        None,
    )
    assert is_open(hours, (), "Europe/Berlin", at("2027-03-04T16:00", "Europe/Berlin")) == (
        False,
        None,
        at("2027-03-08T09:00", "Europe/Berlin"),
    )


def test_an_hour_that_clocks_skip_is_nobodys() -> None:
    """
    From 01:00 to 04:00 there are two hours in that night.
    """
    hours = window(allow=["Sun 01:00-04:00"])
    opened = at("2027-03-28T01:00", "Europe/Berlin")

    assert is_open(hours, (), "Europe/Berlin", opened).until == opened + 2 * 3600


def test_an_hour_that_clocks_show_twice_is_there_twice() -> None:
    """
    A window within it opens twice in that night.
    """
    hours = window(allow=["Sun 02:00-02:30"])
    first = at("2027-10-31T02:00", "Europe/Berlin")

    found = list(openings(hours, (), "Europe/Berlin", first - 3600, first + 6 * 3600))

    assert found == [(first, first + 1800), (first + 3600, first + 5400)]


def test_deny_is_stronger_than_allow() -> None:
    """
    For days of the window, and for freezes of the plan.
    """
    noon = at("2027-03-31T12:00")

    for closed in (window(deny=["last-day-of-month"]), window(allow=["Wed"], deny=[date(2027, 3, 31)])):
        assert not is_open(closed, (), "UTC", noon).open
    assert is_open(None, (freeze("2027-03-25..2027-04-02"),), "UTC", noon) == (False, None, at("2027-04-03T00:00"))


def test_the_last_day_of_february_depends_on_the_year() -> None:
    """
    The 28th is one, but not in a leap year.
    """
    closed = window(deny=["last-day-of-month"])

    assert not is_open(closed, (), "UTC", at("2027-02-28T12:00")).open
    assert is_open(closed, (), "UTC", at("2028-02-28T12:00")).open


def test_a_window_that_never_opens_says_so() -> None:
    """
    Nobody waits for a date.
    """
    assert is_open(window(allow=["Mon"]), (freeze("2020-01-01..2099-12-31"),), "UTC", at("2027-01-01T00:00")) == (
        False,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("allow", "hours"),
    [
        (["Mon-Thu 09:00-16:00"], 7),
        (["Mon 22:00-24:00", "Tue 00:00-06:00"], 8),
        (["Sun 22:00-24:00", "Mon 00:00-01:00"], 3),
        (["Sat,Sun"], 48),
        ([], 168),
        (["Mon-Sun"], 168),
    ],
)
def test_the_longest_opening_goes_on_over_midnight(allow: list[str], hours: int) -> None:
    """
    Two entries that meet are one opening.
    """
    assert longest(window(allow=allow)) == hours * 3600
