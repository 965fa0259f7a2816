"""
What a stage wants of traffic, and which of two wants gives new less.

A stage says what it changes; the rest stays as the stage before has it. Before any stage names a route or cohort, its
share is what parallax.yaml says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from proxy.plan.model import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """
    New's share, in percent: of everybody, and of routes and cohorts with a share of their own (None: as parallax.yaml
    has it); `mirror` is the share of reads that is copied.
    """

    weight: float
    mirror: float
    routes: Mapping[str, float | None] = field(default_factory=dict)
    cohorts: Mapping[str, float | None] = field(default_factory=dict)

    def as_values(self) -> dict[str, Any]:
        """
        As JSON.
        """
        return asdict(self)


def from_values(values: Mapping[str, Any]) -> Exposure:
    """
    The exposure of `as_values`.
    """
    return Exposure(**values)


def exposures(plan: Plan) -> tuple[Exposure, ...]:
    """
    One for each stage.
    """
    routes: dict[str, float | None] = {name: None for stage in plan.stages for name in stage.routes}
    cohorts: dict[str, float | None] = {name: None for stage in plan.stages for name in stage.cohorts}
    weight, mirror, found = 0.0, 100.0, []
    for stage in plan.stages:
        weight = weight if stage.weight is None else stage.weight
        mirror = mirror if stage.mirror is None else stage.mirror
        routes, cohorts = {**routes, **stage.routes}, {**cohorts, **stage.cohorts}
        found.append(Exposure(weight=weight, mirror=mirror, routes=routes, cohorts=cohorts))
    return tuple(found)


def is_live(exposure: Exposure) -> bool:
    """
    Whether new answers anybody because of it.
    """
    return exposure.weight > 0 or any(share for share in (*exposure.routes.values(), *exposure.cohorts.values()))


def lower(one: Exposure, other: Exposure) -> Exposure:
    """
    The most that both allow new, place by place. A share that parallax.yaml gives (None) is taken for the lower one.
    """
    return Exposure(
        weight=min(one.weight, other.weight),
        mirror=min(one.mirror, other.mirror),
        routes=_lower(one.routes, other.routes),
        cohorts=_lower(one.cohorts, other.cohorts),
    )


def _lower(one: Mapping[str, float | None], other: Mapping[str, float | None]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in {**one, **other}:
        first, second = one.get(name), other.get(name)
        found[name] = None if first is None or second is None else min(first, second)
    return found
