"""
Who is believed about where a request comes from.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.forward import Hop, added_lines
from proxy.wire.forwarded import REMEMBERED, Trust, disown
from proxy.wire.request import RequestHead
from tests.parts.values import a_request

NETWORKS = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")
PEER = b"10.0.0.1"


def request(*lines: bytes) -> RequestHead:
    """
    A request with these field lines around Host.
    """
    return a_request(b"\r\n".join([b"GET /x HTTP/1.1", *lines[:1], b"Host: a", *lines[1:]]) + b"\r\n\r\n")


def hop(address: str, *networks: str) -> Hop:
    """
    What is added for who is connected from this address.
    """
    return Hop(address, None, True, scheme=b"https", trust=Trust(networks))


@pytest.mark.parametrize(
    ("said", "judged"),
    [
        (b"10.1.2.3", (b"10.1.2.3", True)),
        (b"10.1.2.3:80", (b"10.1.2.3", True)),
        (b"::ffff:10.1.2.3", (b"10.1.2.3", True)),
        (b"192.0.2.8", (b"192.0.2.8", False)),
        (b"2001:DB8:0::1", (b"2001:db8::1", True)),
        (b"[2001:db8::1]:443", (b"2001:db8::1", True)),
        (b"[::1]", (b"::1", False)),
        (b"fe80::1%eth0", (b"fe80::1", False)),
        (b"unknown", (b"", False)),
        (b"_hidden:80", (b"", False)),
        (b"010.0.0.1", (b"", False)),
        (b"10.0.0.1 ", (b"", False)),
        (b"", (b"", False)),
        (b"\xff", (b"", False)),
        (b"1" * 9999, (b"", False)),
    ],
)
def test_addresses_are_understood_in_the_ways_that_proxies_write_them(said: bytes, judged: tuple[bytes, bool]) -> None:
    """
    With a port or without, and in one form afterwards, so that a client has one key.
    """
    trust = Trust(NETWORKS)

    assert trust.judge(said) == judged
    assert trust.judge(said) == judged


def test_no_more_is_remembered_than_is_bounded() -> None:
    """
    Clients choose what stands there.
    """
    trust = Trust(NETWORKS)
    for number in range(REMEMBERED * 2 + 5):
        trust.judge(b"10.0.%d.%d" % divmod(number, 256))
        trust.judge(b"x" * number)

    assert len(trust._known) <= REMEMBERED


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([], PEER),
        ([b"X-Forwarded-For: 198.51.100.1"], b"198.51.100.1"),
        # What stands further left, anybody could have written.
        ([b"X-Forwarded-For: 203.0.113.9, 198.51.100.1, 10.9.9.9"], b"198.51.100.1"),
        ([b"x-forwarded-for: 203.0.113.9", b"X: y", b"X-FORWARDED-FOR:198.51.100.1 ,10.2.2.2"], b"198.51.100.1"),
        ([b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-For: 10.2.2.2"], b"198.51.100.1"),
        # All are trusted: the first of them sent it.
        ([b"X-Forwarded-For: 10.3.3.3, 10.2.2.2"], b"10.3.3.3"),
        # Nobody knows who sent it to 10.2.2.2.
        ([b"X-Forwarded-For: 198.51.100.1, unknown, 10.2.2.2"], b"10.2.2.2"),
        ([b"X-Forwarded-For: 198.51.100.1,"], PEER),
        ([b"X-Forwarded-For:"], PEER),
    ],
)
def test_the_client_is_the_last_that_no_trusted_proxy_is(lines: list[bytes], client: bytes) -> None:
    """
    From the right: each trusted proxy vouches for the one before it.
    """
    assert Trust(NETWORKS).client(lines, PEER) == client


@given(st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")), max_size=5))
def test_nothing_that_anybody_writes_left_of_it_matters(junk: list[bytes]) -> None:
    """
    A client can write what it wants; the proxy writes its address behind that.
    """
    lines = [b"X-Forwarded-For: " + b", ".join([*junk, b"198.51.100.1"])]

    assert Trust(NETWORKS).client(lines, PEER) == b"198.51.100.1"


def test_what_nobody_vouches_for_is_taken_away() -> None:
    """
    All that sides may take for a client's address, scheme or host, with underscores too; nothing else.
    """
    head = request(
        b"Forwarded: for=1.1.1.1",
        b"X-Forwarded-For: 1.1.1.1",
        b"Accept: a/b",
        b"x-forwarded-for: 2.2.2.2",
        b"X-Forwarded-Proto: https",
        b"X-FORWARDED-HOST: evil",
        b"X-Forwarded-Prefix: /evil",
        b"X_Forwarded_For: 3.3.3.3",
        b"X-Real-IP: 1.1.1.1",
        b"X-Forward: stays",
    )

    disown(head)

    assert head.lines == [b"Host: a", b"Accept: a/b", b"X-Forward: stays"]
    assert head.host_at == 0
    assert (head.forwarded_for, head.has_forwarded_proto, head.has_forwarded_host) == (-1, False, False)


def test_a_request_that_claims_nothing_stays_as_it_is() -> None:
    """
    Without a list being made.
    """
    head = request(b"Accept: a/b")
    lines = head.lines

    disown(head)

    assert head.lines is lines


def test_a_stranger_is_who_is_connected() -> None:
    """
    Its own fields are replaced by ours.
    """
    stranger, head = hop("198.51.100.7", "10.0.0.0/8"), request(b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-Host: evil")

    stranger.screen(head)
    added = added_lines(head, stranger, 0)

    assert stranger.address == b"198.51.100.7"
    assert head.lines == [b"Host: a"]
    assert added.startswith(
        b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Request-Id: "
    )


def test_a_trusted_proxy_speaks_for_each_of_its_requests() -> None:
    """
    One connection carries many clients; what it says stays, and it is added to the list itself.
    """
    proxy = hop("::ffff:10.0.0.1", "10.0.0.0/8")
    heads = [request(b"X-Forwarded-For: 1.1.1.1", b"X-Forwarded-Proto: http"), request(b"X-Forwarded-For: 2.2.2.2")]
    addresses = []
    for head in (*heads, request()):
        proxy.screen(head)
        addresses.append(proxy.address)
    added = added_lines(heads[0], proxy, 0)

    assert addresses == [b"1.1.1.1", b"2.2.2.2", b"10.0.0.1"]
    assert heads[0].lines[0] == b"X-Forwarded-For: 1.1.1.1, ::ffff:10.0.0.1"
    assert b"X-Forwarded-Proto" not in added
