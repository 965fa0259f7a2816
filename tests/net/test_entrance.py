"""
What comes before the first request: a PROXY header, TLS, or nothing at all; and who doesn't get further.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from proxy.net.encrypted import listener_context
from proxy.net.entrance import LONGEST_HELLO, Entrance
from proxy.net.front import Front, Terms
from proxy.net.handshakes import CROWDED
from proxy.routing.table import Encryption
from proxy.wire.preamble import SIGNATURE
from tests.net.test_client import GET, Exchange
from tests.parts.plane import Later
from tests.parts.tls import Peer, client_context, write_authority, write_pair
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import a_table, an_answer, each_byte, the_rules

NOW = 1000.0
AUTHORITY = trustme.CA()
BALANCED = SIGNATURE + bytes([0x21, 0x11, 0, 12, 203, 0, 113, 5, 10, 0, 0, 1, 1, 2, 3, 4])
LOCAL = SIGNATURE + bytes([0x20, 0, 0, 0])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2"


class Stage:
    """
    A front whose guests come through entrances, and whose exchanges are the test.
    """

    def __init__(self, stack: ExitStack, folder: Path, *, encrypted: bool, **settings: Any) -> None:
        self._stack = stack
        table = a_table(**{"trusted_proxies": ["192.0.2.0/24"], **settings})
        if encrypted:
            table = replace(
                table,
                tls=Encryption(
                    certificate=f"{folder}/server.pem",
                    key=f"{folder}/server.key",
                    client_ca=f"{folder}/ca.pem" if "mutual" in folder.name else None,
                    handshakes=2,
                    handshake_timeout=5.0,
                ),
            )
        self.errors: list[str] = []
        tls = None if table.tls is None else listener_context(table.tls)
        rules = the_rules(**settings.get("limits", {}))
        terms = Terms(table, rules, self._begin, tls=tls)
        self.front = Front(terms, lambda where, cause: self.errors.append(cause))
        self.front.now, self.front.date = NOW, b"Date: now"
        self.exchanges: list[tuple[Exchange, Any]] = []
        self.loop = Later()

    def _begin(self, client: Any, head: Any) -> None:
        client.exchange = exchange = Exchange(head)
        self.exchanges.append((exchange, client))

    def guest(self) -> FakeTransport:
        """
        Somebody connects, from 192.0.2.7.
        """
        made = Entrance(self.front, cast("Any", self.loop))
        return FakeTransport(made, *self._stack.enter_context(sockets()))

    def encrypted(self, *first: bytes, **client: Any) -> tuple[FakeTransport, Peer]:
        """
        Somebody connects, sends `first`, and shakes hands.
        """
        transport, peer = self.guest(), Peer(client_context(AUTHORITY, **client))
        transport.feed(*first, peer.hello())
        self.loop.run()
        peer.shake(transport)
        return transport, peer

    def address(self) -> bytes:
        """
        Whom the latest request is from.
        """
        address: bytes = self.exchanges[-1][1].hop.address
        return address

    def tick(self, now: float) -> None:
        """
        The worker's timer.
        """
        self.front.now = now
        self.front.handshakes.tick(now)
        for guest in list(self.front.connections):
            if guest.deadline or guest.taking is not None:
                guest.expire(now)

    def alone(self) -> None:
        """
        Asserts that nobody is connected.
        """
        assert not self.front.connections


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    With what a listener needs.
    """
    made = tmp_path_factory.mktemp("pem")
    write_pair(made, AUTHORITY)
    return made


@pytest.fixture
def stage(folder: Path) -> Iterator[Callable[..., Stage]]:
    """
    With TLS unless told otherwise.
    """
    with ExitStack() as stack:

        def make(*, encrypted: bool = True, **settings: Any) -> Stage:
            return Stage(stack, folder, encrypted=encrypted, **settings)

        yield make


# TLS...


