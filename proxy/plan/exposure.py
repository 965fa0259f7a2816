"""
What a stage wants of traffic, and which of two wants gives new less.

A stage says what it changes; the rest stays as the stage before has it. What no stage has named yet is as it was when
the plan was started (`base`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from proxy.plan.model import Plan

# Shares have two decimals, so what is nearer than this is the same.
NEAR: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """
    New's share, in percent: of everybody, of routes (None: that of everybody) and of cohorts. `mirror` is the share of
    reads that is copied. What is in force names every route and cohort of the configuration whose share can be changed.
    """

    weight: float
    mirror: float
    routes: Mapping[str, float | None] = field(default_factory=dict)
    cohorts: Mapping[str, float | None] = field(default_factory=dict)

    def of_route(self, name: str) -> float:
        """
        New's share of a route.
        """
        own = self.routes.get(name)
        return self.weight if own is None else own

    def of_cohort(self, name: str) -> float:
        """
        New's share of a cohort, which follows nobody: 0 if nothing is said of it.
        """
        return self.cohorts.get(name) or 0.0

    def as_values(self) -> dict[str, Any]:
        """
        As JSON.
        """
        return asdict(self)


# What a plan starts from, unless it is known better: old answers everybody, and every read is copied.
BASE: Final = Exposure(weight=0.0, mirror=100.0)


def from_values(values: Mapping[str, Any]) -> Exposure:
    """
    The exposure of `as_values`.
    """
    return Exposure(**values)


def exposures(plan: Plan, base: Exposure = BASE) -> tuple[Exposure, ...]:
    """
    One for each stage of a plan that was started when `base` was in force.
    """
    present = Exposure(
        weight=base.weight,
        mirror=base.mirror,
        routes={**{name: None for stage in plan.stages for name in stage.routes}, **base.routes},
        cohorts={**{name: None for stage in plan.stages for name in stage.cohorts}, **base.cohorts},
    )
    found = []
    for stage in plan.stages:
        present = Exposure(
            weight=present.weight if stage.weight is None else stage.weight,
            mirror=present.mirror if stage.mirror is None else stage.mirror,
            routes={**present.routes, **stage.routes},
            cohorts={**present.cohorts, **stage.cohorts},
        )
        found.append(present)
    return tuple(found)


def is_live(exposure: Exposure) -> bool:
    """
    Whether new answers anybody because of it.
    """
    return exposure.weight > 0 or any(share for share in (*exposure.routes.values(), *exposure.cohorts.values()))


def lower(one: Exposure, other: Exposure) -> Exposure:
    """
    The most that both allow new, place by place.
    """
    routes = {**one.routes, **other.routes}
    cohorts = {**one.cohorts, **other.cohorts}
    return Exposure(
        weight=min(one.weight, other.weight),
        mirror=min(one.mirror, other.mirror),
        routes={name: _lower_route(name, one, other) for name in routes},
        cohorts={name: _lower_cohort(name, one, other) for name in cohorts},
    )


def _lower_cohort(name: str, one: Exposure, other: Exposure) -> float | None:
    if one.cohorts.get(name) is None and other.cohorts.get(name) is None:
        return None
    return min(one.of_cohort(name), other.of_cohort(name))


def _lower_route(name: str, one: Exposure, other: Exposure) -> float | None:
    if one.routes.get(name) is None and other.routes.get(name) is None:
        return None
    return min(one.of_route(name), other.of_route(name))


def is_within(one: Exposure, other: Exposure) -> bool:
    """
    Whether `one` gives new no more of anything than `other`: of every route and cohort that `one` names.
    """
    return all(mine <= theirs + NEAR for mine, theirs in _places(one, other))


def is_same(one: Exposure, other: Exposure) -> bool:
    """
    Whether `one` gives new as much of everything as `other`: of every route and cohort that `one` names.
    """
    return all(abs(mine - theirs) <= NEAR for mine, theirs in _places(one, other))


def _places(one: Exposure, other: Exposure) -> list[tuple[float, float]]:
    # A cohort that `other` doesn't know has come with a reload; nobody wanted anything of it.
    return [
        (one.weight, other.weight),
        (one.mirror, other.mirror),
        *((one.of_route(name), other.of_route(name)) for name in one.routes),
        *((one.of_cohort(name), other.of_cohort(name)) for name in one.cohorts if name in other.cohorts),
    ]


def without(exposure: Exposure, closed: tuple[str, ...], *, copies: bool = True) -> Exposure:
    """
    The same with nothing of the routes ("route:NAME") and cohorts ("cohort:NAME") in `closed`; without copies, if so.
    """
    names = [one.split(":", 1) for one in closed]
    return replace(
        exposure,
        mirror=exposure.mirror if copies else 0.0,
        routes={**exposure.routes, **{name: 0.0 for kind, name in names if kind == "route"}},
        cohorts={**exposure.cohorts, **{name: 0.0 for kind, name in names if kind == "cohort"}},
    )


def nothing(exposure: Exposure) -> Exposure:
    """
    The same places, and nothing of any of them: old answers everybody, and nothing is copied.
    """
    return Exposure(
        weight=0.0,
        mirror=0.0,
        routes={name: None if share is None else 0.0 for name, share in exposure.routes.items()},
        cohorts={name: None if share is None else 0.0 for name, share in exposure.cohorts.items()},
    )
