"""
A connection to a side tells its leg the same story however the bytes were cut, and is reused only when that is safe.
"""

import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.clock import TICK
from proxy.net.pool import Pool
from proxy.net.upstream import UpstreamConnection
from proxy.routing.patience import Patience
from proxy.wire.answer import AnswerHead, AnswerParser
from proxy.wire.fields import answer_names
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import CUTS, SIGNIFICANT, a_table, each_byte, pieces

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n"
UNTIL_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"


class Leg:
    """
    Remembers what it was told, and asserts that nothing comes after the end.
    """

    def __init__(self, *, upgrade: bytes = b"") -> None:
        self.upgrade = upgrade
        self.told: list[object] = []
        self.content = b""
        self.over = False
        self.on_answer: Callable[[], None] = lambda: None

    def connected(self, connection: UpstreamConnection) -> None:
        """
        A new connection.
        """
        self.told.append("connected")

    def interim(self, head: AnswerHead) -> None:
        """
        A 1xx.
        """
        assert not self.over
        self.told.append(head.status)

    def answer(self, head: AnswerHead) -> None:
        """
        The head.
        """
        assert not self.over
        self.told.append(head.status)
        self.on_answer()

    def data(self, data: bytes) -> None:
        """
        Content, never empty.
        """
        assert not self.over
        assert data
        self.content += data

    def lull(self) -> None:
        """
        Only while something is outstanding.
        """
        assert not self.over

    def end(self, trailers: list[bytes]) -> None:
        """
        Complete.
        """
        assert not self.over
        self.over = True
        self.told.append(("end", *trailers))

    def failed(self, cause: str) -> None:
        """
        Not complete.
        """
        assert not self.over
        self.over = True
        self.told.append(cause)

    def full(self) -> None:
        """
        The side is slow.
        """
        self.told.append("full")

    def drained(self) -> None:
        """
        The side caught up.
        """
        self.told.append("drained")


def a_pool(**settings: object) -> Pool:
    """
    A pool of the old side.
    """
    table = a_table(**settings)
    patience = Patience(connect=1.0, head=60.0, body=30.0)
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    return Pool(table.sides[0], patience, table.limits, table.timeouts.patient(), parser, 2, 1000.0)


class Stage:
    """
    A connection, lent to a leg which has sent a request.
    """

    def __init__(self, ends: tuple[socket.socket, socket.socket], **settings: object) -> None:
        self.pool = a_pool(**settings)
        self.connection = UpstreamConnection(self.pool, self.pool.places.all[0])
        self.transport = FakeTransport(self.connection, *ends)
        self.leg = self.lend()

    def lend(self, *, head_only: bool = False, sent: bool = True, upgrade: bytes = b"") -> Leg:
        """
        Another request on the same connection.
        """
        self.leg = Leg(upgrade=upgrade)
        self.connection.start(self.leg, REQUEST, head_only, sent)
        return self.leg

    @property
    def idle(self) -> bool:
        """
        The connection lies in the pool.
        """
        return self.pool.places.all[0].idle == [self.connection]


@pytest.fixture
def stage() -> Iterator[Stage]:
    """
    A fresh one.
    """
    with sockets() as ends:
        yield Stage(ends)


# Reading...


@pytest.mark.parametrize("raw", [OK, CHUNKED, UNTIL_END, HINTS + OK, b"\r\n\r\n" + OK])
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_answers_are_told_as_they_are(raw: bytes, way: str, stage: Stage) -> None:
    """
    Whole and byte by byte; without framing the connection's end is the content's.
    """
    stage.transport.feed(*([raw] if way == "whole" else each_byte(raw)))
    if raw == UNTIL_END:
        assert not stage.leg.over
        stage.transport.end()

    statuses = [103, 200] if raw.startswith(HINTS) else [200]
    trailers = [b"T: 1"] if raw == CHUNKED else []
    assert stage.leg.told == [*statuses, ("end", *trailers)]
    assert stage.leg.content == b"hello"
    assert stage.idle is (raw != UNTIL_END)


