"""
One worker process and its link: it accepts with a table, tells its totals, and ends when it is told to or orphaned.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.link.frames import Frame, FrameReader, Kind, pack
from proxy.metrics.books import Books
from proxy.overload import CALM, REQUESTS
from proxy.routing.intent import Intent, with_intent
from proxy.routing.table import Table, encode
from tests.parts.values import a_table

PATIENCE = 20.0
GET = b"GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n"


class Hub:
    """
    The supervisor's end of a worker's link.
    """

    def __init__(self) -> None:
        self.link, theirs = socket.socketpair()
        self.link.settimeout(PATIENCE)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.listening.getsockname()
        fds = (theirs.fileno(), self.listening.fileno())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proxy.worker", *map(str, fds)],
            pass_fds=fds,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self._reader = FrameReader()
        self.frames: list[Frame] = []

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """
        A frame to the worker.
        """
        self.link.sendall(pack(kind, payload))

    def frame(self, kind: Kind) -> Any:
        """
        The next frame of this kind, as a value; others are skipped.
        """
        while True:
            while self.frames:
                frame = self.frames.pop(0)
                if frame.kind == kind:
                    return orjson.loads(frame.payload) if frame.payload else None
            data = self.link.recv(65536)
            assert data, f"the link ended before {kind.name}"
            self.frames += self._reader.feed(data)

    def rest(self) -> list[Frame]:
        """
        All frames until the link ends.
        """
        while data := self.link.recv(65536):
            self.frames += self._reader.feed(data)
        return self.frames

    def ready(self, **settings: Any) -> Table:
        """
        Send a table and wait until the worker accepts by it.
        """
        table = a_table(**{"overload": {"lag": 0}, **settings})
        self.send(Kind.TABLE, encode(table))
        assert self.frame(Kind.READY) == {"epoch": table.epoch, "digest": table.digest, "armed": "", "killed": False}
        return table

    def client(self) -> socket.socket:
        """
        A connection to the worker.
        """
        return socket.create_connection(self.address, PATIENCE)

    def code(self) -> int:
        """
        How the worker ended.
        """
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """
        Leave nothing behind.
        """
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self.process.stderr.close()
        self.link.close()
        self.listening.close()
        assert said == b""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """
    With a worker that has no table yet.
    """
    made = Hub()
    try:
        yield made
    finally:
        made.close()


def nobody() -> str:
    """
    A URL at which nobody listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_it_accepts_with_a_table_tells_its_totals_and_drains(hub: Hub) -> None:
    """
    A whole life: table, endpoints, a request that no side can answer, totals, the end.
    """
    early = hub.client()
    hub.send(Kind.ENDPOINTS, orjson.dumps({"configured": [], "learned": ["GET /users/{id}"]}))
    hub.ready(old={"url": nobody()}, new={"url": nobody()})
    early.sendall(GET)
    with early:
        assert early.recv(100).startswith(b"HTTP/1.1 502 ")
        hub.send(Kind.DRAIN, orjson.dumps({"seconds": 10}))
    *_, last, drained = (frame for frame in hub.rest() if frame.kind in (Kind.SNAPSHOT, Kind.DRAINED))
    totals = orjson.loads(last.payload)

    assert drained.kind == Kind.DRAINED
    assert hub.code() == 0
    page = totals["endpoints"]["GET /users/{id}"]
    assert page["eligible"] == [1, 0]
    assert page["pending"] == [0, 0]
    assert totals["errors"] == {"live|refused": 1}
    assert totals["worker"]["inflight"] == 0
    assert set(totals) == {"worker", "tally", "versions", *Books().snapshot()}


def test_what_is_configured_is_known_with_the_first_table_whatever_was_learned_before(hub: Hub) -> None:
    """
    The list of an earlier configuration may come first: what it had configured counts no more, what it had learned does
    unless the table covers it.
    """
    early = [hub.client() for _ in range(3)]
    listed = {"configured": ["GET /gone"], "learned": ["GET /users/me", "GET /kept"]}
    hub.send(Kind.ENDPOINTS, orjson.dumps(listed))
    hub.ready(
        old={"url": nobody()},
        new={"url": nobody()},
        compare={"endpoints": {"GET /users/{user}": {"ignore": ["$.at"]}}},
    )
    for client, path in zip(early, (b"/users/me", b"/kept", b"/gone"), strict=True):
        with client:
            client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
            assert client.recv(100).startswith(b"HTTP/1.1 502 ")
    hub.send(Kind.DRAIN, orjson.dumps({"seconds": 10}))
    *_, last = (frame for frame in hub.rest() if frame.kind == Kind.SNAPSHOT)
    pages = orjson.loads(last.payload)["endpoints"]

    assert {name: page["eligible"] for name, page in pages.items()} == {
        "GET /users/{user}": [1, 0],
        "GET /kept": [1, 0],
        "other": [1, 0],
    }


