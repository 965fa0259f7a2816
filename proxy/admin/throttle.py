"""
Failed sign-ins: how many an address may have, and which of them get a line in the audit. Pure; `now` is monotonic.

Everything is bounded, whoever tries from wherever: addresses remembered, and lines a minute. What gets no line of its
own is counted, in the next line of its address or in one for all the others.
"""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

WINDOW: Final = 60.0
ALLOWED: Final = 10  # in any WINDOW
PEERS: Final = 1024
# In any WINDOW. The audit is kept for ever: at 400 bytes a line, a year of attacks from everywhere is 2 GB.
LINES: Final = 10
# Who usually gets an IPv6 network of this size can use all its addresses.
IPV6_NETWORK: Final = 64
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    A line for the audit: `count` failed sign-ins from `peer` since its last one.
    """

    peer: str
    count: int


@dataclass(slots=True)
class _Peer:
    """
    When the last failures were that count, how many are untold, when they may be told.
    """

    failures: deque[float] = field(default_factory=lambda: deque(maxlen=ALLOWED))
    untold: int = 0
    tell_at: float = -math.inf


class Throttle:
    """
    The failed sign-ins of the last minute.
    """

    def __init__(self) -> None:
        self._peers: OrderedDict[str, _Peer] = OrderedDict()
        self._others = _Peer()
        self._lines: deque[float] = deque(maxlen=LINES - 1)  # one more is for the others

    def wait(self, address: str, now: float) -> int:
        """
        The seconds until this address may fail again; 0 when it may now.
        """
        peer = self._peers.get(network(address))
        if peer is None or len(peer.failures) < ALLOWED:
            return 0
        return max(0, math.ceil(peer.failures[0] + WINDOW - now))

    def failed(self, address: str, now: float) -> list[Line]:
        """
        A sign-in from `address` failed, or was refused because `wait` said so. Returns what the audit is to be told.
        """
        name = network(address)
        peer = self._peers.setdefault(name, _Peer())
        self._peers.move_to_end(name)
        if not self.wait(address, now):
            peer.failures.append(now)
        peer.untold += 1
        if len(self._peers) > PEERS:
            _, oldest = self._peers.popitem(last=False)
            self._others.untold += oldest.untold
        return self._tell(name, peer, now) + self._tell_others(now)

    def due(self, now: float) -> list[Line]:
        """
        Failures that were counted and can be told by now. To be asked now and then, or the last of them stay untold.
        """
        told = [line for name, peer in self._peers.items() for line in self._tell(name, peer, now)]
        for name in [name for name, peer in self._peers.items() if _is_over(peer, now)]:
            del self._peers[name]
        return told + self._tell_others(now)

    def _tell(self, name: str, peer: _Peer, now: float) -> list[Line]:
        if not peer.untold or now < peer.tell_at:
            return []
        if len(self._lines) == self._lines.maxlen and now < self._lines[0] + WINDOW:
            self._others.untold += peer.untold
            peer.untold = 0
            return []
        self._lines.append(now)
        return [_told(name, peer, now)]

    def _tell_others(self, now: float) -> list[Line]:
        others = self._others
        return [_told(OTHERS, others, now)] if others.untold and now >= others.tell_at else []


def _told(name: str, peer: _Peer, now: float) -> Line:
    line = Line(peer=name, count=peer.untold)
    peer.untold = 0
    peer.tell_at = now + WINDOW
    return line


def _is_over(peer: _Peer, now: float) -> bool:
    return not peer.untold and now >= peer.tell_at and now >= peer.failures[-1] + WINDOW


def network(address: str) -> str:
    """
    What counts as one peer: an IPv4 address, or the network that an IPv6 one is in; anything else is its own name.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if parsed.is_loopback:
            return str(parsed)
        prefix = int(parsed) >> (128 - IPV6_NETWORK) << (128 - IPV6_NETWORK)
        return f"{IPv6Address(prefix)}/{IPV6_NETWORK}"
    return str(parsed)