@given(st.lists(st.sampled_from([OK, CHUNKED, HINTS + OK]), min_size=1, max_size=4), CUTS)
def test_a_reused_connection_tells_each_leg_its_own(answers: list[bytes], cuts: list[int]) -> None:
    """
    However the answers were cut; what was learned of one doesn't reach the next.
    """
    with sockets() as ends:
        stage = Stage(ends)
        for raw in answers:
            assert stage.leg.told == []
            stage.transport.feed(*pieces(raw, cuts))

            assert stage.leg.over
            assert stage.leg.content == b"hello"
            assert stage.idle
            stage.pool.places.all[0].idle.clear()
            stage.lend()


@pytest.mark.parametrize("behind", [b"x", OK, b"\r\n"])
@pytest.mark.parametrize("way", ["at once", "later"])
def test_bytes_that_nobody_asked_for_cost_the_connection(behind: bytes, way: str, stage: Stage) -> None:
    """
    They reach nobody; the answer before them stands (RFC 9112 §9.2).
    """
    stage.transport.feed(*([OK + behind] if way == "at once" else [OK, behind]))

    assert stage.leg.told == [200, ("end",)]
    assert stage.leg.content == b"hello"
    assert stage.transport.closed


def test_an_answer_to_head_has_no_content(stage: Stage) -> None:
    """
    Whatever its length says; the connection is good for more.
    """
    leg = stage.lend(head_only=True)

    stage.transport.feed(OK.removesuffix(b"hello"))

    assert leg.told == [200, ("end",)]
    assert stage.idle


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        OK,
        CHUNKED,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_leg_that_gives_up_at_the_head_hears_no_more(raw: bytes, stage: Stage) -> None:
    """
    Neither content nor an end; the connection is closed and not lent again.
    """
    stage.leg.on_answer = stage.connection.abandon

    stage.transport.feed(raw)

    assert len(stage.leg.told) == 1
    assert stage.leg.content == b""
    assert stage.transport.aborted
    assert not stage.idle


# What is no answer...


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"hello\r\n\r\n", ["malformed"]),
        (b"\x00", ["malformed"]),
        (b"HTTP/1.1 200 OK\nX", ["malformed"]),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, ["malformed"]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", [200, "malformed"]),
        (HINTS * 17, [*[103] * 16, "malformed"]),
        (b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", ["upgrade"]),
    ],
)
def test_what_is_no_answer_fails_the_leg(raw: bytes, told: list[object], stage: Stage) -> None:
    """
    Once, with its cause, and the connection is closed.
    """
    stage.transport.feed(raw)

    assert stage.leg.told == told
    assert stage.transport.aborted


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", ["terminated"]),
        (b"HTTP/1.1 2", ["terminated"]),
        (OK[:-1], [200, "incomplete"]),
        (CHUNKED[:-1], [200, "incomplete"]),
    ],
)
@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_an_end_too_early_fails_the_leg(raw: bytes, told: list[object], error: Exception | None, stage: Stage) -> None:
    """
    Before the answer, or within it.
    """
    stage.transport.feed(raw)
    if error is None:
        stage.transport.end()
    stage.transport.lose(error)

    assert stage.leg.told == told
    assert stage.pool.open == 0


def test_a_reset_is_no_end_of_content(stage: Stage) -> None:
    """
    RFC 9112 §8: content without framing ends with the connection, but not with its breaking.
    """
    stage.transport.feed(UNTIL_END)
    stage.transport.lose(ConnectionResetError())

    assert stage.leg.told == [200, "incomplete"]


# Time...


def test_a_side_may_be_silent_for_so_long(stage: Stage) -> None:
    """
    60 s before the head, 30 s within the content, counted from the last byte.
    """
    stage.connection.expire(1060.0)
    assert not stage.leg.over
    stage.pool.now = 1050.0
    stage.transport.feed(OK[:-1])
    stage.connection.expire(1080.0)
    assert not stage.leg.over
    stage.connection.expire(1080.1)

    assert stage.leg.told == [200, "timeout"]
    assert stage.transport.aborted


