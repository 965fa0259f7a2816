"""
Does a number grow? The slope of a line that outliers can't bend, and between which bounds it lies.

The slope is the median of those between all pairs of points (Theil, 1950), its bounds are order statistics of them
(Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968; the formula of
`scipy.stats.theilslopes`). A look at a fixed window; who looks often errs more often than alpha. Points that are
alike for long, as metrics are, make the bounds too narrow. So it is for leaks, which are slow and go on, not for noise.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt
from statistics import NormalDist, median
from typing import Any, Final, Self

from proxy.gates.outcome import Outcome, Result
from proxy.gates.promql import Reading
from proxy.gates.wording import span

HOUR: Final = 3600.0
# All pairs of 240 points are 28,680 slopes: 20 ms. More would be dearer and no better.
MOST: Final = 240
# Below this the order statistics are hardly bounds.
LEAST: Final = 20
# A failure may be seen in half of the window, since leaks go on; a pass has looked at all of it, or nearly.
MAY_FAIL, MAY_PASS = 0.5, 0.9
ERRORS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    A line through points: its `slope` (a second), where it begins (`first`), and bounds of the slope.
    """

    slope: float
    first: float
    low: float
    high: float


def theil_sen(points: Sequence[tuple[float, float]], alpha: float, beta: float) -> Line:
    """
    The line through points (seconds, value), at least two at different times. The true slope is below `low` with a
    chance of `alpha`, and above `high` with a chance of `beta`.
    """
    slopes = sorted(
        (second[1] - first[1]) / (second[0] - first[0])
        for index, first in enumerate(points)
        for second in points[index + 1 :]
        if second[0] != first[0]
    )
    sigma = _sigma(points)
    last = len(slopes) - 1
    low = max(0, round((len(slopes) - _z(alpha) * sigma) / 2.0) - 1)
    high = min(last, round((len(slopes) + _z(beta) * sigma) / 2.0))
    slope = median(slopes)
    intercept = median(value for _, value in points) - slope * median(at for at, _ in points)
    return Line(slope=slope, first=intercept + slope * points[0][0], low=slopes[low], high=slopes[high])


def _z(chance: float) -> float:
    return NormalDist().inv_cdf(1.0 - chance)


def _sigma(points: Sequence[tuple[float, float]]) -> float:
    """
    The standard deviation of Kendall's S without a trend, corrected for ties.
    """
    ties = (count for part in zip(*points, strict=True) for count in Counter(part).values())
    n = len(points)
    spread = n * (n - 1) * (2 * n + 5) - sum(count * (count - 1) * (2 * count + 5) for count in ties)
    return sqrt(max(0.0, spread / 18.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendSpec:
    """
    A number may grow by `per_second` at the most, by itself or (`relative`) as a share of what it was when the window
    began. `alpha` and `beta` as in a gate.
    """

    name: str
    per_second: float
    relative: bool = False
    window: float = 7200.0
    alpha: float = 0.001
    beta: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendEvidence:
    """
    The points of the window, (seconds, value), and how many readings have failed in a row.
    """

    points: tuple[tuple[float, float], ...] = ()
    errors: int = 0

    def as_values(self) -> dict[str, Any]:
        """
        As values that JSON has.
        """
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `as_values` made, also after JSON. Raises `TypeError`, `ValueError` or `KeyError` for anything else.
        """
        return cls(points=tuple((at, value) for at, value in values["points"]), errors=values["errors"])


def judge_trend(spec: TrendSpec, before: TrendEvidence, at: float, reading: Reading) -> tuple[Outcome, TrendEvidence]:
    """
    Add one reading, taken at `at`, and say whether the number grows too fast.
    """
    evidence = _add(spec, before, at, reading)
    if reading.value is None:
        wrong = reading.kind == "misconfigured" or evidence.errors >= ERRORS
        result: Result = "error" if wrong else "inconclusive"
        times = f", {evidence.errors} times in a row" if evidence.errors > 1 else ""
        return _undecided(spec, evidence, result, reading.why + times), evidence
    points = evidence.points
    seen = (points[-1][0] - points[0][0]) / spec.window
    if len(points) < LEAST or seen < MAY_FAIL:
        wait = max(0.0, MAY_FAIL - seen) * spec.window
        said = f"{len(points)} values so far; needs {LEAST}, and half of {span(spec.window)}"
        return replace(_undecided(spec, evidence, "inconclusive", said), eta=wait), evidence
    return _judged(spec, points, seen), evidence


def _add(spec: TrendSpec, before: TrendEvidence, at: float, reading: Reading) -> TrendEvidence:
    if reading.value is None:
        return before if reading.kind == "no data" else replace(before, errors=before.errors + 1)
    points = tuple(point for point in before.points if at - spec.window <= point[0] < at)
    # Asked more often than there is room for, only some readings are kept; the newest always is, for the time being.
    if len(points) > 1 and points[-1][0] - points[-2][0] < spec.window / (MOST - 2):
        points = points[:-1]
    return TrendEvidence(points=(*points, (at, reading.value)))


def _undecided(spec: TrendSpec, evidence: TrendEvidence, result: Result, said: str) -> Outcome:
    return Outcome(gate=spec.name, result=result, sentence=said, n=len(evidence.points), budget=spec.per_second * HOUR)


def _judged(spec: TrendSpec, points: Sequence[tuple[float, float]], seen: float) -> Outcome:
    line = theil_sen(points, spec.alpha, spec.beta)
    if spec.relative and line.first <= 0.0:
        said = f"it began at {line.first:.4g}, of which nothing is a share; write an absolute slope"
        return Outcome(gate=spec.name, result="error", sentence=said, n=len(points), budget=spec.per_second * HOUR)
    scale = HOUR / (line.first if spec.relative else 1.0)
    slope, low, high = line.slope * scale, line.low * scale, line.high * scale
    most = spec.per_second * HOUR
    result: Result = "inconclusive"
    if low > most:
        result = "fail"
    elif high <= most and seen >= MAY_PASS:
        result = "pass"
    wait = max(0.0, MAY_PASS - seen) * spec.window
    return Outcome(
        gate=spec.name,
        result=result,
        sentence=_told(spec, (slope, low, high), most, result, wait),
        n=len(points),
        estimate=slope,
        interval=(low, high),
        budget=most,
        pass_ratio=_share(slope, high, most, decided=high <= most) * min(1.0, seen / MAY_PASS),
        fail_ratio=_share(slope, low, most, decided=low > most),
        eta=wait if high <= most else None,
    )


def _share(slope: float, bound: float, most: float, *, decided: bool) -> float:
    """
    How much of the distance between the slope and its bound lies on this side of what is allowed: 1 has decided.
    """
    if decided or slope == bound:
        return 1.0 if decided else 0.0
    return min(1.0, max(0.0, (slope - most) / (slope - bound)))


def _told(spec: TrendSpec, slopes: tuple[float, float, float], most: float, result: Result, wait: float) -> str:
    factor, unit = (100.0, " %/h") if spec.relative else (1.0, "/h")
    slope, low, high = (f"{value * factor:.3g}" for value in slopes)
    said = f"{slope}{unit} (between {low} and {high}), may be {most * factor:.6g}{unit}"
    if result == "inconclusive":
        return f"{said}; " + (f"needs {span(wait)} more" if wait else "needs a clearer trend")
    return said
