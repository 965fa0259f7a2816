"""
Numbers and times as people read them.
"""

from zoneinfo import ZoneInfo

import pytest

from proxy.plan.render.words import count, drift, duration, moment, number, offset, percent, plural, share


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.25, "0.25 s"),
        (59.6, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (86_400 * 3 + 3600 * 12 + 59, "3 d 12 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float | None, said: str) -> None:
    """
    The largest that matter.
    """
    assert duration(seconds) == said


def test_shares_have_the_digits_they_need() -> None:
    """
    And no more.
    """
    assert [percent(value) for value in (0.0, 12.5, 33.333, 100.0, None)] == ["0 %", "12.5 %", "33.33 %", "100 %", "–"]
    assert [share(value) for value in (0.002, 0.00123456, 1.0, None)] == ["0.2 %", "0.123 %", "100 %", "–"]
    assert [number(value) for value in (200.0, 0.5, 12345.6, None)] == ["200", "0.5", "12,350", "–"]
    assert [count(value) for value in (1500, 0.2, None)] == ["1,500", "1", "–"]
    assert [plural(1, "gate"), plural(2, "gate"), plural(2, "person", "people")] == ["1 gate", "2 gates", "2 people"]


def test_a_moment_is_on_the_clock_of_the_plan() -> None:
    """
    Summer time and all.
    """
    berlin = ZoneInfo("Europe/Berlin")

    assert moment(1_803_888_000, berlin) == "Mon 1 Mar 2027, 09:00"
    assert moment(1_803_888_000 + 40 * 86_400, berlin) == "Sat 10 Apr 2027, 10:00"
    assert moment(7, ZoneInfo("UTC"), seconds=True) == "Thu 1 Jan 1970, 00:00:07"
    assert moment(None, berlin) == "–"


def test_a_plan_without_a_date_counts_from_its_start() -> None:
    """
    And what came later or earlier than forecast says so.
    """
    assert [offset(0), offset(90), offset(None)] == ["start", "start + 1 min 30 s", "–"]
    assert [drift(10), drift(7200), drift(-7200)] == ["as forecast", "2 h later", "2 h earlier"]
