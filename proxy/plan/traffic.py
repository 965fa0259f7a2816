"""
How much there is to look at: opportunities a second of an event, by what a plan expects of traffic. Pure arithmetic.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

from proxy.plan.exposure import Exposure
from proxy.plan.facts import Facts
from proxy.plan.model import Plan

# Keys are counted by their bucket, so no more than these can be told apart.
BUCKETS: Final = 10_000
# What no route matches.
REST: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """
    The traffic of a plan while `exposure` is in force. Without `facts`, every route is copied as a whole.
    """

    plan: Plan
    facts: Facts | None
    exposure: Exposure

    def a_second(self, of: str, routes: tuple[str, ...] = ()) -> float | None:
        """
        Pairs, answers that new `served`, or answers of `old` or `new`. None if the plan doesn't say how much traffic
        such a route has, or if only cohorts are on new.
        """
        expected = self.plan.expect
        rest = max(0.0, 100.0 - sum(expected.routes.values()))
        shares = {name: expected.routes.get(name) for name in routes} or {**expected.routes, REST: rest}
        total = 0.0
        for name, share in shares.items():
            if share is None:
                return None
            total += share / 100.0 * self._looked_at(name, of)
        if not total and of == "served" and any(self.exposure.cohorts.values()):
            # How much of the traffic cohorts have, nobody says.
            return None
        return expected.rate * total

    def keys_a_second(self, of: str, routes: tuple[str, ...] = ()) -> float | None:
        """
        The same where each sticky key counts once a minute: different buckets, if requests come from keys at random.
        """
        if (a_second := self.a_second(of, routes)) is None:
            return None
        a_minute, known = 60.0 * a_second, self.plan.expect.keys
        keys = a_minute if known is None else known * (1.0 - exp(-a_minute / known))
        return BUCKETS * (1.0 - exp(-keys / BUCKETS)) / 60.0

    def _looked_at(self, route: str, of: str) -> float:
        weight, mirror = self.exposure.of_route(route) / 100.0, self.exposure.mirror / 100.0
        if self.facts is not None and route in self.facts.routes:
            mirror *= self.facts.routes[route].mirror / 100.0
        by_kind = {
            "pairs": mirror,
            "served": weight,
            "old": 1.0 - weight + weight * mirror,
            "new": weight + (1.0 - weight) * mirror,
        }
        return by_kind[of]
