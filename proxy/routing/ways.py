"""
The routes of one table, compiled: what each makes of its requests, and what is made of those without a route. Pure.
"""

from dataclasses import replace

from proxy.routing.belonging import BARE, Backing
from proxy.routing.choice import SPLIT, Choice, Clients, Decision, decisions, made_by_chance
from proxy.routing.flags import flagged
from proxy.routing.keys import compile_keys
from proxy.routing.match import Matcher
from proxy.routing.overrides import Overrides
from proxy.routing.patience import Patience
from proxy.routing.route import AS_IT_IS, Rewrite, Route
from proxy.routing.table import NEW, Table
from proxy.routing.writes import Writes, compile_writes
from proxy.wire.forward import Destination
from proxy.wire.request import RequestHead


class Way:
    """
    What one route makes of its requests, or what the whole table makes of those without one.

    `weight` is new's share in percent, by which chance decides where `choice` is None, and `by` what it decides then;
    `percent` is how much is copied, and `writes` what of requests that may write (None: nothing); `destinations` say
    how requests are written to old and to new, `copies` how copies are, `twin` how to a twin of old, `same_form` that
    one text serves both legs; `find` finds the sticky key, if requests have one; `body` is how many bytes of content a
    request may have, 0 any; `waits` is how long live answers may take, None as long as any; `failover` that each side
    may answer for the other.
    """

    __slots__ = (
        "_never",
        "body",
        "by",
        "choice",
        "copies",
        "destinations",
        "failover",
        "find",
        "flag",
        "name",
        "percent",
        "same_form",
        "twin",
        "waits",
        "weight",
        "writes",
    )

    def __init__(self, table: Table, clients: Clients, route: Route | None = None) -> None:
        self.name = "" if route is None else route.name
        self.weight = table.weight_of(route)
        self.choice = None if made_by_chance(table, route) else Choice(table, route, clients)
        self.by = decisions(table, route)
        self.find = compile_keys(table.keys_of(route), clients.claims)[0]
        self.percent = table.mirror.percent
        self.body = table.limits.body
        self.waits: Patience | None = None
        self.writes: Writes | None = None
        self.failover = False
        self.flag = None if route is None else route.flag
        if route is not None:
            self.percent *= route.mirror / 100.0
            self.writes = compile_writes(route)
            self.body = self.body if route.body is None else route.body
            self.waits = _waits(table, route)
            self.failover = route.failover
        self._never = "off" if table.mirror.percent <= 0.0 else "route" if self.percent <= 0.0 else None
        old, new = table.sides
        for_old, for_new = (AS_IT_IS, AS_IT_IS) if route is None else route.rewrites
        self.destinations = one, other = Destination(old, for_old), Destination(new, for_new)
        self.twin = one if table.noise.twin is None else Destination(table.noise.twin, for_old)
        self.same_form = for_old == for_new and one.host is None and other.host is None and one.base == other.base
        self.copies = self.destinations
        if route is not None and route.shadow != AS_IT_IS:
            self.same_form = False
            shadow = route.shadow
            # What is set is of new, and may be a secret.
            self.copies = (
                Destination(old, _together(for_old, replace(shadow, set=()))),
                Destination(new, _together(for_new, shadow)),
            )

    def is_closed(self, head: RequestHead, address: bytes) -> bool:
        """
        Whether the share of new that such a request from this address goes by is 0.
        """
        return self.weight <= 0.0 if self.choice is None else self.choice.is_closed(head, address)

    def refusal(self, head: RequestHead, live: int) -> str | None:
        """
        Why no such request is ever copied while that side is live, None if it may be: the first reason, as the books
        name it.
        """
        if self._never is not None:
            return self._never
        if not head.is_read and (self.writes is None or not self.writes.copied(head, live)):
            return "method"
        return "upgrade" if head.upgrade else None


def _together(side: Rewrite, shadow: Rewrite) -> Rewrite:
    """
    What a side gets differently, and what a copy does besides, which is stronger.
    """
    gone = {name.lower() for name in (*shadow.remove, *(name for name, _ in shadow.set))}
    kept = tuple((name, value) for name, value in side.set if name.lower() not in gone)
    return replace(side, set=(*kept, *shadow.set), remove=(*side.remove, *shadow.remove))


def _waits(table: Table, route: Route) -> Patience | None:
    """
    How long live answers of a route may take; 0 is for ever, as in `Timeouts.patient`.
    """
    if route.answer_head is None and route.answer_idle is None:
        return None
    timeouts = table.timeouts
    own = replace(
        timeouts,
        answer_head=timeouts.answer_head if route.answer_head is None else route.answer_head,
        answer_idle=timeouts.answer_idle if route.answer_idle is None else route.answer_idle,
    ).patient()
    return Patience(connect=own.connect, head=own.answer_head, body=own.answer_idle)


def may_go_over(way: Way, head: RequestHead) -> bool:
    """
    Whether the other side may answer a request in place of its own: nothing that writes, and nothing with content,
    which isn't kept.
    """
    return way.failover and head.is_read and not head.has_body and not head.upgrade


def overruled(
    way: Way, head: RequestHead, address: bytes, native: Decision, said: bool | None, pin: Decision | None
) -> Decision:
    """
    What is decided where shares have decided on `native`, the flag of the route has `said` something, if anything, and
    a pin holds, if one does.

    A share of 0 is closed: neither sends anybody to new then. A decision by the pin is one that would be the other side
    without it.
    """
    if native is SPLIT:
        return native
    decision = native if way.flag is None else flagged(way.flag, said, native)
    is_towards_new = decision.live == NEW or (pin is not None and pin.live == NEW)
    if is_towards_new and native.live != NEW and way.is_closed(head, address):
        if decision.live == NEW:
            decision = native
        if pin is not None and pin.live == NEW:
            pin = None
    return decision if pin is None or pin.live == decision.live else pin


class Ways:
    """
    `find` the way that a request goes; `only` is the one way of a table without routes, else None. `overrides` say more
    than ways and cohorts.
    """

    __slots__ = ("_matcher", "_ways", "clients", "only", "overrides")

    def __init__(self, table: Table, backing: Backing = BARE) -> None:
        self.clients = clients = Clients(table, backing)
        self.overrides = Overrides(table)
        # The last is for requests without a route.
        self._ways = [Way(table, clients, route) for route in (*table.routes, None)]
        self._matcher = Matcher([route.match for route in table.routes])
        self.only = None if table.routes else self._ways[-1]

    def find(self, head: RequestHead) -> Way:
        """
        The way of the first route that a request matches.
        """
        # -1, for no route, is the last way.
        return self._ways[self._matcher.find(head)]

    @property
    def have_own_limits(self) -> bool:
        """
        Whether a route has a limit of its own for the content of requests.
        """
        return len({way.body for way in self._ways}) > 1

    def most_content(self, head: RequestHead) -> int:
        """
        How many bytes of content a request may have, 0 any.
        """
        return self.find(head).body
