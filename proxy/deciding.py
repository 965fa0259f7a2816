"""
Who answers a request.
"""

from typing import Final

from proxy.clock import time
from proxy.course import Course
from proxy.plane import Plane
from proxy.routing.choice import EJECTED, Decision
from proxy.routing.table import NEW, OLD
from proxy.routing.ways import Way
from proxy.wire.request import SAFE, RequestHead

# What the answer to a forced request says of who answered.
TOLD: Final = ((b"X-Parallax-Side: old",), (b"X-Parallax-Side: new",))


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
    if decision.live == NEW and course.sides[NEW].ejection.is_out:
        return decision if _tries(plane, course, head) else EJECTED
    return decision


def _tries(plane: Plane, course: Course, head: RequestHead) -> bool:
    return course.instead_of_new(plane.now, plane.random(), is_safe=head.method in SAFE) == NEW


def _forced(plane: Plane, course: Course, head: RequestHead) -> Decision | None:
    """
    The side that a tester forces, whether or not it is ejected: who wants new wants to see how it fails.
    """
    overrides = course.ways.overrides
    forced = overrides.forced(head, time())
    if forced is None and overrides.believes:
        plane.books.error("client", "force_ignored")
    return forced
