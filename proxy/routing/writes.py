"""
What a route says of copies of requests that may write: whether there are any, how they are marked, and the keys by
which one of them is known, so that it is made once. Pure.

A key is what the client calls its request by, or a digest of what the route declares to be the request. Parts are
hashed with their lengths, so that no two lists of parts are one text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from proxy.routing.keys import field_start
from proxy.routing.route import Idempotency, Route
from proxy.routing.table import OLD
from proxy.wire.request import RequestHead

DRY_RUN: Final = b"X-Parallax-Dry-Run: 1\r\n"
# Bytes by which a key is remembered: of 10^6 keys, two are taken for one with a chance of 10^-27.
DIGEST: Final = 16


class Keys:
    """
    How the requests of one route are told apart.
    """

    __slots__ = ("_field", "_header", "_parts")

    def __init__(self, idempotency: Idempotency) -> None:
        self._field = idempotency.header.encode("ascii")
        self._header = field_start(idempotency.header) if idempotency.header else b""
        self._parts = [(part, part.partition(":")[2]) for part in idempotency.derive]

    def own(self, head: RequestHead) -> bytes:
        """
        The key that a request came with, b"" without one.
        """
        return b", ".join(filter(None, head.values(self._header))) if self._header else b""

    def may_have(self, head: RequestHead) -> bool:
        """
        Whether a request has a key, as far as its head tells.
        """
        if self.own(head):
            return True
        names = [name for _, name in self._parts if name]
        return bool(self._parts) and all(head.values(field_start(name)) for name in names)

    def derive(self, head: RequestHead, body: Iterable[bytes]) -> bytes:
        """
        The key made of a request's declared parts.
        """
        text = sha256()
        for part, name in self._parts:
            if part == "body":
                own = sha256()
                for piece in body:
                    own.update(piece)
                value = own.digest()
            elif part == "method":
                value = head.method
            elif part == "path":
                value = head.target
            else:
                value = b"\n".join(head.values(field_start(name)))
            text.update(b"%b %d " % (part.encode("ascii"), len(value)) + value)
        return text.hexdigest().encode("ascii")

    def line(self, key: bytes) -> bytes:
        """
        The field line that tells a derived key; b"" where keys have no field.
        """
        return b"%b: %b\r\n" % (self._field, key) if self._field else b""


def digest(key: bytes) -> bytes:
    """
    What a key is remembered by.
    """
    return sha256(key).digest()[:DIGEST]


@dataclass(frozen=True, slots=True)
class Writes:
    """
    `marker` is added to copies of requests that may write; with `keys`, they are made afterwards and once. Those of
    `only_from` are copied while that side is live only, None: whichever is.
    """

    reads: bool = False
    marker: bytes = b""
    keys: Keys | None = None
    only_from: int | None = None

    def copied(self, head: RequestHead, live: int) -> bool:
        """
        Whether a request that may write is copied.
        """
        if self.only_from is not None and self.only_from != live:
            return False
        return self.keys is None or self.keys.may_have(head)


READS: Final = Writes(reads=True)
# Old would take a dry run for what it is not: it validates nothing, and would write.
TRIED: Final = Writes(marker=DRY_RUN, only_from=OLD)


def compile_writes(route: Route) -> Writes | None:
    """
    What a route says of writes, None if they are never copied.
    """
    match route.writes:
        case "safe":
            return READS
        case "dry_run":
            return TRIED
        case "mirror":
            return Writes(keys=Keys(route.idempotency))
        case _:
            return None
