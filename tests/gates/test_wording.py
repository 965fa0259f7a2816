"""
Tests of numbers for people.
"""

import pytest

from proxy.gates.wording import about, budgeted, counted, more, names, percent, span


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0, "0 %"),
        (0.003, "0.30 %"),
        (0.05, "5.0 %"),
        (0.0998, "10 %"),
        (0.5, "50 %"),
        (1, "100 %"),
        (0.000123, "0.012 %"),
    ],
)
def test_percentages_have_two_digits(rate: float, said: str) -> None:
    """
    Those that count.
    """
    assert percent(rate) == said


def test_budgets_are_said_as_written() -> None:
    """
    With all their digits.
    """
    assert [budgeted(one) for one in (0.002, 0.5, 0.0125, 0.00123)] == ["0.20 %", "50 %", "1.25 %", "0.123 %"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (20, "20 s"),
        (119, "119 s"),
        (200, "3 min"),
        (9_000, "2.5 h"),
        (7_200, "2 h"),
        (400_000, "4.6 days"),
    ],
)
def test_times_have_one_unit(seconds: float, said: str) -> None:
    """
    Nobody waits for 2 h 31 min 7 s.
    """
    assert span(seconds) == said


def test_counts_are_readable() -> None:
    """
    Thousands are separated, forecasts rounded, long lists cut.
    """
    assert counted(37, 12_400, "pairs", "differ") == "37 of 12,400 pairs differ (0.30 %)"
    assert counted(0, 0, "pairs", "differ") == "no pairs yet"
    assert about(29_912) == "30,000"
    assert about(7) == "7"
    assert more(None, None, "pairs") == "too near to it to be decided soon"
    assert names(("a", "b", "c"), 2) == "a, b and 1 more"
