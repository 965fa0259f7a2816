"""
PROXY headers: version 2 and nothing else, however the bytes come.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.preamble import LONGEST, SIGNATURE, BadPreamble, Preamble
from tests.parts.values import CUTS, each_byte, pieces

REST = b"GET / HTTP/1.1\r\n"
V4 = bytes([192, 0, 2, 9, 10, 0, 0, 1]) + struct.pack("!HH", 40000, 443)
V6 = bytes.fromhex("20010db8000000000000000000000009" * 2) + struct.pack("!HH", 40000, 443)
MAPPED = bytes.fromhex("00000000000000000000ffffc0000209" * 2) + struct.pack("!HH", 40000, 443)


def header(content: bytes = V4, command: int = 0x21, kind: int = 0x11, size: int | None = None) -> bytes:
    """
    A header, whatever sense it makes.
    """
    return SIGNATURE + bytes([command, kind]) + struct.pack("!H", len(content) if size is None else size) + content


def fed(data: list[bytes]) -> Preamble:
    """
    A header that came in these pieces.
    """
    preamble = Preamble()
    held = b""
    for at, piece in enumerate(data):
        if preamble.feed(piece):
            held = b"".join(data[at + 1 :])
            break
    else:
        raise AssertionError("not complete")
    preamble.rest += held
    return preamble


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (header(), "192.0.2.9"),
        (header(V4 + b"\x04\x00\x01x"), "192.0.2.9"),
        (header(V4 + bytes(LONGEST - len(V4))), "192.0.2.9"),
        (header(V6, kind=0x21), "2001:db8::9"),
        (header(MAPPED, kind=0x21), "192.0.2.9"),
        # Nothing is said of the client: Unix sockets, unknown families, the balancer's own connections.
        (header(bytes(216), kind=0x31), ""),
        (header(b"", kind=0x00), ""),
        (header(b"", command=0x20, kind=0x00), ""),
        (header(V4, command=0x20), ""),
        (header(b"abc", command=0x20, kind=0xFF), ""),
    ],
)
def test_the_clients_address_is_what_it_says(raw: bytes, address: str) -> None:
    """
    In one piece, byte by byte, and with what follows.
    """
    for data in ([raw + REST], each_byte(raw + REST), [raw, REST]):
        preamble = fed(data)

        assert (preamble.address, preamble.rest) == (address, REST)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"PROXY TCP4 192.0.2.9 10.0.0.1 40000 443\r\n", "version 1"),
        (REST, "no PROXY header"),
        (b"\x16\x03\x01\x02\x00", "no PROXY header"),
        (SIGNATURE[:11] + b"X", "no PROXY header"),
        (header(command=0x11), "version or command"),
        (header(command=0x22), "version or command"),
        (header(command=0x31), "version or command"),
        (header(kind=0x12), "not of TCP"),
        (header(V6, kind=0x22), "not of TCP"),
        (header(kind=0x41), "not of TCP"),
        (header(kind=0x01), "not of TCP"),
        (header(V4[:11]), "too short"),
        (header(V4, kind=0x21), "too short"),
        (header(V6, kind=0x31), "too short"),
        (header(b"", size=LONGEST + 1), "too long"),
        (header(b"", command=0x20, size=0xFFFF), "too long"),
    ],
)
def test_anything_else_is_refused_as_soon_as_it_shows(raw: bytes, why: str) -> None:
    """
    Not only when a whole header's worth has come.
    """
    with pytest.raises(BadPreamble, match=why):
        Preamble().feed(raw[:16])
    preamble = Preamble()
    with pytest.raises(BadPreamble):
        any(map(preamble.feed, each_byte(raw[:16])))


@given(st.binary(max_size=64), CUTS)
def test_whatever_comes_is_a_header_is_refused_or_is_waited_for(content: bytes, cuts: list[int]) -> None:
    """
    The same, wherever the segments end; and no more is held than a header may have.
    """
    for raw in (SIGNATURE + content, content, header(content), header()[:13] + content):
        assert outcome(list(pieces(raw, cuts))) == outcome([raw])


def outcome(parts: list[bytes]) -> object:
    """
    What comes of a connection that begins so: the address, why it is refused, or nothing yet.
    """
    preamble = Preamble()
    try:
        return preamble.address if any(map(preamble.feed, parts)) else None
    except BadPreamble as error:
        return error.args


def test_it_knows_whether_anything_has_come() -> None:
    """
    A connection on which nothing has is idle, and no fault.
    """
    preamble = Preamble()
    assert not preamble.begun
    preamble.feed(SIGNATURE[:1])
    assert preamble.begun
