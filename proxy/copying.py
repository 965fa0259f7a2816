"""
Whether the other side gets a copy of a request, and what that looks like.
"""

from proxy.course import Course
from proxy.mirror.breaker import CLOSED
from proxy.mirror.pair import Pair
from proxy.plane import Plane
from proxy.routing.table import OLD
from proxy.routing.ways import Way
from proxy.routing.writes import Writes
from proxy.shadow import ShadowLeg
from proxy.twins import ask_twin
from proxy.waiting import WaitingCopy
from proxy.wire.forward import MARKER, request_bytes, without_credentials
from proxy.wire.request import RequestHead


def why_not(plane: Plane, course: Course, way: Way, head: RequestHead, live: int) -> str | None:
    """
    Why an exchange isn't mirrored, None if it is: the first reason that applies, in the order of the books. What
    depends on the copy itself (budget, size) is looked at when there is one.
    """
    if (refusal := way.refusal(head, live)) is not None:
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


def send_copy(
    plane: Plane, course: Course, way: Way, pair: Pair, text: bytes, lines: bytes, sent: bool
) -> ShadowLeg | WaitingCopy:
    """
    The copy: the same canonical request, marked, in the shadow side's form and without Expect. `text` is what the live
    side gets, `lines` what was added to it, `sent` that no content follows.
    """
    head, other = pair.request, 1 - pair.live_side
    if not way.same_form or (head.credentials and not course.mirror.credentials):
        seen = head if course.mirror.credentials else without_credentials(head)
        text = request_bytes(seen, way.copies[other], lines)
    writes = None if head.is_read else way.writes
    keys = None if writes is None else writes.keys
    if writes is not None and keys is None:
        text += writes.marker
    asks_twin = course.twin is not None and keys is None and _as_old_got_it(way, pair, writes)
    if keys is not None or course.mirror.order == "after":
        pair.shadow_leg = waiting = WaitingCopy(plane, course, pair, text, keys, sent, asks_twin=asks_twin)
        return waiting
    pair.shadow_leg = leg = ShadowLeg(plane, course.sides[other], pair, head.method == b"HEAD")
    leg.begin(text + MARKER, sent, repeatable=writes is None)
    if asks_twin and not pair.settled:
        ask_twin(plane, course, way, pair, head, lines)
    return leg


def _as_old_got_it(way: Way, pair: Pair, writes: Writes | None) -> bool:
    """
    Whether old got a request that may be asked once more in the same form.
    """
    return (writes is None or writes.reads) and (pair.live_side == OLD or way.copies is way.destinations)
