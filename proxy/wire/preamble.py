"""
The PROXY header, version 2, with which a load balancer begins a connection: bytes in, the client's address out. Pure.

Binary, so that nothing a client sends looks like one; version 1 is text, and refused. As in HAProxy's description
(proxy-protocol.txt, 2.2): a signature, version and command, family and transport, a length, addresses, and more that we
have no use for.
"""

from ipaddress import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
# Signature, version and command, family and transport, length.
FIXED = 16
# Bytes behind that: addresses take 12, 36 or 216; what balancers add (names, TLS facts, identities) some hundred more.
# The format allows 65,535.
LONGEST = 4096
LOCAL, PROXY = 0x20, 0x21
TCP4, TCP6 = 0x11, 0x21
# Unspecified, and Unix sockets: without an address that means anything here. With the bytes that their addresses take.
NAMELESS = {0x00: 0, 0x31: 216}


class BadPreamble(ValueError):
    """
    What came is no PROXY header that is understood here; its text says why.
    """


class Preamble:
    """
    Collects a connection's first bytes. `address` is the client's, "" where the header says nothing of it; `rest` is
    what came behind the header. Both mean something once `feed` has said so.
    """

    __slots__ = ("_held", "address", "rest")

    def __init__(self) -> None:
        self._held = b""
        self.address = ""
        self.rest = b""

    @property
    def begun(self) -> bool:
        """
        Whether anything has come.
        """
        return bool(self._held)

    def feed(self, data: bytes) -> bool:
        """
        Whether the header is complete now. Raises `BadPreamble` as soon as it can't become one.
        """
        self._held = held = self._held + data
        if not SIGNATURE.startswith(held[: len(SIGNATURE)]):
            raise BadPreamble("PROXY header of version 1" if held[:6] == b"PROXY " else "no PROXY header")
        if len(held) < FIXED:
            return False
        size = int.from_bytes(held[14:FIXED])
        _check(held[12], held[13], size)
        if len(held) < FIXED + size:
            return False
        if held[12] == PROXY:
            self.address = _source(held[13], held[FIXED:])
        self.rest = held[FIXED + size :]
        return True


def _check(command: int, kind: int, size: int) -> None:
    if command not in (LOCAL, PROXY):
        raise BadPreamble("PROXY header of an unknown version or command")
    if size > LONGEST:
        raise BadPreamble("PROXY header too long")
    if command == LOCAL:
        # Of the balancer's own, such as its health checks: whatever follows is to be skipped.
        return
    least = {TCP4: 12, TCP6: 36, **NAMELESS}.get(kind)
    if least is None:
        raise BadPreamble("PROXY header of an unknown family, or not of TCP")
    if size < least:
        raise BadPreamble("PROXY header too short for its addresses")


def _source(kind: int, addresses: bytes) -> str:
    if kind == TCP4:
        return str(IPv4Address(addresses[:4]))
    if kind == TCP6:
        source = IPv6Address(addresses[:16])
        return str(source.ipv4_mapped or source)
    return ""
