"""
Tests of slopes: against scipy's figures, and of what a gate makes of them.
"""

import json
from random import Random

import pytest

from proxy.gates.outcome import Outcome
from proxy.gates.promql import Reading
from proxy.gates.trend import MOST, TrendEvidence, TrendSpec, judge_trend, theil_sen

NOTHING = Reading(kind="no data", why="the query finds no series")
BROKEN = Reading(kind="error", why="Prometheus doesn't answer")
LEAK = TrendSpec(name="leak", per_second=0.05 / 3600, relative=True)


def series(seed: int, n: int, slope: float, noise: float, digits: int) -> list[tuple[float, float]]:
    """
    A point a minute, from 100 on, with even noise, rounded.
    """
    random = Random(seed)
    values = (100 + slope * 60 * step + random.uniform(-noise, noise) for step in range(n))
    return [(60.0 * step, round(value, digits)) for step, value in enumerate(values)]


# scipy 1.17.1: theilslopes(values, times, alpha) of such a series: slope, intercept, low, high.
SCIPY = [
    ((1, 60, 0.01, 5, 6), 0.95, 0.01031528581871345, 97.9388306008772, 0.009530088095238101, 0.011148920430107527),
    ((1, 60, 0.01, 5, 6), 0.998, 0.01031528581871345, 97.9388306008772, 0.009051699999999996, 0.01172353472222223),
    ((2, 120, 0, 3, 0), 0.95, 0.0, 100.0, -0.0003205128205128205, 0.0),
    ((2, 120, 0, 3, 0), 0.998, 0.0, 100.0, -0.0004166666666666667, 0.0),
    ((3, 240, -0.002, 1, 1), 0.95, -0.00200428835387882, 99.87074749731116, -0.00202247191011236, -0.00198717948717948),
    ((3, 240, -0.002, 1, 1), 0.998, -0.00200428835387882, 99.87074749731116, -0.0020341207349081, -0.0019753086419753),
    ((4, 20, 0.5, 0, 3), 0.95, 0.5, 100.0, 0.5, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("made", "alpha", "slope", "intercept", "low", "high"), SCIPY)
def test_it_is_the_line_of_scipy(
    made: tuple[int, int, float, float, int], alpha: float, slope: float, intercept: float, low: float, high: float
) -> None:
    """
    Slope, beginning and both bounds, with and without ties.
    """
    line = theil_sen(series(*made), (1 - alpha) / 2, (1 - alpha) / 2)

    assert (line.slope, line.first, line.low, line.high) == pytest.approx((slope, intercept, low, high), rel=1e-9)


def test_outliers_do_not_bend_it() -> None:
    """
    A fifth of the points may be anywhere.
    """
    points = series(5, 60, 0.01, 1, 6)
    bent = [(at, 1e6 if step % 5 == 0 else value) for step, (at, value) in enumerate(points)]

    assert theil_sen(bent, 0.025, 0.025).slope == pytest.approx(0.01, rel=0.1)


def told(spec: TrendSpec, points: list[tuple[float, float]], *more: Reading) -> Outcome:
    """
    The outcome after these points, and then these readings, a minute apart, kept as JSON in between.
    """
    kept, outcome, at = TrendEvidence(), None, 0.0
    readings = [(at, Reading(kind="value", value=value)) for at, value in points]
    readings += [(points[-1][0] + 60.0 * step, reading) for step, reading in enumerate(more, start=1)]
    for at, reading in readings:
        outcome, kept = judge_trend(spec, kept, at, reading)
    assert TrendEvidence.from_values(json.loads(json.dumps(kept.as_values()))) == kept
    assert outcome is not None
    return outcome


def test_a_leak_fails() -> None:
    """
    20 % an hour where 5 % are allowed, in a noise of 10 %, within an hour.
    """
    outcome = told(LEAK, series(1, 61, 20 / 3600, 10, 3))

    assert outcome.result == "fail"
    assert outcome.fail_ratio == 1.0
    assert outcome.estimate == pytest.approx(0.2, rel=0.3)
    assert outcome.budget == pytest.approx(0.05)
    assert " %/h (between " in outcome.sentence
    assert outcome.sentence.endswith(", may be 5 %/h")


def test_what_does_not_grow_passes_after_the_whole_window() -> None:
    """
    A steady number; before, it is said how long that takes.
    """
    steady = series(2, 121, 0, 2, 3)
    early = told(LEAK, steady[:70])
    outcome = told(LEAK, steady)

    assert early.result == "inconclusive"
    assert early.eta == pytest.approx(0.9 * 7200 - 69 * 60)
    assert early.pass_ratio < 1
    assert outcome.result == "pass"
    assert outcome.pass_ratio == 1.0
    assert told(LEAK, series(2, 121, -0.01, 2, 3)).result == "pass"


def test_what_is_not_clear_is_open() -> None:
    """
    In much noise nothing is said either way.
    """
    outcome = told(LEAK, series(3, 121, 5 / 3600, 50, 3))

    assert outcome.result == "inconclusive"
    assert outcome.sentence.endswith("; needs a clearer trend")
    assert 0 <= outcome.pass_ratio < 1
    assert 0 <= outcome.fail_ratio < 1


def test_absolute_slopes() -> None:
    """
    Ten an hour, of whatever.
    """
    queue = TrendSpec(name="queue", per_second=10 / 3600)

    assert told(queue, series(1, 121, 20 / 3600, 5, 3)).result == "fail"
    assert told(queue, series(1, 121, 1 / 3600, 5, 3)).result == "pass"
    assert told(queue, [(at, value - 100) for at, value in series(1, 121, 1 / 3600, 5, 3)]).result == "pass"


def test_of_nothing_there_is_no_share() -> None:
    """
    What begins at zero can't grow by so many percent.
    """
    outcome = told(LEAK, [(at, at / 60) for at, _ in series(1, 121, 0, 0, 0)])

    assert outcome.result == "error"
    assert "write an absolute slope" in outcome.sentence


def test_few_points_say_nothing() -> None:
    """
    However clear they look: they have to be so many, over so long.
    """
    assert told(LEAK, series(1, 19, 1, 0, 3)).result == "inconclusive"
    outcome = told(LEAK, series(1, 30, 1, 0, 3))
    assert outcome.result == "inconclusive"
    assert outcome.sentence == "30 values so far; needs 20, and half of 2 h"


def test_no_data_never_passes() -> None:
    """
    Whatever was before; and four errors in a row are one.
    """
    steady = series(2, 121, 0, 2, 3)

    assert told(LEAK, steady, NOTHING).result == "inconclusive"
    assert told(LEAK, steady, *[BROKEN] * 3).result == "inconclusive"
    outcome = told(LEAK, steady, *[BROKEN] * 4)
    assert (outcome.result, outcome.sentence) == ("error", "Prometheus doesn't answer, 4 times in a row")
    assert told(LEAK, steady, BROKEN, Reading(kind="value", value=100.0)).result == "pass"
    assert told(LEAK, steady, Reading(kind="misconfigured", why="2 series")).result == "error"


def test_what_is_kept_is_bounded() -> None:
    """
    However often it is asked: the points of the window, not nearer than they have to be, the newest among them.
    """
    # A window that is never half over, so that nothing is computed from what is kept.
    spec, kept = TrendSpec(name="x", per_second=1.0, window=7200.0), TrendEvidence()
    for step in range(700):
        _, kept = judge_trend(spec, kept, 5.0 * step, Reading(kind="value", value=1.0))
        assert len(kept.points) <= MOST
        assert kept.points[-1] == (5.0 * step, 1.0)

    assert kept.points[0] == (0.0, 1.0)
    _, kept = judge_trend(spec, kept, 9_000.0, Reading(kind="value", value=1.0))
    assert kept.points[0][0] >= 1_800.0
