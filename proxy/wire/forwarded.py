"""
Whose word about a client counts: X-Forwarded-* of trusted proxies is believed, that of others taken away. Pure.

There is no standard for these fields; what is done here is what nginx (`real_ip_recursive`) and Traefik do.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from proxy.wire.head import OWS
from proxy.wire.request import RequestHead

# Addresses that are remembered; then the memory starts anew. Nothing longer than an address with a port is.
REMEMBERED, LONGEST = 4096, 64
FOR = b"x-forwarded-for:"
# What sides may take for an address, a scheme or a name that somebody vouches for, with dashes for underscores: servers
# that hand fields on as variables (CGI, WSGI) don't tell these apart.
CLAIMS = (b"x-forwarded-", b"forwarded:", b"x-real-ip:")
CLAIM = max(map(len, CLAIMS))


class Trust:
    """
    The proxies that are believed, as networks in CIDR notation.
    """

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._networks = tuple(map(ip_network, networks))
        self._known: dict[bytes, tuple[bytes, bool]] = {}

    def judge(self, said: bytes) -> tuple[bytes, bool]:
        """
        An address in its shortest form, without a port, and whether it is trusted; b"" for what is none.
        """
        known = self._known.get(said)
        if known is None:
            address = _address(said)
            if address is None:
                return b"", False
            known = str(address).encode("ascii"), any(address in network for network in self._networks)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[said] = known
        return known

    def client(self, lines: list[bytes], peer: bytes) -> bytes:
        """
        Who sent a request that the trusted `peer` passed on: from the right, the first that isn't trusted. What stands
        left of that, or of something that is no address, nobody vouches for.
        """
        found = peer
        for line in reversed(lines):
            if line[: len(FOR)].lower() == FOR:
                for said in reversed(line[len(FOR) :].split(b",")):
                    address, trusted = self.judge(said.strip(OWS))
                    found = address or found
                    if not trusted:
                        return found
        return found


def _address(said: bytes) -> IPv4Address | IPv6Address | None:
    """
    From `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`; an IPv4 address that is written as IPv6 is
    the IPv4 address.
    """
    if len(said) > LONGEST:
        return None
    text = said.decode("latin-1")
    if text[:1] == "[":
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def disown(head: RequestHead) -> None:
    """
    Take away what a request claims about where it comes from.
    """
    lines = head.lines
    kept = [line for line in lines if not line[:CLAIM].lower().replace(b"_", b"-").startswith(CLAIMS)]
    if len(kept) == len(lines):
        return
    if head.host_at >= 0:
        head.host_at = kept.index(lines[head.host_at])
    head.lines = kept
    head.forwarded_for = -1
    head.has_forwarded_proto = head.has_forwarded_host = False
