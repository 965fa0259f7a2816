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
import sys
from collections.abc import Iterator
from functools import lru_cache
from secrets import token_bytes, token_hex
from types import FrameType
from typing import Final, cast

import orjson
import uvloop

from proxy.clock import monotonic, time, timestamp
from proxy.compare.judge import FRAMES, Judgement, judge
from proxy.compare.judging import Judging, decode, rules_digest
from proxy.compare.redaction import Redaction
from proxy.crash import tell_without_values
from proxy.errors import LinkError
from proxy.evidence.redact import Redactor
from proxy.evidence.sample import Spotted, make_sample
from proxy.evidence.sampling import EVERY, Sampling
from proxy.evidence.seen import Seen
from proxy.evidence.surveys import EVERY as SURVEY_EVERY
from proxy.evidence.surveys import Waiting
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.link.hand import Hand
from proxy.link.heads import Heads
from proxy.link.pairs import (
    CREDENTIALS,
    KEYED,
    RECHECK,
    TWIN,
    VERDICT,
    PairMessage,
    PairReader,
    Said,
    Verdict,
    pack_verdicts,
    parse_head,
)

# How often the time of the pair in hand is looked at, and what was seen is told.
LOOK_SECONDS: Final = 0.1
TELL_SECONDS: Final = 1.0
# One worker's pairs are judged for so long before others have their turn; verdicts that are ready wait as long.
TURN_SECONDS: Final = 0.005
# What a worker hears first.
HERE: Final = Verdict(0, Said.HERE, 0, 0, 0)
LONGEST_COST: Final = 2**32 - 1
# Patterns that are remembered as they are told.
PATTERNS: Final = 4096

SAYS: Final[dict[str, int]] = {
    "equivalent": int(Said.EQUIVALENT),
    "noise": int(Said.NOISE),
    "waived": int(Said.WAIVED),
    "divergent": int(Said.DIVERGENT),
    "undecodable": int(Said.UNDECODABLE),
    "body_too_large": int(Said.BODY_TOO_LARGE),
}


# What is said of one pair: a `Said`, a mask of kinds, a signature.
Saying = tuple[int, int, int]
TOO_SLOW: Final[Saying] = (int(Said.TOO_SLOW), 0, 0)
JUDGE_ERROR: Final[Saying] = (int(Said.JUDGE_ERROR), 0, 0)


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
        # When the pair in hand was begun. Who is done with it writes 0.0 here, and calls nothing for that: at a call
        # signals are looked at, so what was to stop the clock would be interrupted before it has.
        self.since = 0.0
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)

    def start(self) -> None:
        """
        A pair is in hand.
        """
        self.since = monotonic()

    def _look(self, _signal: int, _frame: FrameType | None) -> None:
        # Again and again until it has stopped: what is raised while an object is being taken apart, nobody hears.
        if self.since and monotonic() - self.since > self.limit:
            raise TookTooLong


