"""
Wires one comparer: its link, the socket that workers hand pairs over on, the clock that a pair may not outstay.

`python -m proxy.comparer LINK_FD LISTEN_FD HAND_FD`, started by the supervisor. It judges pairs one after the other, in
the order they come, and answers each with a verdict; it may burn a core, and it may crash. It keeps no books: those are
the workers'. What it saw is told once a second (`Seen`).
"""

import asyncio
import gc
import os
import signal
import socket
import struct
import sys
from types import FrameType
from typing import Final, cast

import orjson

from proxy.clock import monotonic, time
from proxy.compare.answer import Answer, Cut
from proxy.compare.judge import Judgement, judge
from proxy.compare.judging import Judging, JudgingTable, decode
from proxy.errors import LinkError
from proxy.evidence.seen import Seen
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.link.hand import Hand
from proxy.link.pairs import PairMessage, PairReader, Said, Side, Verdict, pack_verdicts, parse_head

# How often the time of the pair in hand is looked at, and what was seen is told.
LOOK_SECONDS: Final = 0.1
TELL_SECONDS: Final = 1.0
# Verdicts that are ready wait for others at most so long.
BATCH_SECONDS: Final = 0.005
# Values are walked by recursion: deeper ones are compared as text.
RECURSION: Final = 10_000
SAYS: Final = {
    "equivalent": Said.EQUIVALENT,
    "noise": Said.NOISE,
    "waived": Said.WAIVED,
    "divergent": Said.DIVERGENT,
    "undecodable": Said.UNDECODABLE,
    "body_too_large": Said.BODY_TOO_LARGE,
}
# struct ucred of unix(7): pid, uid, gid.
CREDENTIALS: Final = struct.Struct("3i")


class TookTooLong(Exception):
    """
    A pair has cost what a pair may cost.
    """


class Clock:
    """
    Interrupts the pair in hand once it has cost too much: by a signal, since nothing else stops a regular expression.
    """

    def __init__(self) -> None:
        self.limit = 1.0
        self._since = 0.0
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)

    def start(self) -> None:
        """
        A pair is in hand.
        """
        self._since = monotonic()

    def stop(self) -> None:
        """
        It is not any more.
        """
        self._since = 0.0

    def _look(self, _signal: int, _frame: FrameType | None) -> None:
        if self._since and monotonic() - self._since > self.limit:
            self._since = 0.0
            raise TookTooLong


class Comparer:
    """
    One life of one comparer process.
    """

    def __init__(self, listening: socket.socket, hand: Hand) -> None:
        self._listening = listening
        self._hand = hand
        self._clock = Clock()
        self._judging = Judging(JudgingTable(version=0))
        self._seen = Seen()
        self._channel: Channel
        self._over = asyncio.Event()

    async def run(self, link_fd: int) -> int:
        """
        Judge until told to stop, or until the supervisor is gone.
        """
        loop = asyncio.get_running_loop()
        self._channel = await open_channel(link_fd, self._received, lambda _error: self._over.set())
        server = await loop.create_unix_server(lambda: Worker(self), sock=self._listening)
        gc.collect()
        gc.freeze()
        loop.call_later(TELL_SECONDS, self._tell)
        await self._over.wait()
        server.close()
        self._channel.send(Kind.JUDGED, self._seen.take(), always=True)
        await self._channel.finish(1.0)
        return 0

    def _received(self, frame: Frame) -> None:
        if frame.kind == Kind.JUDGING:
            try:
                judging = Judging(decode(frame.payload))
            except (KeyError, TypeError, ValueError) as error:
                raise LinkError("a judging table has the wrong shape") from error
            self._seen.start(judging.table.version)
            self._judging = judging
            self._clock.limit = judging.table.max_seconds
            self._channel.send(Kind.READY, orjson.dumps({"version": judging.table.version}))
        elif frame.kind in {Kind.STOP, Kind.DRAIN}:
            self._over.set()

    def _tell(self) -> None:
        asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)
        # Sent even when nothing was seen: a comparer that says nothing is taken for hung.
        self._channel.send(Kind.JUDGED, self._seen.take())

    def settle(self, pair: PairMessage) -> Verdict:
        """
        Judge one pair. Whatever it holds, there is an answer.
        """
        try:
            judgement = self._judge(pair)
        except Exception:  # noqa: BLE001 - the one door: a pair that breaks the judge is one pair without a verdict
            return Verdict(pair.id, Said.JUDGE_ERROR, 0, 0, self._judging.table.version)
        self._seen.note(pair, judgement, time())
        return _verdict(pair.id, judgement, self._judging.table.version)

    def _judge(self, pair: PairMessage) -> Judgement:
        """
        Raises `TookTooLong`, and whatever a mistake of ours raises.
        """
        self._hand.hold(pair.endpoint.encode())
        self._clock.start()
        try:
            return judge(_answer(pair.old), _answer(pair.new), self._judging.book(pair.endpoint))
        finally:
            self._clock.stop()
            self._hand.free()


def _answer(side: Side) -> Answer:
    head = parse_head(side.head)
    content: bytes | Cut = side.content
    if side.cut:
        content = Cut(length=int.from_bytes(side.content[:8], "big"), digest=side.content[8:])
    return Answer(
        status=head["status"],
        fields=tuple((name, value) for name, value in head["fields"]),
        media=head["media"],
        coding=head["coding"],
        content=content,
    )


def _verdict(number: int, judgement: Judgement, version: int) -> Verdict:
    said = SAYS[judgement.verdict or judgement.reason or ""]
    signature = int(judgement.signature.id, 16) if judgement.signature is not None else 0
    return Verdict(number, said, judgement.kinds, signature, version)


class Worker(asyncio.Protocol):
    """
    A worker's connection: pairs in, verdicts out.
    """

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._reader = PairReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop. Only processes of our own user may hand anything over.
        """
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("socket")
        _, user, _ = CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        if user != os.getuid():
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        if self._transport is None or self._transport.is_closing():
            return
        ready: list[Verdict] = []
        began = monotonic()
        try:
            for pair in self._reader.feed(data):
                ready.append(self._comparer.settle(pair))
                if monotonic() - began > BATCH_SECONDS:
                    self._transport.write(pack_verdicts(ready))
                    ready, began = [], monotonic()
        except LinkError:
            self._transport.abort()
            return
        if ready:
            self._transport.write(pack_verdicts(ready))

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self._transport = None


def main() -> None:
    """
    The process: ignore what a terminal sends to the whole group, then obey the link.
    """
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    link_fd, listen_fd, hand_fd = map(int, sys.argv[1:4])
    sys.setrecursionlimit(RECURSION)
    listening = socket.socket(fileno=listen_fd)
    listening.setblocking(False)
    sys.exit(asyncio.run(_live(listening, Hand(hand_fd), link_fd)))


async def _live(listening: socket.socket, hand: Hand, link_fd: int) -> int:
    return await Comparer(listening, hand).run(link_fd)


if __name__ == "__main__":
    main()