def test_a_client_is_a_client_once_hands_are_shaken(stage: Callable[..., Stage]) -> None:
    """
    It is told from one that speaks plaintext by its scheme alone.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET))
    (exchange, client), scheme = on.exchanges[0], on.exchanges[0][1].hop.scheme
    client.answer(an_answer(OK))
    client.answer_data(b"ok")
    client.answer_end([])

    assert exchange.head.target == b"/a"
    assert scheme == b"https"
    assert peer.reads(transport.taken()).endswith(b"\r\n\r\nok")
    assert on.errors == []
    transport.lose()
    on.alone()


def test_the_first_request_may_come_with_the_last_of_the_handshake(stage: Callable[..., Stage]) -> None:
    """
    As clients of TLS 1.3 send it.
    """
    on = stage()
    transport, peer = on.guest(), Peer(client_context(AUTHORITY))
    transport.feed(peer.hello())
    on.loop.run()
    finished = peer.answer(transport.taken())
    transport.feed(finished + peer.sends(GET))

    assert len(on.exchanges) == 1


def test_bytes_may_come_one_by_one(stage: Callable[..., Stage]) -> None:
    """
    The loop reads on while the first of them wait for their turn.
    """
    on = stage()
    transport, peer = on.guest(), Peer(client_context(AUTHORITY))
    hello = peer.hello()
    transport.feed(hello[:1])
    on.loop.run()
    transport.feed(*each_byte(hello[1:]))
    transport.feed(*each_byte(peer.answer(transport.taken())))
    transport.feed(*each_byte(peer.sends(GET)))

    assert len(on.exchanges) == 1


def test_a_client_that_says_its_end_has_gone(stage: Callable[..., Stage]) -> None:
    """
    As without TLS; and the end is said to it.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET), peer.says_end())
    transport.lose()

    assert peer.reads(transport.taken()) == b""
    assert peer.ended
    assert transport.closed
    assert on.exchanges[0][0].is_gone


