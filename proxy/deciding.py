"""
Who answers a request.
"""

from typing import Final

from proxy.clock import time
from proxy.course import Course
from proxy.plane import Plane
from proxy.retrying import LINES
from proxy.routing.choice import EJECTED, SPLIT, Decision
from proxy.routing.table import NEW, OLD
from proxy.routing.ways import Way, may_go_over, overruled
from proxy.wire.request import RequestHead

# Who decided where the client is told of it, and what.
SIDE: Final = ((b"X-Parallax-Side: old",), (b"X-Parallax-Side: new",))
TOLD: Final = frozenset({"forced", "ejected"})


def decide(plane: Plane, course: Course, way: Way, head: RequestHead, address: bytes) -> Decision:
    """
    The live side of a request from this address, and what decided.
    """
    if head.force and (forced := _forced(plane, course, head)) is not None:
        return forced
    choice = way.choice
    if choice is not None:
        decision = choice.decide(head, address, plane.random)
    elif way.weight <= 0.0:
        decision = way.by[OLD]
    else:
        decision = way.by[plane.random() * 100.0 < way.weight]
    if (head.wrote or way.flag is not None) and decision is not SPLIT:
        said: bool | None = None
        if way.flag is not None:
            said = plane.flags.says(way.flag, b"" if way.find is None else way.find(head, address), plane.now)
        pin = course.ways.overrides.pinned(head, time()) if head.wrote else None
        decision = overruled(way, head, address, decision, said, pin)
    live = decision.live
    if course.sides[live].ejection.is_out and (live == NEW or may_go_over(way, head)):
        live = course.instead_of(live, plane.now, plane.random(), is_safe=head.is_read)
        return decision if live == decision.live else EJECTED[live]
    return decision


def may_reach_new(course: Course, head: RequestHead, address: bytes, *, stands_in: bool = False) -> bool:
    """
    Whether new may be asked for this request, whatever chance says; `stands_in`: because old failed.
    """
    ways = course.ways
    way = ways.only or ways.find(head)
    if stands_in and way.failover:
        return True
    if head.force and (forced := ways.overrides.forced(head, time())) is not None:
        return forced.live == NEW
    native = way.by[way.weight > 0.0] if way.choice is None else way.choice.decide(head, address, lambda: 0.0)
    if native is SPLIT or way.is_closed(head, address):
        return False
    if head.wrote and (pinned := ways.overrides.pinned(head, time())) is not None:
        return pinned.live == NEW
    return native.live == NEW or (way.flag is not None and way.flag.mode == "decide")


def told(decision: Decision, way: Way, head: RequestHead) -> tuple[bytes, ...]:
    """
    What a client is told of a decision that is one of `TOLD`: who answers it, or who should have.
    """
    if decision.by == "forced":
        return SIDE[decision.live]
    return LINES[1 - decision.live] if may_go_over(way, head) else ()


def pinning(course: Course, way: Way, live: int, status: int, scheme: bytes, *, kept: bool) -> tuple[bytes, ...]:
    """
    The line that keeps a client with the side that has done its write; none for one that only a pin has `kept` there,
    or whoever writes often enough would be there for ever.
    """
    overrides = course.ways.overrides
    if kept or not overrides.pins or not 200 <= status < 400 or (way.writes is not None and way.writes.reads):
        return ()
    return (overrides.pin(live, time(), encrypted=scheme == b"https"),)


def _forced(plane: Plane, course: Course, head: RequestHead) -> Decision | None:
    """
    The side that a tester forces, whether or not it is ejected: who wants new wants to see how it fails.
    """
    overrides = course.ways.overrides
    forced = overrides.forced(head, time())
    if forced is None and overrides.believes:
        plane.books.error("client", "force_ignored")
    return forced
