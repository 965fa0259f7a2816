"""
Which endpoints are kept away from comparers: not at the first death, and longer each time.
"""

import pytest

from proxy.supervise import quarantine
from proxy.supervise.quarantine import FIRST, LONGEST, MOST, SUSPECT, Quarantines

ENDPOINT = "GET /a"


def test_one_death_may_be_anybodys_doing() -> None:
    """
    An operator who kills a comparer hits an innocent endpoint: nothing is kept away.
    """
    known = Quarantines()

    assert known.died(ENDPOINT, 1000.0) == 0.0
    assert known.active(1000.0) == {}


def test_a_second_death_of_the_same_endpoint_keeps_it_away_for_its_time() -> None:
    """
    That of another endpoint doesn't.
    """
    known = Quarantines()
    known.died(ENDPOINT, 1000.0)
    assert known.died("GET /b", 1001.0) == 0.0
    assert known.died(ENDPOINT, 1002.0) == FIRST

    assert known.active(1002.0) == {ENDPOINT: FIRST}
    assert known.active(1002.0 + FIRST - 1) == {ENDPOINT: 1.0}
    assert known.active(1002.0 + FIRST) == {}


def test_suspicion_ends() -> None:
    """
    Two kills from outside on one day are no pattern.
    """
    known = Quarantines()
    known.died(ENDPOINT, 0.0)
    assert known.died(ENDPOINT, SUSPECT) == 0.0
    assert known.died(ENDPOINT, SUSPECT * 2 - 1) == FIRST


def test_each_further_death_doubles_the_time_up_to_an_hour() -> None:
    """
    However many there are.
    """
    known = Quarantines()
    now, times = 0.0, []
    for _ in range(40):
        times.append(known.died(ENDPOINT, now))
        now += times[-1] + 1.0

    assert times[:8] == [0.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0]
    assert set(times[7:]) == {LONGEST}


def test_after_an_hour_at_large_it_begins_anew() -> None:
    """
    A side that was mended is not held to what it was.
    """
    known = Quarantines()
    known.died(ENDPOINT, 0.0)
    known.died(ENDPOINT, 1.0)

    assert known.died(ENDPOINT, 1.0 + FIRST + LONGEST) == 0.0


def test_the_endpoints_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The one whose last death is longest ago goes first.
    """
    assert MOST >= 200
    monkeypatch.setattr(quarantine, "MOST", 2)
    known = Quarantines()
    for number, name in enumerate(("a", "b", "a", "c")):
        known.died(name, float(number))

    assert known.active(3.0) == {"a": FIRST - 1.0}
    assert known.died("b", 4.0) == 0.0, "it was forgotten"
