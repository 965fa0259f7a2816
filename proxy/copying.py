"""
Whether the other side gets a copy of a request.
"""

from proxy.course import Course
from proxy.mirror.breaker import CLOSED
from proxy.plane import Plane
from proxy.routing.ways import Way
from proxy.wire.request import RequestHead


def why_not(plane: Plane, course: Course, way: Way, head: RequestHead, live: int) -> str | None:
    """
    Why an exchange isn't mirrored, None if it is: the first reason that applies, in the order of the books. What
    depends on the copy itself (budget, size) is looked at when there is one.
    """
    if (refusal := way.refusal(head)) is not None:
        return refusal
    percent = way.percent * plane.copies
    if percent < 100.0 and plane.random() * 100.0 >= percent:
        return "sampled_out"
    if head.accepts_stream:
        return "streaming"
    other = course.sides[1 - live]
    if other.breaker.state != CLOSED and not other.breaker.allows(plane.now, plane.random()):
        return "breaker_open"
    if other.copies >= course.mirror.concurrency:
        other.breaker.full(plane.now, plane.random())
        return "concurrency"
    other.breaker.not_full()
    return None