class Comparer:
    """
    One life of one comparer process.
    """

    def __init__(self, listening: socket.socket, hand: Hand) -> None:
        self._listening = listening
        self._hand = hand
        self._clock = Clock()
        # None until the supervisor has told it; no pair is judged before.
        self._judging: Judging | None = None
        self._workers: set[Worker] = set()
        self._heads = Heads()
        self._seen = Seen()
        self._sampling = Sampling()
        # None until there is a salt.
        self._redactor: Redactor | None = None
        self._stranger = Redactor(Redaction(), token_bytes(32))
        self._channel: Channel
        self._over = asyncio.Event()

    async def run(self, link_fd: int) -> int:
        """
        Judge until told to stop, or until the supervisor is gone.
        """
        loop = asyncio.get_running_loop()
        self._channel = await open_channel(link_fd, self._received, lambda _error: self._over.set())
        server = await loop.create_unix_server(lambda: Worker(self), sock=self._listening)
        # What exists now stays; judging makes many objects and no cycles.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 50)
        loop.call_later(TELL_SECONDS, self._tell)
        loop.call_later(EVERY, self._sample)
        loop.call_later(SURVEY_EVERY, self._survey)
        await self._over.wait()
        server.close()
        self._channel.send(Kind.JUDGED, self._seen.take(self._masked), always=True)
        await self._channel.finish(1.0)
        return 0

    def _received(self, frame: Frame) -> None:
        if frame.kind == Kind.JUDGING:
            # What is told together was judged by one table: whoever counts goes by its version.
            self._channel.send(Kind.JUDGED, self._seen.take(self._masked))
            try:
                table = decode(frame.payload)
                self._redactor = _redactor(table.redact)
                judging = Judging(table, lru_cache(PATTERNS)(self._masked))
            except (KeyError, TypeError, ValueError) as error:
                raise LinkError("a judging table has the wrong shape") from error
            first, self._judging = self._judging is None, judging
            self._seen.start(judging.table.version, rules_digest(judging.table))
            if first:
                for worker in self._workers:
                    worker.greet()
            self._clock.limit = judging.table.max_seconds
            self._channel.send(Kind.READY, orjson.dumps({"version": judging.table.version}))
        elif frame.kind in {Kind.STOP, Kind.DRAIN}:
            self._over.set()

    def met(self, worker: "Worker") -> None:
        """
        A worker has connected.
        """
        self._workers.add(worker)
        if self._judging is not None:
            worker.greet()

    def left(self, worker: "Worker") -> None:
        """
        A worker is gone.
        """
        self._workers.discard(worker)

    def _tell(self) -> None:
        asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)
        # Sent even when nothing was seen: a comparer that says nothing is taken for hung.
        self._channel.send(Kind.JUDGED, self._seen.take(self._masked))

    def _masked(self, pattern: str) -> str:
        return (self._redactor or self._stranger).text(pattern)

    @property
    def version(self) -> int:
        """
        Of the table that pairs are judged by now.
        """
        return 0 if self._judging is None else self._judging.table.version

    def settle(self, pair: PairMessage, now: float) -> Saying:
        """
        Judge one pair, begun `now`. Whatever it holds, there is an answer.
        """
        assert self._judging is not None, "no worker is greeted before"
        flags = pair.flags
        try:
            book, has_rules = self._judging.known(pair.endpoint, pair.route)
            self._hand.hold(pair.endpoint)
            # As `Clock.start` does.
            self._clock.since = now
            try:
                judgement = judge(*self._heads.answers(pair), book)
            finally:
                self._clock.since = 0.0
        except Exception as error:  # noqa: BLE001 - the one door: what breaks the judge is one pair without a verdict
            self._clock.since = 0.0
            self._hand.free()
            return TOO_SLOW if isinstance(error, TookTooLong) else JUDGE_ERROR
        self._hand.free()
        # A pair that was asked again was noted when it diverged.
        if not flags & RECHECK:
            at, is_twin = time(), bool(flags & TWIN)
            self._seen.note(book, judgement, at, twin=is_twin)
            if judgement.verdict == "divergent" and not is_twin and self._redactor is not None:
                self._spot(pair, judgement, at, now, self._redactor)
            if has_rules and not is_twin and self._seen.surveys.wants(book.endpoint, now):
                self._seen.surveys.note(Waiting(book, *self._heads.answers(pair)), now)
        return _saying(judgement)

    def _spot(self, pair: PairMessage, judgement: Judgement, at: float, now: float, redactor: Redactor) -> None:
        """
        A divergent pair: whom it hit, and perhaps a sample of it, later.
        """
        assert judgement.signature is not None
        signature = judgement.signature
        if pair.flags & KEYED:
            try:
                context = parse_head(pair.context)
                self._seen.hit(signature.id, redactor.digest(context["key"]), bool(context.get("live")))
            except (LinkError, KeyError):
                # Its verdict stands.
                self._seen.overflow += 1
                return
        if self._sampling.wants(signature, now):
            spotted = Spotted(
                endpoint=signature.endpoint,
                judgement=judgement,
                version=self.version,
                at=at,
                route=pair.route.decode("utf-8", "replace"),
                context=pair.context,
                heads=(pair.old_head, pair.new_head),
                answers=self._heads.answers(pair),
            )
            self._sampling.note(spotted, now)

    def _sample(self) -> None:
        """
        Make one sample, if a pair waits: under the clock, and in hand, as if it were judged.
        """
        asyncio.get_running_loop().call_later(EVERY, self._sample)
        redactor, spotted = self._redactor, self._sampling.next(monotonic())
        if redactor is None or spotted is None:
            return
        self._hand.hold(spotted.endpoint.encode())
        self._clock.start()
        try:
            self._seen.samples.append(make_sample(spotted, redactor, token_hex(8)))
        except Exception:  # noqa: BLE001 - as in `settle`: a pair without a sample
            self._seen.overflow += 1
        finally:
            self._clock.since = 0.0
            self._hand.free()

    def _survey(self) -> None:
        """
        Look at what rules do to one pair, if one waits: as `_sample` does.
        """
        asyncio.get_running_loop().call_later(SURVEY_EVERY, self._survey)
        waiting = self._seen.surveys.next()
        if waiting is None:
            return
        survey, since = None, monotonic()
        self._hand.hold(waiting.book.endpoint.encode())
        self._clock.start()
        try:
            survey = judge(waiting.old, waiting.new, waiting.book, surveyed=True).survey
        except Exception:  # noqa: BLE001 - as in `settle`: a pair that tells nothing of rules
            self._seen.overflow += 1
        finally:
            self._clock.since = 0.0
            self._hand.free()
        now = monotonic()
        self._seen.surveys.found(waiting.book.endpoint, survey, now - since, now)


