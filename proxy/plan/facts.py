"""
What a configuration says that a plan relies on: routes, cohorts, who stays where, where data lies, whose tokens count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.plan.exposure import Exposure
from proxy.settings.model import Settings
from proxy.settings.routes import RouteSettings

# What is copied without being asked for.
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFact:
    """
    One route: new's share (None: that of all), the share of it that is copied at most, and by what clients are known.
    """

    weight: float | None
    mirror: float
    sticky: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    `cohorts` has new's share of each, None for one that has a side of its own. `data` is None where nobody has said it,
    `tokens` has roles by name.
    """

    routes: Mapping[str, RouteFact] = field(default_factory=dict)
    cohorts: Mapping[str, float | None] = field(default_factory=dict)
    sticky: tuple[str, ...] = ("request",)
    data: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    weight: float = 0.0
    mirror: float = 100.0

    @property
    def base(self) -> Exposure:
        """
        What is in force before a plan has begun.
        """
        return Exposure(
            weight=self.weight,
            mirror=self.mirror,
            routes={name: route.weight for name, route in self.routes.items()},
            cohorts={name: share for name, share in self.cohorts.items() if share is not None},
        )


def facts_of(settings: Settings) -> Facts:
    """
    Those of a configuration.
    """
    return Facts(
        routes={
            route.name: RouteFact(
                weight=route.weight, mirror=_copied(route), sticky=route.sticky or settings.sticky.key
            )
            for route in settings.routes
        },
        cohorts={cohort.name: cohort.weight if cohort.side is None else None for cohort in settings.cohorts},
        sticky=settings.sticky.key,
        data=settings.data if "data" in settings.model_fields_set else None,
        tokens={token.name: token.role for token in settings.admin.tokens},
        weight=settings.weights.new,
        mirror=settings.mirror.percent,
    )


def _copied(route: RouteSettings) -> float:
    """
    The share of a route's requests that is copied at most: none of one that only writes, unless it says so.
    """
    only_writes = bool(route.match.method) and not READS & set(route.match.method)
    return 0.0 if only_writes and route.writes == "never" else route.mirror


def is_sticky(keys: tuple[str, ...]) -> bool:
    """
    Whether clients are known by something: not each request by itself.
    """
    return keys[0] != "request"
