"""
What a gate says, whatever it reads: pairs, one side, Prometheus, a slope, a webhook. Only shapes; who judges is beside.

No data is `inconclusive`, never `pass`. `error` is a source that didn't answer, or that answered what can't be judged:
it says nothing about new.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

Result = Literal["pass", "fail", "inconclusive", "error"]
# From the worst to the best, so that the first of several is the result of all of them together.
WORST_FIRST: Final[tuple[Result, ...]] = ("fail", "error", "inconclusive", "pass")


def together(results: Iterable[Result]) -> Result:
    """
    The result of several: one that fails fails all, and they pass if every one passes. Of none, `inconclusive`.
    """
    return min(results, key=WORST_FIRST.index, default="inconclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOutcome:
    """
    What a gate that is judged by route says of one route. The fields are those of `Outcome`; `share` is the route's
    share of the traffic (0..1).
    """

    route: str
    result: Result
    n: int
    bad: int
    share: float
    interval: tuple[float, float] | None = None
    pass_ratio: float = 0.0
    fail_ratio: float = 0.0
    needed: int | None = None

    @property
    def estimate(self) -> float | None:
        """
        The share of bad ones; None without data.
        """
        return self.bad / self.n if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The result of one gate with its numbers.

    `sentence` is for people. `n` and `bad` are what was counted (evaluations and bad ones, where nothing is counted).
    `estimate` is what was measured, `interval` where it may lie, `budget` what it is held against: rates (0..1), or
    the value of a query, or a slope an hour. `pass_ratio` and `fail_ratio` are evidence / threshold: 0 is none, 1 and
    more has decided. `needed` is about how many more opportunities it takes, `eta` the seconds until they have come;
    None if that can't be said. `routes` has one entry for each route that is judged by itself, `uncovered` the names
    of those that have too few data to be judged.
    """

    gate: str
    result: Result
    sentence: str
    n: int = 0
    bad: int = 0
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    budget: float | None = None
    pass_ratio: float = 0.0
    fail_ratio: float = 0.0
    needed: int | None = None
    eta: float | None = None
    routes: tuple[RouteOutcome, ...] = ()
    uncovered: tuple[str, ...] = ()

    def as_values(self) -> dict[str, Any]:
        """
        As values that JSON has.
        """
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `as_values` made, also after JSON. Raises `TypeError` or `KeyError` for anything else.
        """
        routes = (RouteOutcome(**{**route, "interval": _pair(route["interval"])}) for route in values["routes"])
        changed = {
            "interval": _pair(values["interval"]),
            "routes": tuple(routes),
            "uncovered": tuple(values["uncovered"]),
        }
        return cls(**{**values, **changed})


def _pair(values: Iterable[float] | None) -> tuple[float, float] | None:
    if values is None:
        return None
    low, high = values
    return low, high
