"""
Asking a twin: the same request once more, of old itself or of a second instance of it, so that old's own differences
get known. It is no exchange and has no verdict; the live leg doesn't know of it.
"""

from proxy.course import Course
from proxy.mirror.pair import Pair, TwinPair
from proxy.plane import Plane
from proxy.routing.table import OLD
from proxy.routing.ways import Way
from proxy.shadow import ShadowLeg
from proxy.wire.forward import MARKER, request_bytes
from proxy.wire.request import RequestHead


def ask_twin(plane: Plane, course: Course, way: Way, pair: Pair, head: RequestHead, lines: bytes) -> None:
    """
    The same request to a twin of old, marked as a copy, so that old's own differences get known. `pair` tells what old
    answered when it has ended.
    """
    reach = course.twin
    if head.has_body or (head.credentials and not course.mirror.credentials):
        return
    if reach is None or not plane.asks_twin(course):
        return
    text = request_bytes(head, way.twin, lines) + MARKER
    pair.twin = twin = TwinPair(course.twins, head, plane.books.twins(pair.page), OLD)
    twin.way = way
    if twin.hold(len(text)):
        twin.shadow_leg = leg = ShadowLeg(plane, reach, twin, head.method == b"HEAD")
        leg.begin(text, sent=True)
