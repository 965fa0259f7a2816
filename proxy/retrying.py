"""
A live leg that got no answer: whether the request is tried again, on the same side or on the other (failover).

Never after a byte of an answer. On the other side once, where the route says so; on new only while the table in force
says so too: what began before a kill doesn't go there after it.
"""

from typing import Final

from proxy.net.ejection import TRANSPORT
from proxy.net.upstream import UpstreamConnection
from proxy.plane import Plane
from proxy.routing.table import NEW
from proxy.routing.ways import Way, may_go_over
from proxy.wire.request import RequestHead

# Why there may be no byte of an answer: the side's doing, or that as many wait for it as may.
SILENT: Final = TRANSPORT | {"limit"}
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
