"""
A client's connection: one request at a time, answers in its framing, and an end to everything that takes too long.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.net.client import LINGER_BYTES, LINGER_SECONDS, ClientConnection
from proxy.net.front import Front, Terms
from proxy.wire.request import RequestHead, RequestRules
from tests.parts.plane import Later
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import CUTS, a_table, an_answer, each_byte, pieces, the_rules

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
POST_FAST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n" + b"x" * 20_000
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n"
DATE = b"Date: now"
NOW = 1000.0


class Exchange:
    """
    Remembers what the connection told it, and asserts that nothing comes after the end of it.
    """

    live = 0

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.got = b""
        self.told: list[object] = []
        self.is_gone = False
        self.complete = not head.has_body

    def content(self, data: bytes) -> None:
        """
        Never empty.
        """
        assert data
        assert not self.is_gone
        self.got += data

    def request_end(self, trailers: list[bytes]) -> None:
        """
        Once.
        """
        assert not self.is_gone
        assert not self.complete
        self.complete = True
        self.told += trailers

    def gone(self) -> None:
        """
        Once.
        """
        assert not self.is_gone
        self.is_gone = True

    def client_full(self) -> None:
        """
        The client is slow.
        """
        self.told.append("full")

    def client_drained(self) -> None:
        """
        The client caught up.
        """
        self.told.append("drained")

    def waited(self) -> None:
        """
        For a 100.
        """
        self.told.append("waited")


class Stage:
    """
    One client in front of a worker whose exchanges are the test.
    """

    def __init__(self, ends: Any, **settings: Any) -> None:
        table = a_table(**settings)
        self.errors: list[str] = []
        rules: RequestRules = the_rules(**settings.get("limits", {}))
        self.front = Front(Terms(table, rules, self._begin), lambda where, cause: self.errors.append(cause))
        self.front.now, self.front.date = NOW, DATE
        self.exchanges: list[Exchange] = []
        self.loop = Later()
        self.client = ClientConnection(self.front, cast("asyncio.AbstractEventLoop", self.loop))
        self.transport = FakeTransport(self.client, *ends)

    def _begin(self, client: ClientConnection, head: RequestHead) -> None:
        exchange = Exchange(head)
        client.exchange = exchange
        self.exchanges.append(exchange)

    @property
    def exchange(self) -> Exchange:
        """
        The latest.
        """
        return self.exchanges[-1]

    def reply(self, raw: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", *, complete: bool = True) -> bytes:
        """
        Answer the current request; what was written for it.
        """
        head, _, content = raw.partition(b"\r\n\r\n")
        self.client.answer(an_answer(head))
        if content:
            self.client.answer_data(content)
        if complete:
            self.client.answer_end([])
        else:
            self.client.flush()
        return self.transport.taken()

    def expire(self, now: float) -> None:
        """
        The worker's timer.
        """
        self.front.now = now
        self.client.expire(now)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """
    By default.
    """
    with sockets() as ends:
        yield Stage(ends)


@pytest.fixture
def stage_with() -> Iterator[Callable[..., Stage]]:
    """
    With settings.
    """
    with sockets() as ends:
        yield lambda **settings: Stage(ends, **settings)


# Requests...


@pytest.mark.parametrize("raw", [GET, POST, CHUNKED])
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_a_request_is_told_as_it_is(raw: bytes, way: str, stage: Stage) -> None:
    """
    Whole and byte by byte.
    """
    stage.transport.feed(*([raw] if way == "whole" else each_byte(raw)))

    assert len(stage.exchanges) == 1
    assert stage.exchange.got == (b"" if raw == GET else b"hello")
    assert stage.exchange.told == ([b"T: 1"] if raw == CHUNKED else [])
    assert stage.exchange.complete


@given(st.lists(st.sampled_from([GET, POST, CHUNKED]), min_size=1, max_size=6), CUTS)
def test_requests_sent_ahead_are_answered_in_order(requests: list[bytes], cuts: list[int]) -> None:
    """
    One at a time, however their bytes were cut; nothing is read that can't be held.
    """
    with sockets() as ends:
        stage = Stage(ends, limits={"pipelined": 3})
        waiting = list(pieces(b"".join(requests), cuts))
        answered = 0
        while answered < len(requests):
            while waiting and not stage.transport.paused:
                stage.transport.feed(waiting.pop(0))
            assert len(stage.exchanges) == answered + 1
            assert stage.exchange.complete
            assert stage.reply().endswith(b"\r\n\r\nok")
            answered += 1
            stage.loop.run()

        assert [exchange.head.target for exchange in stage.exchanges] == [raw.split()[1] for raw in requests]
        assert not stage.transport.closed


def test_reading_stops_when_enough_was_sent_ahead(stage_with: Callable[..., Stage]) -> None:
    """
    And goes on when it is their turn.
    """
    stage = stage_with(limits={"pipelined": 2})
    stage.transport.feed(GET + GET)
    assert stage.transport.is_reading()
    stage.transport.feed(GET)
    assert not stage.transport.is_reading()
    stage.reply()
    stage.loop.run()

    assert stage.transport.is_reading()
    assert len(stage.exchanges) == 2


@pytest.mark.parametrize(
    ("raw", "status"),
    [(b"hello\r\n\r\n", 400), (GET.replace(b"GET", b"BREW"), 501), (CHUNKED.replace(b"5\r\n", b"x\r\n", 1), 400)],
)
def test_a_request_that_cannot_be_understood_reaches_nobody(raw: bytes, status: int, stage: Stage) -> None:
    """
    The client gets an answer, then some time to see it, then a close.
    """
    stage.transport.feed(raw)

    assert not stage.exchanges
    assert stage.transport.written.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close\r\n" in stage.transport.written
    assert stage.transport.ended
    assert not stage.transport.closed
    assert len(stage.errors) == 1
    stage.expire(NOW + LINGER_SECONDS)
    assert stage.transport.aborted


def test_a_client_that_goes_on_sending_to_a_closed_door_is_cut_off(stage: Stage) -> None:
    """
    A megabyte is read so that it can see its answer, and no more.
    """
    stage.transport.feed(b"hello\r\n\r\n", b"x" * LINGER_BYTES)
    assert not stage.transport.closed
    stage.transport.feed(b"x")

    assert stage.transport.aborted


def test_content_that_goes_wrong_ends_the_exchange_first(stage: Stage) -> None:
    """
    Nothing of the rest reaches a side; the client gets a 400, unless its answer has begun.
    """
    stage.transport.feed(CHUNKED[:-12])
    exchange = stage.exchange
    stage.transport.feed(b"oops\r\n")

    assert exchange.is_gone
    assert not exchange.complete
    assert stage.transport.written.startswith(b"HTTP/1.1 400 ")


def test_content_that_goes_wrong_breaks_an_answer_that_has_begun(stage: Stage) -> None:
    """
    Two answers to one request would be worse.
    """
    stage.transport.feed(CHUNKED[:-12])
    stage.reply(b"HTTP/1.1 200 OK\r\n\r\nhalf", complete=False)
    stage.transport.feed(b"oops\r\n")

    assert stage.exchange.is_gone
    assert stage.transport.closed
    assert b"HTTP/1.1 400" not in stage.transport.written


def test_too_much_content_is_413(stage_with: Callable[..., Stage]) -> None:
    """
    Announced, or as it comes.
    """
    stage = stage_with(limits={"body": 4})
    stage.transport.feed(POST)

    assert not stage.exchanges
    assert stage.transport.written.startswith(b"HTTP/1.1 413 ")


# Answers...


def test_an_answer_is_framed_for_its_client(stage: Stage) -> None:
    """
    Chunked for HTTP/1.1, until the end for HTTP/1.0.
    """
    stage.transport.feed(GET)
    modern = stage.reply(b"HTTP/1.1 200 OK\r\n\r\nok")
    stage.transport.feed(GET.replace(b"1.1", b"1.0"))
    old = stage.reply(b"HTTP/1.1 200 OK\r\n\r\nok")

    assert modern == b"HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert old == b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nok"
    assert stage.transport.closed


def test_an_old_client_gets_no_interim_answers(stage: Stage) -> None:
    """
    RFC 9110 §15.2.
    """
    hints = an_answer(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    stage.transport.feed(GET)
    stage.client.interim(hints)
    modern = stage.transport.taken()
    stage.reply()
    stage.transport.feed(GET.replace(b"1.1", b"1.0"))
    stage.client.interim(hints)

    assert modern == b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert stage.transport.taken() == b""


@pytest.mark.parametrize("why", ["client", "draining", "limit", "age"])
def test_the_last_answer_says_that_it_is_the_last(why: str, stage_with: Callable[..., Stage]) -> None:
    """
    Whoever wanted the end.
    """
    stage = stage_with(limits={"requests_per_connection": 1} if why == "limit" else {})
    stage.front.closing = why == "draining"
    stage.front.now += 4000.0 if why == "age" else 0.0
    stage.transport.feed(GET.replace(b"Host", b"Connection: close\r\nHost") if why == "client" else GET)

    assert b"\r\nConnection: close\r\n" in stage.reply()
    assert stage.transport.closed


def test_an_answer_before_the_request_is_complete_ends_the_connection(stage: Stage) -> None:
    """
    What follows is content that nobody wants; the client gets to see its answer.
    """
    stage.transport.feed(POST[:-1])

    assert b"\r\nConnection: close\r\n" in stage.reply()
    assert stage.transport.ended
    stage.transport.feed(b"x")
    assert not stage.transport.aborted


def test_a_failure_before_the_answer_is_an_answer_and_after_it_a_cut(stage: Stage) -> None:
    """
    A client can always tell a whole answer from a broken one.
    """
    stage.transport.feed(GET)
    stage.client.answer_own("refused")
    assert stage.transport.taken().startswith(b"HTTP/1.1 502 ")
    assert not stage.transport.closed
    stage.transport.feed(GET)
    stage.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf", complete=False)
    stage.client.answer_own("incomplete")

    assert stage.transport.taken() == b""
    assert stage.transport.closed


# Waiting...


@pytest.mark.parametrize(
    ("sent", "after", "status"),
    [
        (b"", 10.0, None),
        (b"GET / HTT", 10.0, 408),
        (POST[:-1], 10.1, 408),
        (POST_FAST, 30.0, 408),
        (GET[:-1] + b"\n", None, None),
    ],
)
def test_everything_has_its_time(sent: bytes, after: float | None, status: int | None, stage: Stage) -> None:
    """
    Heads 10 s, content 30 s between pieces; an outstanding answer isn't the client's business.
    """
    if sent:
        stage.transport.feed(sent)
    if after is None:
        stage.expire(NOW + 1e6)
        assert not stage.transport.closed
        return
    stage.expire(NOW + after - 0.1)
    assert not stage.transport.written
    stage.expire(NOW + after)

    assert stage.transport.closed or stage.transport.ended
    assert stage.transport.written[9:12] == (b"" if status is None else b"%d" % status)


def test_an_idle_client_is_kept_for_a_while(stage: Stage) -> None:
    """
    75 s after its last answer.
    """
    stage.transport.feed(GET)
    stage.reply()
    assert stage.client.is_idle()
    assert stage.client.idle_since() == NOW
    stage.expire(NOW + 74.9)
    assert not stage.transport.is_closing()
    stage.expire(NOW + 75.0)

    assert stage.transport.is_closing()
    assert stage.transport.taken() == b""


def test_content_that_drips_is_given_up(stage: Stage) -> None:
    """
    Though each piece comes in time: 500 bytes a second after 10 s.
    """
    stage.transport.feed(POST[:-5].replace(b"5", b"99999"))
    for second in range(1, 11):
        stage.front.now = NOW + second
        stage.transport.feed(b"x")
        stage.expire(NOW + second)
        assert not stage.exchange.is_gone
    stage.expire(NOW + 11)

    assert stage.exchange.is_gone
    assert stage.transport.written.startswith(b"HTTP/1.1 408 ")


def test_a_pause_of_ours_is_not_the_clients_fault(stage: Stage) -> None:
    """
    The side takes its time; the client can't send.
    """
    stage.transport.feed(POST[:-1])
    stage.client.pause()
    stage.expire(NOW + 1000.0)
    stage.client.resume()
    stage.expire(NOW + 1009.0)
    stage.transport.feed(b"o")

    assert stage.exchange.complete


def test_a_client_that_takes_nothing_is_given_up(stage: Stage) -> None:
    """
    30 s; its exchange slows the side down meanwhile, and learns that it is gone.
    """
    stage.transport.feed(GET)
    exchange = stage.exchange
    stage.transport.clog()
    stage.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70_000, complete=False)
    assert exchange.told == ["full"]
    stage.expire(NOW + 30.0)
    stage.expire(NOW + 30.1)
    assert stage.transport.aborted
    stage.transport.lose()

    assert exchange.is_gone


def test_a_client_that_catches_up_is_forgiven(stage: Stage) -> None:
    """
    The side goes on.
    """
    stage.transport.feed(GET)
    stage.transport.clog()
    stage.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70_000, complete=False)
    stage.transport.take(70_000)
    stage.expire(NOW + 60.0)

    assert stage.exchange.told == ["full", "drained"]
    assert not stage.transport.closed


def test_a_client_that_expects_100_is_told_to_go_on_in_the_end(stage: Stage) -> None:
    """
    When the side says nothing for `continue_wait`.
    """
    stage.transport.feed(POST[:-5].replace(b"Host", b"Expect: 100-continue\r\nHost"))
    stage.expire(NOW + 0.9)
    assert stage.exchange.told == []
    stage.expire(NOW + 1.0)
    assert stage.exchange.told == ["waited"]
    stage.client.can_continue()
    assert stage.transport.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    stage.transport.feed(b"hello")

    assert stage.exchange.complete


# Ending...


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_client_that_ends_while_an_answer_is_outstanding_is_gone(how: str, stage: Stage) -> None:
    """
    As nginx and Envoy see it.
    """
    stage.transport.feed(GET)
    if how == "end":
        stage.transport.end()
    assert stage.transport.closed is (how == "end")
    stage.transport.lose(None if how == "end" else ConnectionResetError())

    assert stage.exchange.is_gone
    assert not stage.front.connections


def test_a_tunnel_is_open_until_both_halves_are_closed(stage: Stage) -> None:
    """
    Bytes that the client sent ahead belong to the new protocol.
    """
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\nHost"
    stage.transport.feed(GET.replace(b"Host", upgrade) + b"ahead")
    stage.client.answer(an_answer(b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"))
    stage.client.answer_data(b"down")
    stage.client.flush()
    stage.transport.feed(b"up")
    assert stage.transport.taken().endswith(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\ndown")
    assert stage.exchange.got == b"aheadup"
    stage.client.answer_end([])
    assert stage.transport.ended
    assert not stage.transport.closed
    stage.client.close()

    assert stage.transport.closed


def test_one_client_too_many_is_turned_away(stage_with: Callable[..., Stage]) -> None:
    """
    Without a word: an answer would cost more than it has.
    """
    stage = stage_with(limits={"connections": 1})
    with sockets() as ends:
        late = FakeTransport(ClientConnection(stage.front, cast("asyncio.AbstractEventLoop", stage.loop)), *ends)
        assert late.aborted
        late.lose()

    assert len(stage.front.connections) == 1
    assert stage.errors == ["connection_limit"]


def other_terms(stage: Stage, **settings: Any) -> None:
    """
    Another table is in force.
    """
    stage.front.terms = Terms(a_table(**settings), the_rules(**settings.get("limits", {})), stage.front.terms.begin)


def test_a_request_is_answered_by_the_terms_it_began_with(stage: Stage) -> None:
    """
    The next one on the same connection by those that are in force then.
    """
    stage.transport.feed(GET)
    other_terms(stage, add_date=False, forwarded=False, via=False)
    assert b"X-Forwarded-For: 192.0.2.7\r\n" in stage.client.hop.usual
    assert DATE in stage.reply()
    stage.transport.feed(GET)

    assert stage.client.hop.usual == b""
    assert stage.client.hop.address == b"192.0.2.7"
    assert DATE not in stage.reply()


def test_content_is_under_the_limit_that_its_request_began_with(stage: Stage) -> None:
    """
    However small the next one is.
    """
    stage.transport.feed(CHUNKED[:-20])
    other_terms(stage, limits={"body": 1})
    stage.transport.feed(CHUNKED[-20:])
    assert stage.exchange.complete
    stage.reply()
    stage.transport.feed(POST)

    assert b" 413 " in stage.transport.written


@pytest.mark.parametrize("cut", [1, 10, len(GET) - 1])
def test_a_head_is_under_the_terms_at_its_end(cut: int, stage: Stage) -> None:
    """
    A client that sends a head for seconds isn't held to what is over; nor is what was sent ahead.
    """
    stage.transport.feed(GET[:cut])
    other_terms(stage, limits={"line": 256, "methods": ["FOO"]}, add_date=False)
    stage.transport.feed(GET[cut:] + GET.replace(b"GET", b"FOO"))
    assert DATE not in stage.reply()
    other_terms(stage)
    stage.loop.run()

    assert stage.transport.written.startswith(b"HTTP/1.1 501 ")
