"""
A live leg that got no answer: whether the request is tried again, on the same side or on the other (failover); and
what that makes of its pair.

Never after a byte of an answer. On the other side once, where the route says so; on new only while the table in force
says so too: what began before a kill doesn't go there after it.
"""

from typing import Final

from proxy.mirror.pair import Pair
from proxy.net.ejection import TRANSPORT
from proxy.net.upstream import UpstreamConnection
from proxy.plane import Plane
from proxy.routing.table import NEW
from proxy.routing.ways import Way, may_go_over
from proxy.wire.request import RequestHead

# Why there may be no byte of an answer: the side's doing, or that as many wait for it as may.
SILENT: Final = TRANSPORT | {"limit"}
# Why a request gets a 503 because we have no connection for it; copies, which take connections too, end before that.
NO_ROOM: Final = frozenset({"limit", "descriptors"})
# Why an answer is cut short by us: says nothing of the side.
OURS: Final = frozenset({"reload", "left"})
# What the client is told, by the side that failed.
LINES: Final = ((b"X-Parallax-Failover: old",), (b"X-Parallax-Failover: new",))


def may_retry(plane: Plane, head: RequestHead, cause: str, connection: UpstreamConnection | None) -> bool:
    """
    Whether the same side may be asked once more. RFC 9110 §9.2.2: an idempotent request without content, on a reused
    connection, before any byte of an answer.
    """
    return (
        cause == "terminated"
        and connection is not None
        and connection.reused
        and not connection.answered
        and not head.has_body
        and head.is_idempotent
        and plane.may_retry()
    )


def goes_over(
    plane: Plane, way: Way, head: RequestHead, live: int, cause: str, connection: UpstreamConnection | None
) -> bool:
    """
    Whether what the live side has failed to answer for `cause`, on this connection if there was one, is asked of the
    other side.
    """
    if cause not in SILENT or (connection is not None and connection.answered) or not may_go_over(way, head):
        return False
    in_force = plane.course.ways
    return live == NEW or may_go_over(in_force.only or in_force.find(head), head)


def end_live(pair: Pair, cause: str, *, sent: bool) -> None:
    """
    The live side of a pair has failed for good; `sent`: it had the whole request.
    """
    if cause in OURS:
        # We cut it, and the copy's answer alone says nothing.
        pair.drop("draining")
    elif cause in NO_ROOM:
        # Our own limit, not the side's failure.
        pair.drop("concurrency")
    elif sent:
        pair.ended(pair.live, cause)
    else:
        # The copy's request will never be complete either.
        pair.drop("both_failed")