def test_time_runs_only_once_the_request_is_sent(stage: Stage) -> None:
    """
    Before that it is the client's.
    """
    leg = stage.lend(sent=False)
    stage.connection.expire(1e9)
    assert not leg.over
    stage.connection.sent()
    stage.connection.expire(1060.1)

    assert leg.told == ["timeout"]


def test_a_side_gets_all_the_time_it_was_given(stage: Stage) -> None:
    """
    By a clock that was up to a tick behind when it began.
    """
    stage.pool.tick(1060.0 + TICK)
    assert not stage.leg.over
    stage.pool.tick(1060.1 + TICK)

    assert stage.leg.told == ["timeout"]


def test_a_paused_answer_has_no_deadline(stage: Stage) -> None:
    """
    It is the client that is slow.
    """
    stage.transport.feed(OK[:-1])
    stage.connection.pause()
    stage.connection.pause()
    stage.connection.expire(1e9)
    assert not stage.leg.over
    stage.connection.resume()
    stage.connection.resume()
    stage.transport.feed(b"o")

    assert stage.leg.told == [200, ("end",)]
    assert stage.idle


def test_an_answer_that_was_complete_while_paused_leaves_a_reading_connection(stage: Stage) -> None:
    """
    The next leg must not find it deaf.
    """
    stage.leg.on_answer = stage.connection.pause
    stage.transport.feed(OK)

    assert stage.leg.over
    assert not stage.transport.paused


def test_an_answer_before_the_request_is_complete_costs_the_connection(stage: Stage) -> None:
    """
    The rest of the request would be read as the next one.
    """
    leg = stage.lend(sent=False)
    stage.transport.feed(OK)

    assert leg.told == [200, ("end",)]
    assert stage.transport.closed
    assert not stage.idle


# Tunnels, and the rest...


def test_a_tunnel_carries_bytes_until_both_halves_are_closed(stage: Stage) -> None:
    """
    101, when it was asked for.
    """
    leg = stage.lend(upgrade=b"websocket")
    stage.transport.feed(b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw")
    stage.connection.send(b"up")
    stage.connection.sent()
    assert stage.transport.ended
    stage.connection.expire(1e9)
    stage.transport.end()
    assert not stage.transport.closed
    stage.connection.finish()

    assert leg.told == [101, ("end",)]
    assert leg.content == b"raw"
    assert stage.transport.closed


def test_an_idle_connection_on_which_something_can_be_read_is_stale(stage: Stage) -> None:
    """
    Bytes or the end; a look costs one system call.
    """
    stage.transport.feed(OK)
    assert not stage.connection.is_stale()
    stage.transport.far.close()

    assert stage.connection.is_stale()


def test_a_side_that_takes_the_request_slowly_says_so(stage: Stage) -> None:
    """
    And may do so for as long as it may be silent.
    """
    leg = stage.lend(sent=False)
    stage.transport.clog()
    stage.connection.send(b"x" * 70_000)
    stage.transport.take(70_000)
    assert leg.told == ["full", "drained"]
    stage.connection.expire(1e9)
    assert not leg.over
    stage.connection.send(b"x" * 70_000)
    stage.connection.expire(1030.1)

    assert leg.told == ["full", "drained", "full", "timeout"]


def test_closing_an_idle_connection_teaches_how_long_they_live(stage: Stage) -> None:
    """
    The pool trusts the next one for half as long.
    """
    stage.transport.feed(OK)
    stage.connection.idle_since -= 8.0
    stage.transport.end()
    stage.transport.lose()

    assert stage.pool.lifetime.trusts(3.9)
    assert not stage.pool.lifetime.trusts(4.1)
    assert not stage.idle
