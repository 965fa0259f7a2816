"""
The seam between a connection to a side and whoever asked for it: one request out, these events back.
"""

from typing import TYPE_CHECKING, Protocol

from proxy.wire.answer import AnswerHead

if TYPE_CHECKING:
    from proxy.net.upstream import UpstreamConnection


class Leg(Protocol):
    """
    One side's part of an exchange. After `end` or `failed` nothing more comes.
    """

    upgrade: bytes

    def connected(self, connection: "UpstreamConnection") -> None:
        """
        A new connection stands; send the request on it.
        """

    def interim(self, head: AnswerHead) -> None:
        """
        A 1xx answer other than 101.
        """

    def answer(self, head: AnswerHead) -> None:
        """
        The final answer's head, or the 101 that was asked for (then `data` and `end` are the tunnel's).
        """

    def data(self, data: bytes) -> None:
        """
        A piece of content, chunked coding removed.
        """

    def lull(self) -> None:
        """
        Nothing more has come for now: time to pass on what has.
        """

    def end(self, trailers: list[bytes]) -> None:
        """
        The answer is complete. The connection may already serve somebody else.
        """

    def failed(self, cause: str) -> None:
        """
        There will be no (complete) answer; `cause` is a key of `wire.own.CAUSES`.
        """

    def full(self) -> None:
        """
        The side takes the request slower than it comes: stop sending.
        """

    def drained(self) -> None:
        """
        The side caught up: go on sending.
        """
