"""
When each stage comes: at the earliest, as expected, and at the latest.

Earliest: every gate has passed by the end of the shortest observation. Expected: as soon as the gates have seen what
they need at the rate that the plan expects. Latest: each stage takes all the time it may. Holds, rollbacks and people
who let others wait come on top; windows and freezes are in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proxy.plan.model import Plan, Stage

# When a stage that could be entered at a time is entered: when its window is open.
Opens = Callable[[Stage, float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """
    One event, in seconds since 1970 (or since the start, of a plan without a date).
    """

    earliest: float
    expected: float
    latest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """
    One stage: when it is entered and left. With `actual`, what has been is in it.
    """

    entered: Dates
    left: Dates


def settling(plan: Plan, stage: Stage) -> float:
    """
    The seconds after a shift in which nothing is judged.
    """
    return plan.defaults.settle if stage.settle is None else stage.settle


def forecast(
    plan: Plan,
    begin: float,
    gathering: Sequence[float],
    opens: Opens,
    been: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> tuple[Planned, ...]:
    """
    All stages. `gathering` are the seconds that the slowest gate of each is expected to need; `been` has when stages
    were entered and left, by name, and the rest is forecast from there.
    """
    clocks = [begin, begin, begin]
    found = []
    for stage, needed in zip(plan.stages, gathering, strict=True):
        entered_at, left_at = (been or {}).get(stage.name, (None, None))
        entered = [opens(stage, clock) for clock in clocks] if entered_at is None else [entered_at] * 3
        least, most = stage.observe
        expected = min(max(least, needed), most)
        lasts = (settling(plan, stage) + observed for observed in (least, expected, most))
        left = [at + span for at, span in zip(entered, lasts, strict=True)] if left_at is None else [left_at] * 3
        found.append(Planned(entered=_dates(entered), left=_dates(left)))
        clocks = left
    return tuple(found)


def _dates(three: Sequence[float]) -> Dates:
    # A window that was missed by the expected run may be met by the latest one; dates still grow.
    earliest, expected, latest = three
    expected = max(earliest, expected)
    return Dates(earliest=earliest, expected=expected, latest=max(expected, latest))
