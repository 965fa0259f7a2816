"""
Quantiles estimated from buckets stay inside the bucket that holds them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.books import SECONDS, Page
from proxy.metrics.quantiles import quantile
from proxy.routing.table import OLD


def test_without_observations_there_is_no_quantile() -> None:
    """
    No data is not zero.
    """
    assert quantile((1.0, 2.0), (0, 0, 0), 0.5) is None


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((10, 0, 0), 0.5, 0.5),
        ((10, 10, 0), 0.5, 1.0),
        ((10, 10, 0), 0.75, 1.5),
        ((0, 4, 0), 0.0, 1.0),
        ((0, 4, 0), 1.0, 2.0),
        ((0, 0, 3), 0.5, 2.0),
        ((1, 0, 9), 0.99, 2.0),
    ],
)
def test_values_are_spread_evenly_in_their_bucket(counts: tuple[int, ...], share: float, expected: float) -> None:
    """
    As `histogram_quantile` estimates it; above the last bound, the bound.
    """
    assert quantile((1.0, 2.0), counts, share) == pytest.approx(expected)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.floats(0.01, 1))
def test_the_estimate_is_in_the_bucket_of_the_true_quantile(values: list[float], share: float) -> None:
    """
    The true value and its estimate share a bucket.
    """
    page = Page("x")
    for value in values:
        page.answered(OLD, 0, 200, value)
    rank = share * len(values)
    true = next(value for index, value in enumerate(sorted(values), 1) if index >= rank)
    estimate = quantile(SECONDS, page.seconds[0], share)

    assert estimate is not None
    below = max((bound for bound in SECONDS if bound < true), default=0.0)
    above = min((bound for bound in SECONDS if bound >= true), default=SECONDS[-1])
    assert min(below, SECONDS[-1]) <= estimate <= above
