"""
What a run under overload is judged by.
"""

from dataclasses import replace

import pytest

from benchmarks.arrivals import REFUSED, SENT, SERVED, SLOT, UNSENT
from benchmarks.overload import Seen, Trial, beside, judge, show

BEGUN = 1000.0
GOOD = Trial(
    times=2.0,
    connections=1000,
    seconds=60.0,
    capacity=1000.0,
    offered=2000.0,
    served=900.0,
    refused=1100.0,
    failed=0,
    unsent=0,
    p50=0.02,
    p99=0.1,
    first_refused=1.5,
    last_copy_before=0.9,
    copies_beside=0,
    back_served=0.0,
    back_level=3.0,
)


def seen(*slots: dict[int, int], begun_at: float = BEGUN) -> Seen:
    """
    Slots by what was counted in them.
    """
    return Seen(
        begun_at=begun_at, slots=[[slot.get(what, 0) for what in range(5)] for slot in slots], latency={"p50": 0.1}
    )


def test_a_good_run_has_nothing_against_it() -> None:
    """
    Nine tenths are enough, five seconds too.
    """
    assert GOOD.objections() == []
    assert "holds" in show(GOOD)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"served": 899.0}, "goodput 90% of the maximum"),
        ({"copies_beside": 3}, "3 copies beside refused requests"),
        ({"back_served": 5.1}, "still refused 5.1 s later"),
        ({"back_level": 6.0}, "back after 6.0 s"),
    ],
)
def test_each_broken_promise_is_named(change: dict[str, float], said: str) -> None:
    """
    In a few words.
    """
    trial = replace(GOOD, **change)  # type: ignore[arg-type]

    assert trial.objections() == [said]
    assert said in show(trial)


def test_copies_beside_refusals_are_found() -> None:
    """
    In the first slot of a spell they may have come before; between spells nobody is refused.
    """
    load = seen({}, {REFUSED: 5}, {REFUSED: 5}, {REFUSED: 1}, {}, {REFUSED: 2}, {})
    copies = [BEGUN + number * SLOT + SLOT / 2 for number in range(8)]

    assert beside(load, copies) == 2
    assert beside(load, []) == 0


def test_a_run_is_judged_by_what_was_recorded() -> None:
    """
    Rates over the whole overload, times from its beginning and its end.
    """
    load = seen({SENT: 10, SERVED: 8}, {SENT: 10, SERVED: 6, REFUSED: 4, UNSENT: 1}, begun_at=BEGUN)
    after = seen({SENT: 2, SERVED: 1, REFUSED: 1}, {SENT: 2, SERVED: 2}, begun_at=BEGUN + 0.3)
    levels = [(BEGUN + 0.1, 4), (BEGUN + 1.2, 2), (BEGUN + 2.2, 0)]
    trial = judge((2.0, 1000), 0.2, 40.0, load, after, levels, [BEGUN + 0.05, BEGUN + 0.09])

    assert (trial.offered, trial.served, trial.refused) == pytest.approx((105.0, 70.0, 20.0))
    assert trial.first_refused == pytest.approx(SLOT)
    assert trial.last_copy_before == pytest.approx(0.09)
    assert trial.back_served == pytest.approx(0.2)
    assert trial.back_level == pytest.approx(1.0)
    assert trial.copies_beside == 0


def test_without_refusals_there_is_no_order_to_keep() -> None:
    """
    When giving up copies was enough.
    """
    trial = judge((1.0, 10), 0.1, 1.0, seen({SENT: 1, SERVED: 1}), seen({}), [], [BEGUN])

    assert (trial.first_refused, trial.last_copy_before, trial.copies_beside) == (None, None, 0)
    assert "first never" in show(trial)