def a_side(stack: ExitStack, words: bytes) -> str:
    """
    The URL of a side that answers with these words, as many requests as come, one a connection.
    """
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listening.accept()
                with accepted:
                    accepted.recv(1000)
                    accepted.sendall(
                        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(words), words)
                    )

    thread = threading.Thread(target=serve)
    thread.start()
    stack.callback(thread.join)
    stack.callback(listening.shutdown, socket.SHUT_RDWR)
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def asking(hub: Hub) -> Iterator[Callable[[], bytes]]:
    """
    Asks on one connection, and returns the last three bytes of each answer.
    """
    with hub.client() as client:

        def ask() -> bytes:
            client.sendall(GET)
            answer = b""
            while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
                piece = client.recv(1000)
                assert piece
                answer += piece
            return answer[-3:]

        yield ask


@pytest.fixture
def sides() -> Iterator[dict[str, dict[str, str]]]:
    """
    Both say which they are.
    """
    with ExitStack() as stack:
        yield {"old": {"url": a_side(stack, b"old")}, "new": {"url": a_side(stack, b"new")}}


def test_a_table_is_in_force_from_the_next_request_on(hub: Hub, sides: dict[str, Any]) -> None:
    """
    On a connection that stands already; and it is acknowledged.
    """
    table = hub.ready(**sides, mirror={"percent": 0})
    with asking(hub) as ask:
        assert ask() == b"old"
        hub.send(Kind.TABLE, encode(with_intent(table, Intent(epoch=2, new=100.0, mirror=0.0))))
        assert hub.frame(Kind.READY) == {"epoch": 2, "digest": table.digest, "armed": "", "killed": False}
        assert ask() == b"new"

        elsewhere = a_table(old=sides["new"], new=sides["old"], mirror={"percent": 0})
        hub.send(Kind.TABLE, encode(replace(elsewhere, epoch=2, weight=100.0)))
        assert hub.frame(Kind.READY) == {"epoch": 2, "digest": elsewhere.digest, "armed": "", "killed": False}
        assert ask() == b"old"


@pytest.mark.parametrize("why", ["older", "no table", "not all of it", "no authorities"])
def test_a_table_that_cannot_be_used_is_reported_and_not_acknowledged(
    why: str, hub: Hub, sides: dict[str, Any]
) -> None:
    """
    What was in force stays so.
    """
    good = replace(a_table(**sides, mirror={"percent": 0}), epoch=7)
    away = a_table(old=sides["old"], new={"url": "https://127.0.0.1:1", "tls": {"ca": "gone.pem"}})
    payload = {
        "older": encode(replace(good, epoch=6, weight=100.0)),
        "no table": b"[]",
        "not all of it": b'{"epoch": 8}',
        "no authorities": encode(replace(away, epoch=8, weight=100.0)),
    }[why]
    hub.send(Kind.TABLE, encode(good))
    assert hub.frame(Kind.READY)["epoch"] == 7
    hub.send(Kind.TABLE, payload)
    said = hub.frame(Kind.REPORT)
    with asking(hub) as ask:
        answered = ask()
    hub.send(Kind.DRAIN, orjson.dumps({"seconds": 10}))

    assert (said["event"], said["level"]) == ("table_refused", "error")
    assert answered == b"old"
    assert Kind.READY not in [frame.kind for frame in hub.rest()]


