"""
What one side did with a request, and whether two of them did the same.
"""

from operator import itemgetter
from typing import Protocol

from proxy.wire.answer import AnswerHead


class Observation:
    """
    What one side did: `head` None without an answer, `cause` why it is not complete, `sent` and `at` clock readings;
    `connected` that it had to wait for a new connection, `paused` that flow control held it up; `digest` instead of
    `content` when that was too long to be kept.
    """

    __slots__ = ("at", "cause", "connected", "content", "digest", "done", "head", "paused", "sent", "size")

    def __init__(self) -> None:
        self.head: AnswerHead | None = None
        self.content: list[bytes] = []
        self.digest: Digest | None = None
        self.size = 0
        self.sent = 0.0
        self.at = 0.0
        self.done = False
        self.paused = False
        self.connected = False
        self.cause: str | None = None

    def body(self) -> bytes:
        """
        The whole content.
        """
        return self.content[0] if len(self.content) == 1 else b"".join(self.content)


class Digest(Protocol):
    """
    What `hashlib.sha256` makes.
    """

    def update(self, data: bytes, /) -> None:
        """
        More content.
        """

    def digest(self) -> bytes:
        """
        The digest of all content so far.
        """


def same_bytes(one: Observation, other: Observation) -> bool:
    """
    Same status, same compared fields (their order by name aside), same content.
    """
    if one.head is None or other.head is None or one.head.status != other.head.status or one.size != other.size:
        return False
    mine, theirs = one.head.significant, other.head.significant
    if mine != theirs and sorted(mine, key=itemgetter(0)) != sorted(theirs, key=itemgetter(0)):
        return False
    if one.digest is not None or other.digest is not None:
        return one.digest is not None and other.digest is not None and one.digest.digest() == other.digest.digest()
    if one.content == other.content:
        return True
    return (len(one.content) != 1 or len(other.content) != 1) and one.body() == other.body()