def _redactor(redact: Redaction) -> Redactor | None:
    """
    Raises `LinkError` for what was not looked at when it was configured.
    """
    if not redact.salt:
        return None
    try:
        return Redactor(redact, bytes.fromhex(redact.salt))
    except ValueError as error:
        raise LinkError("what is to be redacted can't be used") from error


def _saying(judgement: Judgement) -> Saying:
    said = SAYS[judgement.verdict or judgement.reason or ""]
    signature = judgement.signature
    return said, judgement.kinds, 0 if signature is None else int(signature.id, 16)


class Worker(asyncio.Protocol):
    """
    A worker's connection: pairs in, verdicts out. Takes turns with the other workers, the link and the clock.
    """

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._reader = PairReader()
        self._transport: asyncio.Transport | None = None
        self._pairs: Iterator[PairMessage] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop. Only processes of our own user may hand anything over.
        """
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("socket")
        _, user, _ = CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        if user != os.getuid():
            self._transport.abort()
            return
        self._comparer.met(self)

    def greet(self) -> None:
        """
        Say that pairs may come.
        """
        if self._transport is not None:
            self._transport.write(pack_verdicts([HERE]))

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        self._pairs = self._reader.feed(data)
        self._turn()

    def _turn(self) -> None:
        """
        Judge what has come, for a while; then let the others have their turn.
        """
        transport, pairs = self._transport, self._pairs
        if transport is None or pairs is None or transport.is_closing():
            return
        ready: list[bytes] = []
        comparer, now = self._comparer, monotonic()
        version, end = comparer.version, now + TURN_SECONDS
        try:
            for pair in pairs:
                said, kinds, signature = comparer.settle(pair, now)
                before, now = now, monotonic()
                # Microseconds, as a verdict has room for them: for an hour.
                cost = min(int((now - before) * 1e6), LONGEST_COST)
                ready.append(VERDICT.pack(pair.id, said, kinds, signature, version, cost))
                if now > end:
                    transport.pause_reading()
                    asyncio.get_running_loop().call_soon(self._turn)
                    break
            else:
                self._pairs = None
                transport.resume_reading()
        except (LinkError, MemoryError):
            transport.abort()
            return
        if ready:
            transport.write(b"".join(ready))

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Called by the loop. What it still wanted to know, nobody does.
        """
        self._transport = self._pairs = None
        self._comparer.left(self)


def main() -> None:
    """
    The process: ignore what a terminal sends to the whole group, then obey the link.
    """
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    link_fd, listen_fd, hand_fd = map(int, sys.argv[1:4])
    tell_without_values("comparer", timestamp)
    sys.setrecursionlimit(FRAMES)
    listening = socket.socket(fileno=listen_fd)
    listening.setblocking(False)
    sys.exit(uvloop.run(_live(listening, Hand(hand_fd), link_fd)))


async def _live(listening: socket.socket, hand: Hand, link_fd: int) -> int:
    return await Comparer(listening, hand).run(link_fd)


if __name__ == "__main__":
    main()
