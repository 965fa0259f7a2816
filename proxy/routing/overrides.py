"""
What says more of who answers than cohorts, routes and weights do: a tester who forces a side. Pure.

Not more than the kill latch, whose table has no key, nor than split data, whose writes stay on old.
"""

import re
from typing import Final

from proxy.routing.choice import SPLIT, Decision, stays_on_old
from proxy.routing.signed import pack, verify
from proxy.routing.table import NEW, OLD, SIDES, Table
from proxy.wire.request import RequestHead

KIND: Final = b"force"
# Nobody's, or whose: what can stand in a header field, a cookie and a log line.
NAME: Final = re.compile(r"[A-Za-z0-9_-]{0,32}", re.ASCII)
FORCED: Final = (Decision(OLD, "forced"), Decision(NEW, "forced"))


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
    The overrides of one table; `believes` says whether it believes any.
    """

    __slots__ = ("_key", "_split", "believes")

    def __init__(self, table: Table) -> None:
        self._key = bytes.fromhex(table.signing)
        self._split = table.split
        self.believes = bool(self._key)

    def forced(self, head: RequestHead, now: float) -> Decision | None:
        """
        What a request with a tester's value gets; None if that is over, forged or none. `now` in seconds since 1970.
        """
        text = verify(self._key, KIND, head.force, now) if self.believes else None
        if text is None:
            return None
        return SPLIT if self._split and stays_on_old(head) else FORCED[text[:3] == b"new"]
