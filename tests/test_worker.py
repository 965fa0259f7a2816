"""
One worker process and its link: it accepts with a table, tells its totals, and ends when it is told to or orphaned.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.link.frames import Frame, FrameReader, Kind, pack
from proxy.metrics.books import Books
from proxy.routing.table import encode
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
        self._frames: list[Frame] = []

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
            while self._frames:
                frame = self._frames.pop(0)
                if frame.kind == kind:
                    return orjson.loads(frame.payload) if frame.payload else None
            data = self.link.recv(65536)
            assert data, f"the link ended before {kind.name}"
            self._frames += self._reader.feed(data)

    def rest(self) -> list[Frame]:
        """
        All frames until the link ends.
        """
        while data := self.link.recv(65536):
            self._frames += self._reader.feed(data)
        return self._frames

    def ready(self, **settings: Any) -> dict[str, Any]:
        """
        Send a table and wait until the worker accepts by it.
        """
        table = a_table(**settings)
        self.send(Kind.TABLE, encode(table))
        said: dict[str, Any] = self.frame(Kind.READY)
        assert said == {"epoch": table.epoch, "digest": table.digest}
        return said

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
    hub.send(Kind.ENDPOINTS, orjson.dumps({"configured": ["GET /users/{id}"], "learned": []}))
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
    assert set(totals) == {"worker", *Books().snapshot()}


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
