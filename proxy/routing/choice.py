"""
Who answers a request: old because it writes, or by its cohort, its route or the weight of the whole table. Pure.

Strongest first: kill (a table of its own, `intent.killed`), split data, what a request brings signed (`overrides`), a
feature flag (`flags`), cohort, route, weight. A share of 0 closes new to all of them but a tester's force
(`ways.overruled`).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from proxy.routing.belonging import BARE, Backing, Lookup
from proxy.routing.buckets import BUCKETS, bucket, reached
from proxy.routing.keys import compile_keys
from proxy.routing.match import Matcher
from proxy.routing.route import Route
from proxy.routing.table import NEW, OLD, Table
from proxy.wire.request import RequestHead


class Decision(NamedTuple):
    """
    The live side, and what decided: `split`, `forced`, `cohort`, `route` or `weight`; `ejected`: the other was to
    answer, and can't.
    """

    live: int
    by: str


# Made once: deciding makes no objects.
SPLIT: Final = Decision(OLD, "split")
EJECTED: Final = (Decision(OLD, "ejected"), Decision(NEW, "ejected"))
BY_COHORT: Final = (Decision(OLD, "cohort"), Decision(NEW, "cohort"))
BY_ROUTE: Final = (Decision(OLD, "route"), Decision(NEW, "route"))
BY_WEIGHT: Final = (Decision(OLD, "weight"), Decision(NEW, "weight"))


def stays_on_old(head: RequestHead) -> bool:
    """
    Whether a request stays with old while old and new keep data of their own: it may write, or what is sent over it
    later may (a WebSocket).
    """
    return not head.is_read or bool(head.upgrade)


class Clients:
    """
    The cohorts of one table: which one a request belongs to, and what is decided for it. `claims` reads tokens, for
    sticky keys too.
    """

    __slots__ = ("_matcher", "claims", "cohorts", "reached")

    def __init__(self, table: Table, backing: Backing = BARE) -> None:
        self.cohorts = table.cohorts
        lookup = Lookup(table, backing)
        self.claims = lookup.claims
        self._matcher = Matcher([cohort.match for cohort in table.cohorts], lookup)
        # How many buckets are on new: all or none of a cohort that a side has.
        self.reached = [reached(table.weight_of_cohort(cohort)) for cohort in table.cohorts]

    def find(self, head: RequestHead, address: bytes) -> int:
        """
        The place of the first cohort that a request from this address belongs to, -1 for none.
        """
        return self._matcher.find(head, address)


class Choice:
    """
    The choice that one table makes for the requests of one route, or of none.
    """

    __slots__ = ("_by", "_clients", "_draws", "_find", "_reached", "_salt", "_split")

    def __init__(self, table: Table, route: Route | None = None, clients: Clients | None = None) -> None:
        weight = table.weight_of(route)
        self._by = decisions(table, route)
        self._reached = reached(weight)
        self._salt = table.sticky.salt.encode()
        self._split = table.split
        self._clients = clients if clients is not None and clients.cohorts else None
        self._find, self._draws = compile_keys(table.keys_of(route), None if clients is None else clients.claims)

    def decide(self, head: RequestHead, address: bytes, roll: Callable[[], float]) -> Decision:
        """
        The decision for a request from this address; `roll` in [0, 1) is only called where chance decides.
        """
        if self._split and stays_on_old(head):
            return SPLIT
        share, by = self._reached, self._by
        clients = self._clients
        if clients is not None:
            place = clients.find(head, address)
            if place >= 0:
                share, by = clients.reached[place], BY_COHORT
        if share <= 0:
            return by[OLD]
        if share >= BUCKETS:
            return by[NEW]
        if self._find is not None:
            if key := self._find(head, address):
                head.bucket = number = bucket(self._salt, key)
                return by[NEW if number < share else OLD]
            if not self._draws:
                return by[OLD]
        return by[NEW if roll() * BUCKETS < share else OLD]

    def is_closed(self, head: RequestHead, address: bytes) -> bool:
        """
        Whether the share that such a request goes by is 0: that of its client's cohort, or else of its route or of all.
        """
        place = -1 if self._clients is None else self._clients.find(head, address)
        return (self._reached if self._clients is None or place < 0 else self._clients.reached[place]) <= 0

    def key(self, head: RequestHead, address: bytes) -> bytes:
        """
        The sticky key that a request has here, b"" if none.
        """
        return b"" if self._find is None else self._find(head, address)


def decisions(table: Table, route: Route | None) -> tuple[Decision, Decision]:
    """
    What is decided for old and for new where no cohort is: by the weight of the route, or by that of the whole table.
    """
    return BY_ROUTE if route is not None and table.has_weight(route) else BY_WEIGHT


def made_by_chance(table: Table, route: Route | None = None) -> bool:
    """
    Whether nothing of a request matters for the choice, once its route is known.
    """
    return not table.split and not table.cohorts and compile_keys(table.keys_of(route))[0] is None
