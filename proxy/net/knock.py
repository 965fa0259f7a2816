"""
A connection to a side that gets no live requests, made to see whether it would take one. Nothing is sent on it.
"""

from typing import TYPE_CHECKING

from proxy.net.ejection import Ejection
from proxy.wire.answer import AnswerHead

if TYPE_CHECKING:
    from proxy.net.upstream import UpstreamConnection


class Knock:
    """
    A leg without a request: of its connection the first live request that tries the side makes use.
    """

    upgrade = b""

    def __init__(self, ejection: Ejection) -> None:
        self._ejection = ejection

    def connected(self, connection: "UpstreamConnection") -> None:
        """
        Somebody has opened.
        """
        connection.pool.give_back(connection)
        self._ejection.knocked(connection.pool.now)

    def failed(self, cause: str) -> None:
        """
        Nobody has.
        """
        self._ejection.stayed_shut()

    # Nothing was asked, so nothing is answered...

    def interim(self, head: AnswerHead) -> None:
        """
        Not here.
        """

    def answer(self, head: AnswerHead) -> None:
        """
        Not here.
        """

    def data(self, data: bytes) -> None:
        """
        Not here.
        """

    def lull(self) -> None:
        """
        Not here.
        """

    def end(self, trailers: list[bytes]) -> None:
        """
        Not here.
        """

    def full(self) -> None:
        """
        Not here.
        """

    def drained(self) -> None:
        """
        Not here.
        """
