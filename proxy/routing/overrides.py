"""
What says more of who answers than cohorts, routes and weights do: a tester who forces a side, and that a client has
just written to one. Pure.

Not more than the kill latch, whose table has no key, nor than split data, whose writes stay on old; and a pin not more
than a share of 0 (`ways.overruled`).

A client that has written carries the proof itself, in a cookie that says which side did it and until when that counts,
signed: so every worker believes it, a restarted Parallax does, and nobody remembers anything. What can fail: a client
without cookies is pinned nowhere.
"""

import re
from math import ceil
from typing import Final

from proxy.routing.choice import SPLIT, Decision, stays_on_old
from proxy.routing.signed import pack, verify
from proxy.routing.table import NEW, OLD, SIDES, Table
from proxy.wire.marks import WRITE_COOKIE
from proxy.wire.request import RequestHead

KIND: Final = b"force"
# Nobody's, or whose: what can stand in a header field, a cookie and a log line.
NAME: Final = re.compile(r"[A-Za-z0-9_-]{0,32}", re.ASCII)
FORCED: Final = (Decision(OLD, "forced"), Decision(NEW, "forced"))
WROTE: Final = b"wrote"
PINNED: Final = {b"old": Decision(OLD, "write"), b"new": Decision(NEW, "write")}


def forcing(signing: str, side: int, until: int, name: str = "") -> str:
    """
    A tester's value: signed with a key of `Table.signing`, it holds until a time in seconds since 1970. Raises
    ValueError for a name that can't be in one.
    """
    if NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no name; write up to 32 letters, digits, - and _")
    text = f"{SIDES[side]}.{name}" if name else SIDES[side]
    return pack(bytes.fromhex(signing), KIND, text.encode("ascii"), until).decode("ascii")


class Overrides:
    """
    The overrides of one table; `believes` says whether it believes any, `pins` whether those who write are pinned: only
    while one of them might be answered by either side.
    """

    __slots__ = ("_key", "_seconds", "_split", "believes", "pins")

    def __init__(self, table: Table) -> None:
        self._key = bytes.fromhex(table.signing)
        self._split = table.split
        self.believes = bool(self._key)
        shares = table.shares
        self._seconds = table.after_write
        self.pins = self.believes and table.after_write > 0.0 and max(shares) > 0.0 and min(shares) < 100.0

    def forced(self, head: RequestHead, now: float) -> Decision | None:
        """
        What a request with a tester's value gets; None if that is over, forged or none. `now` in seconds since 1970.
        """
        text = verify(self._key, KIND, head.force, now) if self.believes else None
        if text is None:
            return None
        return SPLIT if self._split and stays_on_old(head) else FORCED[text[:3] == b"new"]

    def pinned(self, head: RequestHead, now: float) -> Decision | None:
        """
        The side that somebody has written to; None if that is over, forged or none. `now` in seconds since 1970.
        """
        text = verify(self._key, WROTE, head.wrote, now) if self.believes and self._seconds else None
        return None if text is None else PINNED.get(text)

    def pin(self, live: int, now: float, *, encrypted: bool) -> bytes:
        """
        The line that pins whoever has written to this side, over an encrypted connection or not.
        """
        value = pack(self._key, WROTE, SIDES[live].encode("ascii"), ceil(now + self._seconds))
        line = b"Set-Cookie: %b=%b; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax"
        line %= (WRITE_COOKIE, value, ceil(self._seconds))
        return line + b"; Secure" if encrypted else line