@pytest.mark.parametrize("early", [True, False])
def test_the_kill_latch_holds_whatever_tables_come_until_it_is_lifted(
    early: bool, hub: Hub, sides: dict[str, Any]
) -> None:
    """
    Set before the first table, or while it is in force; lifted, the latest table holds.
    """
    table = a_table(**sides, weights={"new": 100}, mirror={"percent": 0})
    frames = [(Kind.LATCH, b'{"killed": true}'), (Kind.TABLE, encode(table))]
    for kind, payload in frames if early else reversed(frames):
        hub.send(kind, payload)
    said = hub.frame(Kind.READY)
    if not said["killed"]:
        said = hub.frame(Kind.READY)
    with asking(hub) as ask:
        assert said == {"epoch": 1, "digest": table.digest, "armed": "", "killed": True}
        assert ask() == b"old"
        hub.send(Kind.TABLE, encode(replace(table, epoch=2)))
        assert hub.frame(Kind.READY) == {"epoch": 2, "digest": table.digest, "armed": "", "killed": True}
        assert ask() == b"old"
        assert hub.frame(Kind.SNAPSHOT)["worker"]["killed"]
        hub.send(Kind.LATCH, b'{"killed": false}')
        assert hub.frame(Kind.READY) == {"epoch": 2, "digest": table.digest, "armed": "", "killed": False}
        assert ask() == b"new"


def test_limits_of_another_table_end_an_overload(hub: Hub) -> None:
    """
    One byte is too little for any worker; it says so step by step, and that it is over.
    """
    table = hub.ready(overload={"memory": 1, "lag": 0})
    said = [hub.frame(Kind.REPORT)]
    while said[-1]["step"] < REQUESTS:
        said.append(hub.frame(Kind.REPORT))
    while hub.frame(Kind.SNAPSHOT)["worker"]["overload"] != REQUESTS:
        pass
    hub.send(Kind.TABLE, encode(replace(table, overload=replace(table.overload, memory=10**13))))
    said.append(hub.frame(Kind.REPORT))
    while said[-1]["step"] > CALM:
        said.append(hub.frame(Kind.REPORT))

    assert {line["event"] for line in said} == {"overload"}
    assert [line["before"] for line in said[1:]] == [line["step"] for line in said[:-1]]
    assert said[-1]["level"] == "info"


def test_why_a_side_fails_is_reported(hub: Hub) -> None:
    """
    In words, with what the system said, and without anything of the request.
    """
    old = nobody()
    hub.ready(old={"url": old}, mirror={"percent": 0})
    with hub.client() as client:
        client.sendall(GET.replace(b"7", b"secret"))
        client.recv(100)
        said = hub.frame(Kind.REPORT)

    assert (said["event"], said["side"], said["role"], said["cause"]) == ("side_failing", "old", "live", "refused")
    assert said["url"] == old
    assert b"secret" not in orjson.dumps(said)


def test_a_request_that_is_cut_by_the_deadline_is_no_success(hub: Hub) -> None:
    """
    Old never answers; exit code 1, and no DRAINED.
    """
    with socket.create_server(("127.0.0.1", 0)) as old:
        hub.ready(old={"url": f"http://127.0.0.1:{old.getsockname()[1]}"}, mirror={"percent": 0})
        with hub.client() as client:
            client.sendall(GET)
            accepted, _ = old.accept()
            with accepted:
                accepted.settimeout(PATIENCE)
                assert accepted.recv(100)
                hub.send(Kind.DRAIN, orjson.dumps({"seconds": 0.5}))

                assert hub.code() == 1
    assert Kind.DRAINED not in [frame.kind for frame in hub.rest()]


@pytest.mark.parametrize("with_table", [True, False])
def test_an_orphan_ends(with_table: bool, hub: Hub) -> None:
    """
    Its supervisor is gone, and with it the only reason to live.
    """
    if with_table:
        hub.ready()
    hub.link.close()

    assert hub.code() == 0


def test_what_a_terminal_sends_to_everybody_is_ignored(hub: Hub) -> None:
    """
    Ctrl-C is the supervisor's to hear.
    """
    hub.ready()
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        os.kill(hub.process.pid, ignored)
    hub.frame(Kind.SNAPSHOT)

    assert hub.process.poll() is None


def test_closing_says_so_in_every_answer(hub: Hub) -> None:
    """
    Clients go elsewhere by themselves while the worker still accepts.
    """
    hub.ready(old={"url": nobody()}, mirror={"percent": 0})
    hub.send(Kind.CLOSING)
    hub.frame(Kind.SNAPSHOT)
    with hub.client() as client:
        client.sendall(GET)
        answer = b""
        while piece := client.recv(1000):
            answer += piece

    assert b"\r\nConnection: close\r\n" in answer