def test_a_client_that_is_cut_off_has_gone(stage: Callable[..., Stage]) -> None:
    """
    The end of its half of the socket says nothing that can be trusted.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET))
    transport.end()
    transport.lose()

    assert transport.closed
    assert on.exchanges[0][0].is_gone


def test_in_a_tunnel_each_half_ends_by_itself(stage: Callable[..., Stage]) -> None:
    """
    As without TLS.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")))
    exchange, client = on.exchanges[0]
    client.answer(an_answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket"))
    client.answer_data(b"hello")
    client.flush()
    exchange.complete = False
    transport.feed(peer.sends(b"bye") + peer.says_end())
    transport.end()
    assert exchange.complete
    assert exchange.got == b"bye"
    assert not transport.closed

    client.answer_data(b"well")
    client.answer_end([])
    assert peer.reads(transport.taken()).endswith(b"hellowell")
    assert peer.ended
    client.close()
    assert transport.closed


def test_a_clients_pace_is_that_of_its_socket(stage: Callable[..., Stage]) -> None:
    """
    An exchange hears of it.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET))
    exchange, client = on.exchanges[0]
    transport.clog()
    client.answer(an_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100000"))
    client.answer_data(bytes(100_000))
    client.flush()
    transport.take(99_999)

    assert exchange.told == ["full", "drained"]


def test_plaintext_is_told_so_in_plain_words(stage: Callable[..., Stage]) -> None:
    """
    HTTP in HTTP; anything else is just closed.
    """
    on = stage()
    http, other = on.guest(), on.guest()
    http.feed(GET)
    other.feed(b"\x00\x01\x02")
    http.lose()
    other.lose()

    answer = http.taken()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"TLS is spoken here: ask with https://\n")
    assert b"\r\nConnection: close\r\n" in answer
    assert other.taken() == b""
    assert on.errors == ["tls", "tls"]
    assert on.exchanges == []
    on.alone()


def test_garbage_costs_nothing_and_is_counted(stage: Callable[..., Stage]) -> None:
    """
    What begins like TLS and isn't; with an alert that says what is wrong.
    """
    on = stage()
    transport = on.guest()
    transport.feed(b"\x16\x03\x01\x00\x05hello")
    on.loop.run()
    assert transport.ended
    on.loop.wait()
    assert transport.closed
    assert transport.taken()[:1] == b"\x15"
    transport.lose()

    assert on.errors == ["tls"]
    on.alone()


def test_too_much_before_its_turn_is_refused(stage: Callable[..., Stage]) -> None:
    """
    A client that has had no answer has no more to say than its first words.
    """
    on = stage()
    transport = on.guest()
    transport.feed(b"\x16" + bytes(LONGEST_HELLO))
    transport.lose()

    assert transport.aborted
    assert on.errors == ["tls"]
    on.alone()


def test_records_that_are_forged_end_the_connection(stage: Callable[..., Stage]) -> None:
    """
    After the handshake too.
    """
    on = stage()
    transport, peer = on.encrypted()
    transport.feed(peer.sends(GET), b"\x17\x03\x03\x00\x20" + bytes(32))
    transport.lose()

    assert transport.aborted
    assert on.exchanges[0][0].is_gone
    assert on.errors == ["tls"]


def test_a_client_that_does_not_trust_us_says_why(stage: Callable[..., Stage]) -> None:
    """
    For the log: it may be our certificate that is wrong.
    """
    on = stage()
    transport, peer = on.guest(), Peer(client_context(trustme.CA()))
    transport.feed(peer.hello())
    on.loop.run()
    with pytest.raises(Exception, match="certificate verify failed"):
        peer.answer(transport.taken())
    transport.feed(peer._outgoing.read())
    transport.lose()

    assert on.front.handshakes.due(NOW) == [("tlsv1 alert unknown ca", 1)]


def test_who_is_one_too_many_waits_and_is_not_refused(stage: Callable[..., Stage]) -> None:
    """
    Two handshakes at once here; what waits isn't read, so it costs no memory.
    """
    on = stage()
    guests = [(on.guest(), Peer(client_context(AUTHORITY))) for _ in range(3)]
    for transport, peer in guests:
        transport.feed(peer.hello())
    assert all(transport.paused for transport, _ in guests)
    on.loop.run()
    assert [transport.paused for transport, _ in guests] == [False, False, True]
    guests[0][1].shake(guests[0][0])
    on.loop.run()
    guests[2][1].shake(guests[2][0])
    guests[2][0].feed(guests[2][1].sends(GET))

    assert len(on.exchanges) == 1
    assert on.errors == []


def test_a_handshake_takes_its_time_and_no_more(stage: Callable[..., Stage]) -> None:
    """
    Less while others wait.
    """
    on = stage()
    slow = [(on.guest(), Peer(client_context(AUTHORITY))) for _ in range(2)]
    for transport, peer in slow:
        transport.feed(peer.hello())
    on.tick(NOW)
    on.loop.run()
    on.tick(NOW + 4.9)
    assert not any(transport.closed for transport, _ in slow)
    waiting, peer = on.guest(), Peer(client_context(AUTHORITY))
    waiting.feed(peer.hello())
    on.tick(NOW + 4.9)
    assert [transport.aborted for transport, _ in slow] == [True, True]
    on.loop.run()
    on.tick(NOW + 4.9 + CROWDED + 0.1)
    assert not waiting.closed
    on.tick(NOW + 9.9)
    assert waiting.aborted
    for transport, _ in (*slow, (waiting, peer)):
        transport.lose()

    assert on.errors == ["tls"] * 3
    on.alone()


def test_who_says_nothing_is_closed_after_a_while_and_is_no_error(stage: Callable[..., Stage]) -> None:
    """
    Balancers and browsers open connections they don't use. It is idle meanwhile, so draining doesn't wait for it.
    """
    on = stage()
    transport = on.guest()
    (guest,) = on.front.connections
    assert guest.is_idle()
    assert not guest.is_answering()
    assert guest.idle_since() == NOW
    on.tick(NOW + 9.9)
    early = transport.closed
    on.tick(NOW + 10)
    assert (early, transport.closed) == (False, True)
    transport.lose()

    assert on.errors == []
    on.alone()


def test_who_goes_away_in_the_middle_is_counted(stage: Callable[..., Stage]) -> None:
    """
    And whoever waits comes next.
    """
    on = stage()
    guests = [(on.guest(), Peer(client_context(AUTHORITY))) for _ in range(3)]
    for transport, peer in guests:
        transport.feed(peer.hello())
    on.loop.run()
    guests[0][0].lose()
    on.loop.run()
    guests[2][1].shake(guests[2][0])

    assert on.front.handshakes.due(NOW) == [("the client went away", 1)]


def test_draining_can_end_it_at_any_point(stage: Callable[..., Stage]) -> None:
    """
    Also while it waits for its turn.
    """
    on = stage()
    silent, waiting = on.guest(), on.guest()
    waiting.feed(Peer(client_context(AUTHORITY)).hello())
    for guest in list(on.front.connections):
        guest.close()
    on.loop.run()
    silent.lose()
    waiting.lose()

    on.alone()


# The PROXY header...


@pytest.mark.parametrize("way", ["whole", "byte by byte", "apart"])
@pytest.mark.parametrize(("raw", "address"), [(BALANCED, b"203.0.113.5"), (LOCAL, b"192.0.2.7")])
def test_the_client_is_whom_the_balancer_names(
    stage: Callable[..., Stage], raw: bytes, address: bytes, way: str
) -> None:
    """
    The header is taken away, and what follows it is the first request.
    """
    on = stage(encrypted=False, proxy_protocol=True)
    transport = on.guest()
    transport.feed(*{"whole": [raw + GET], "byte by byte": each_byte(raw + GET), "apart": [raw, GET]}[way])

    assert on.address() == address
    assert on.exchanges[0][0].head.target == b"/a"
    transport.lose()
    on.alone()


def test_tls_may_follow_it(stage: Callable[..., Stage]) -> None:
    """
    In front of everything, and never within TLS.
    """
    on = stage(proxy_protocol=True)
    transport, peer = on.encrypted(BALANCED)
    transport.feed(peer.sends(GET))
    assert on.address() == b"203.0.113.5"

    hasty, other = on.guest(), Peer(client_context(AUTHORITY))
    hasty.feed(BALANCED + other.hello())
    on.loop.run()
    other.shake(hasty)
    hasty.feed(other.sends(GET))
    assert on.address() == b"203.0.113.5"
    assert on.errors == []


@pytest.mark.parametrize("raw", [GET, b"PROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n" + GET, SIGNATURE + b"\x11\0\0\0"])
def test_a_connection_without_one_is_refused(stage: Callable[..., Stage], raw: bytes) -> None:
    """
    Nobody may choose whether there is one.
    """
    on = stage(encrypted=False, proxy_protocol=True)
    transport = on.guest()
    transport.feed(raw)
    transport.lose()

    assert transport.aborted
    assert on.errors == ["proxy_protocol"]
    on.alone()


def test_only_trusted_proxies_may_send_one(stage: Callable[..., Stage]) -> None:
    """
    Others could claim to be anybody.
    """
    on = stage(encrypted=False, proxy_protocol=True, trusted_proxies=["10.0.0.0/8"])
    transport = on.guest()
    transport.lose()

    assert transport.aborted
    assert on.errors == ["proxy_protocol"]
    on.alone()


def test_half_a_header_is_waited_for_as_long_as_for_a_request(stage: Callable[..., Stage]) -> None:
    """
    One of which nothing has come is no fault.
    """
    on = stage(encrypted=False, proxy_protocol=True)
    silent, half = on.guest(), on.guest()
    half.feed(BALANCED[:20])
    assert sorted(guest.is_idle() for guest in on.front.connections) == [False, True]
    on.tick(NOW + 10)
    silent.lose()
    half.lose()

    assert silent.closed
    assert half.aborted
    assert on.errors == ["proxy_protocol"]
    on.alone()


def test_what_a_client_claims_itself_is_believed_of_trusted_ones(stage: Callable[..., Stage]) -> None:
    """
    It is the address in the PROXY header that has to be trusted for that: the sender of the request.
    """
    on = stage(encrypted=False, proxy_protocol=True, trusted_proxies=["192.0.2.0/24", "203.0.113.0/24"])
    claims = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n")
    on.guest().feed(BALANCED + claims)
    assert on.address() == b"198.51.100.1"

    stranger = BALANCED.replace(bytes([203, 0, 113, 5]), bytes([8, 8, 8, 8]))
    on.guest().feed(stranger + claims)
    assert on.address() == b"8.8.8.8"


# Anything...


@pytest.mark.parametrize("encrypted", [True, False])
@given(
    junk=st.lists(st.binary(min_size=1, max_size=60), max_size=4),
    kind=st.sampled_from([b"", b"\x16\x03\x01", BALANCED]),
)
def test_whatever_comes_ends_in_a_client_or_at_the_door(
    folder: Path, encrypted: bool, junk: list[bytes], kind: bytes
) -> None:
    """
    Nothing is raised, nothing is written into a closed connection, and nobody is left behind.
    """
    with ExitStack() as stack:
        on = Stage(stack, folder, encrypted=encrypted, proxy_protocol=kind == BALANCED or not encrypted)
        transport = on.guest()
        for piece in (kind, *junk):
            if piece and not transport.paused:
                transport.feed(piece)
            on.loop.run()
            on.loop.wait()
        on.tick(NOW + 60)
        transport.lose()

        on.alone()


# Limits...


def test_connections_are_limited_before_anything_is_read(stage: Callable[..., Stage]) -> None:
    """
    Those that shake hands count too.
    """
    on = stage(limits={"connections": 1})
    on.guest()
    second = on.guest()
    second.lose()

    assert second.aborted
    assert on.errors == ["connection_limit"]


def test_clients_show_their_certificate_where_it_is_wanted(tmp_path: Path) -> None:
    """
    Whoever has none doesn't get in, and the log says why.
    """
    folder = tmp_path / "mutual"
    folder.mkdir()
    write_pair(folder, AUTHORITY)
    write_authority(folder, AUTHORITY)
    write_pair(folder, AUTHORITY, "mine", "me.test")
    with ExitStack() as stack:
        on = Stage(stack, folder, encrypted=True)
        transport, peer = on.encrypted(shows=(folder, "mine"))
        transport.feed(peer.sends(GET))
        stranger, _ = on.encrypted()
        stranger.lose()

        assert len(on.exchanges) == 1
        assert stranger.closed
        assert on.front.handshakes.due(NOW) == [("peer did not return a certificate", 1)]
