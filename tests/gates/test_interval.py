"""
Tests of where a rate may lie: exactly, without dice.
"""

import pytest

from benchmarks.stopping import chances
from proxy.gates.interval import interval


@pytest.mark.parametrize("counts", [(0, 1), (1, 1), (3, 10), (37, 12_400), (0, 1_000_000), (999_999, 1_000_000)])
def test_it_is_around_the_estimate(counts: tuple[int, int]) -> None:
    """
    What was seen is always among what may be, and so is 0 if nothing was bad, and 1 if everything was.
    """
    bad, n = counts
    found = interval(bad, n)
    assert found is not None
    low, high = found

    assert 0.0 <= low <= bad / n <= high <= 1.0
    assert (low == 0.0) == (bad == 0)
    assert (high == 1.0) == (bad == n)


def test_it_is_the_same_from_the_other_side() -> None:
    """
    Counting good ones instead mirrors it.
    """
    found, mirrored = interval(37, 12_400), interval(12_363, 12_400)
    assert found is not None
    assert mirrored is not None

    assert found == pytest.approx((1.0 - mirrored[1], 1.0 - mirrored[0]), rel=1e-3)


def test_nothing_is_known_without_data() -> None:
    """
    No opportunities, no interval.
    """
    assert interval(0, 0) is None


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_it_ever_misses_the_truth_as_seldom_as_promised(rate: float) -> None:
    """
    Exactly, looked at after every one of 400: the chance of having been outside at any look is at most 5 %.
    """
    walk, outside = {0: 1.0}, 0.0
    good, bad_one = chances(1, rate)
    for n in range(1, 401):
        after: dict[int, float] = {}
        for bad, chance in walk.items():
            after[bad] = after.get(bad, 0.0) + chance * good
            after[bad + 1] = after.get(bad + 1, 0.0) + chance * bad_one
        walk = {}
        for bad, chance in after.items():
            low, high = interval(bad, n) or (0.0, 1.0)
            if low <= rate <= high:
                walk[bad] = chance
            else:
                outside += chance

    assert outside <= 0.05
    assert outside + sum(walk.values()) == pytest.approx(1.0)


def test_it_narrows_as_data_come() -> None:
    """
    A hundred times the data: about a ninth of the width.
    """
    widths = [high - low for low, high in (interval(10**k // 100, 10**k) or (0.0, 1.0) for k in (3, 5))]

    assert 7 < widths[0] / widths[1] < 11
