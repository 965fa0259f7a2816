"""
A real comparer process, whose supervisor and workers the test is: plain sockets, each byte as the test wants it.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import orjson

from proxy.compare.judging import JudgingTable, encode
from proxy.link.frames import Frame, FrameReader, Kind, pack
from proxy.link.pairs import KEYED, PairMessage, Said, Verdict, VerdictReader, pack_pair
from proxy.supervise.child import UNHEARD
from proxy.supervise.places import Places
from tests.parts.parallax import PROJECT

PATIENCE = 30.0
ENDPOINT = "GET /a"


def a_pair(
    number: int, old: bytes, new: bytes, *, endpoint: str = ENDPOINT, route: str = "", flags: int = 0, **head: Any
) -> PairMessage:
    """
    A pair of JSON bodies; `head` changes what both heads say.
    """
    said = {"status": 200, "fields": [], "media": "application/json", "coding": "", "shown": [], **head}
    context = {"method": "GET", "target": "/a", "id": "r1", "live": 0, "key": "ann", "ms": [1.0, 2.0]}
    packed = orjson.dumps(said)
    where = endpoint.encode(), route.encode(), orjson.dumps(context)
    return PairMessage(number, flags | KEYED, *where, packed, old, packed, new)


def as_bytes(*pairs: PairMessage) -> bytes:
    """
    The messages in one piece.
    """
    return b"".join(piece for pair in pairs for piece in pack_pair(pair))


class HandingOver:
    """
    A worker's connection to the comparer.
    """

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(f"\0{name}")
        self._reader = VerdictReader()
        self._heard: list[Verdict] = []

    def send(self, *pairs: PairMessage) -> None:
        """
        Hand pairs over.
        """
        self.socket.sendall(as_bytes(*pairs))

    def hear(self, count: int = 1) -> list[Verdict]:
        """
        The next so many verdicts; fewer if the comparer has closed the connection.
        """
        while len(self._heard) < count and (data := self._receive()):
            self._heard += self._reader.feed(data)
        heard, self._heard = self._heard[:count], self._heard[count:]
        return heard

    def greeted(self) -> "HandingOver":
        """
        Itself, once the comparer has said that it judges.
        """
        assert [verdict.said for verdict in self.hear()] == [Said.HERE]
        return self

    def ask(self, *pairs: PairMessage) -> list[Verdict]:
        """
        Hand pairs over and hear of all of them.
        """
        self.send(*pairs)
        return self.hear(len(pairs))

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 16)
        except ConnectionResetError:
            return b""


class Comparing:
    """
    One comparer process. `hand` is the page that says what it has in hand.
    """

    def __init__(self, places: Places) -> None:
        place = places.all[0]
        self.name, self.hand = place.name, place.hand
        self.link, theirs = socket.socketpair()
        self.link.settimeout(PATIENCE)
        self._reader = FrameReader()
        self._frames: list[Frame] = []
        self._workers: list[HandingOver] = []
        descriptors = (theirs.fileno(), place.listener.fileno(), place.page)
        # As the supervisor does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, UNHEARD)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxy.comparer", *map(str, descriptors)],
                pass_fds=descriptors, cwd=PROJECT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def judge_by(self, table: JudgingTable) -> None:
        """
        Put a judging table in force; returns once the comparer has said so.
        """
        self.link.sendall(pack(Kind.JUDGING, encode(table)))
        self.said(Kind.READY, lambda payload: orjson.loads(payload) == {"version": table.version})

    def said(self, kind: Kind, holds: Callable[[bytes], bool] = lambda _: True) -> bytes:
        """
        The payload of the next frame of this kind for which that holds. EOFError when the comparer says no more.
        """
        while True:
            for at, frame in enumerate(self._frames):
                if frame.kind is kind and holds(frame.payload):
                    del self._frames[: at + 1]
                    return frame.payload
            data = self.link.recv(1 << 20)
            if not data:
                raise EOFError
            self._frames += self._reader.feed(data)

    def judged(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """
        The next thing that it saw for which that holds.
        """
        seen: dict[str, Any] = orjson.loads(self.said(Kind.JUDGED, lambda payload: holds(orjson.loads(payload))))
        return seen

    def last_words(self) -> list[dict[str, Any]]:
        """
        All that it saw until it ended.
        """
        seen = []
        with suppress(EOFError):
            while True:
                seen.append(orjson.loads(self.said(Kind.JUDGED)))
        return seen

    def worker(self) -> HandingOver:
        """
        Another worker connects; it is closed with the comparer.
        """
        made = HandingOver(self.name)
        self._workers.append(made)
        return made

    def ended(self) -> int:
        """
        The exit code, once it has ended.
        """
        return self.process.wait(PATIENCE)

    def destroy(self) -> str:
        """
        Leave nothing behind. Returns what it wrote to stderr.
        """
        self.process.kill()
        self.process.wait()
        for worker in self._workers:
            worker.socket.close()
        self.link.close()
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            return stderr.read().decode()


@contextmanager
def comparing(table: JudgingTable | None = None) -> Iterator[Comparing]:
    """
    A comparer that judges by `table`, or doesn't yet. It must write nothing to stderr.
    """
    places = Places(1)
    comparer = Comparing(places)
    words = ""
    try:
        if table is not None:
            comparer.judge_by(table)
        yield comparer
    finally:
        words = comparer.destroy()
        places.close()
    assert words == ""


def by_another_user(program: str, *arguments: str) -> Sequence[str]:
    """
    A command that runs a Python program as nobody, with `os`, `socket` and `sys` imported; needs root.
    """
    change = (
        "import os, socket, sys; os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)"
    )
    return [sys.executable, "-c", f"{change}\n{program}", *arguments]


IS_ROOT = os.geteuid() == 0
