"""
Wires one worker: its link, its listener, its one timer, and the plane that its exchanges share.

`python -m proxy.worker LINK_FD LISTEN_FD`, started by the supervisor. It accepts only with a table, tells its totals
once a second, and ends when its link does. It imports nothing that it doesn't need: ready must not wait.
"""

import asyncio
import gc
import signal
import socket
import sys
from email.utils import formatdate
from functools import partial

import orjson
import uvloop

from proxy.clock import TICK, monotonic, time, timestamp
from proxy.course import Reach
from proxy.crash import tell_without_values, told
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.metrics.books import LIVE, ROLES, Books
from proxy.metrics.endpoints import Known
from proxy.metrics.learner import Learner
from proxy.mirror.handover import KEPT_AWAY, Handover
from proxy.mirror.pair import Pair
from proxy.mirror.sample import sample
from proxy.mirror.troubles import Trouble
from proxy.net.client import ClientConnection
from proxy.net.comparer import Comparers
from proxy.net.ejection import UNHEALTHY
from proxy.net.entrance import Entrance
from proxy.net.front import Front
from proxy.net.listener import Listener
from proxy.plane import Plane
from proxy.routing.table import NEW, SIDES
from proxy.shedding import Shedding
from proxy.tables import Tables
from proxy.tasks import spawn
from proxy.wire.own import CAUSES

# Snapshots go out every fourth time.
SNAPSHOT_TICKS = 4
# A worker whose supervisor is gone finishes what it can in this time.
ORPHAN_SECONDS = 5.0
# Samples per snapshot: each costs a hundred microseconds or so, and people read a hundred in all.
SAMPLES = 5
# Causes of which the system says more than we do.
CONNECTING = frozenset({"refused", "unreachable", "dns", "tls", "certificate"})
# While draining, verdicts are waited for so long.
JUDGING_SECONDS = 2.0
# A client that was idle for this long while draining isn't about to send.
IDLE_SECONDS = 1.0
# Seconds from one tick to the next that are too many.
LATE = 2 * TICK
# Of the memory for pairs, one part in so many is for those that are served last.
COSTLY_SHARE = 4


class Worker:
    """
    One life of one worker process.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._books = Books()
        self._channel: Channel
        self._handover = Handover()
        self._handover.on_slow = self._too_slow
        self._comparers = Comparers(self._handover)
        self._tables = Tables(
            self._books,
            self._divergent,
            obeyed=self._obeyed,
            refused=self._refused,
            tell=self._mention,
            judge=self._handover,
        )
        self._plane: Plane | None = None
        self._front: Front
        self._shedding: Shedding
        self._listener: Listener | None = None
        self._accepting = False
        self._learned: list[str] = []
        self._ticks = 0
        self._samples = SAMPLES
        self._deadline = 0.0
        self._judged_by = 0.0
        self._lost = False
        self._breakers_open = [0, 0]
        self._ejected = [0, 0]
        self._over = asyncio.Event()

    async def run(self, link_fd: int) -> int:
        """
        Live until drained or killed. The exit code: 1 when the deadline cut somebody short.
        """
        self._channel = await open_channel(link_fd, self._received, self._orphaned)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._mistaken)
        loop.call_later(TICK, self._tick)
        await self._over.wait()
        self._snapshot(last=True)
        if not self._lost:
            self._channel.send(Kind.DRAINED)
        await self._channel.finish(1.0)
        return 1 if self._lost else 0

    # The link...

    def _received(self, frame: Frame) -> None:
        """
        A frame from the hub.
        """
        if frame.kind == Kind.TABLE:
            self._tables.take(frame.payload)
        elif frame.kind == Kind.LATCH:
            self._tables.latch(bool(orjson.loads(frame.payload)["killed"]))
        elif frame.kind == Kind.ENDPOINTS:
            listed = orjson.loads(frame.payload)
            self._learned = listed["learned"]
            if self._plane is not None:
                self._plane.know(Known(listed["learned"], listed["configured"]))
        elif frame.kind == Kind.COMPARERS:
            self._comparers.follow(orjson.loads(frame.payload))
        elif frame.kind == Kind.QUARANTINE:
            said = orjson.loads(frame.payload)
            self._handover.quarantine(said["endpoint"], monotonic() + said["seconds"])
        elif frame.kind == Kind.GRANT:
            if self._plane is not None:
                self._plane.claims.answered(frame.payload)
        elif frame.kind == Kind.FLAGS_SAID:
            if self._plane is not None:
                for flag, key, value in orjson.loads(frame.payload):
                    self._plane.flags.answered(flag, key.encode("latin-1"), value, self._plane.now)
        elif frame.kind == Kind.CLOSING:
            self._closing()
        elif frame.kind == Kind.DRAIN:
            self._closing()
            spawn(self._drain(float(orjson.loads(frame.payload)["seconds"])), name="drain", on_error=self._broken)

    def _orphaned(self, error: Exception | None) -> None:
        """
        The supervisor is gone.
        """
        if self._over.is_set():
            return
        self._closing()
        spawn(self._drain(ORPHAN_SECONDS), name="drain", on_error=self._broken)

    def _obeyed(self) -> None:
        """
        A table, or the kill latch, is in force; with the first table, accept.
        """
        table = self._tables.plane.table
        self._handover.limit = table.judging.queue
        self._handover.costly.memory = table.mirror.memory_budget // COSTLY_SHARE
        if self._listener is None:
            self._begin()
            return
        self._shedding.obey(self._tables.plane.table)
        if self._accepting:
            self._acknowledge()

    def _refused(self, why: str) -> None:
        """
        A table can't be used: that is no secret, and it isn't acknowledged.
        """
        self._report("table_refused", "error", error=why)

    def _mention(self, event: str, level: str, words: str) -> None:
        """
        What is wrong with something that a table in force names, or no longer.
        """
        self._report(event, level, **{"error" if level == "error" else "reason": words})

    def _begin(self) -> None:
        """
        The first table is there: accept.
        """
        self._plane, self._front = plane, front = self._tables.plane, self._tables.front
        self._handover.now = plane.now
        # What was learned may be of an earlier configuration; what is configured is the table's.
        first = Learner(plane.table.endpoints, plane.table.max_endpoints)
        first.restore(self._learned)
        plane.know(first.known)
        plane.on_candidate = self._candidate
        plane.claims.send = partial(self._channel.send, Kind.CLAIM)
        front.date = _date()
        loop = asyncio.get_running_loop()
        # Neither needs a reload: it would be for connections that have begun as something else.
        is_plain = plane.table.tls is None and not plane.table.proxy_protocol
        made = ClientConnection if is_plain else Entrance
        self._listener = Listener(self._listening, lambda: made(front, loop))
        self._shedding = Shedding(plane, front, self._report, self._listener.sweep)
        spawn(self._open(self._listener), name="open", on_error=self._broken)

    async def _open(self, listener: Listener) -> None:
        """
        Accept, and say so.
        """
        await listener.open()
        # What exists now lives as long as the worker: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 50)
        self._accepting = True
        self._acknowledge()

    def _acknowledge(self) -> None:
        """
        Tell what new requests are routed by.
        """
        epoch, digest, armed = self._tables.plane.table.name
        said = {"epoch": epoch, "digest": digest, "armed": armed, "killed": self._tables.killed}
        self._channel.send(Kind.READY, orjson.dumps(said))

    def _candidate(self, endpoint: str) -> None:
        """
        An endpoint that is on no list yet.
        """
        self._channel.send(Kind.CANDIDATE, orjson.dumps([endpoint]))

    def _divergent(self, pair: Pair, signature: int) -> None:
        """
        A divergent pair, before its bytes are let go: a few each second are shown to people. Those that a comparer has
        judged, it shows itself, by their signatures.
        """
        if not signature and self._samples > 0:
            self._samples -= 1
            self._channel.send(Kind.SAMPLE, orjson.dumps(sample(pair, time())))

    def _too_slow(self, endpoint: str) -> None:
        """
        None of its pairs is judged for a while.
        """
        remedy = (
            "look at the patterns of its rules (`parallax check` warns of slow ones) and at how large its answers are"
        )
        self._report("endpoint_too_slow", "warning", endpoint=endpoint, seconds=KEPT_AWAY, remedy=remedy)

    # The one timer...

    def _tick(self) -> None:
        """
        Expire, refresh, report.
        """
        asyncio.get_running_loop().call_later(TICK, self._tick)
        plane = self._plane
        self._ticks += 1
        if plane is not None:
            now = monotonic()
            front = self._front
            late = now - front.now > LATE
            front.now = now
            front.date = _date()
            if plane.flags.asked:
                self._ask(plane)
            plane.tick(now)
            self._tables.rechecks.tick(now)
            self._tables.leaving.tick(now)
            front.handshakes.tick(now)
            self._comparers.tick(now)
            for client in list(front.connections):
                if client.deadline or client.taking is not None:
                    client.expire(now)
            if self._deadline:
                self._close_idle(now, is_late=late)
            self._shedding.look(now)
            self._tell(plane, now)
        if self._ticks % SNAPSHOT_TICKS == 0:
            self._samples = SAMPLES
            self._snapshot(last=False)

    def _ask(self, plane: Plane) -> None:
        """
        Ask for the flags that requests wanted since the last time.
        """
        asked = [[flag, key.decode("latin-1")] for flag, key in plane.flags.take()]
        self._channel.send(Kind.FLAGS_ASKED, orjson.dumps(asked))

    def _tell(self, plane: Plane, now: float) -> None:
        """
        Say why sides fail, and when a breaker opens or closes: nobody should have to guess from counts.
        """
        for reach in plane.reaches():
            for trouble in reach.troubles.due(now):
                self._tell_trouble(reach, trouble)
        for failed in self._front.handshakes.due(now):
            self._report("handshakes_failing", "warning", reason=failed.reason, count=failed.times)
        for side, is_open in enumerate(plane.breakers_open()):
            if is_open != self._breakers_open[side]:
                self._breakers_open[side] = is_open
                self._report("breaker_opened" if is_open else "breaker_closed", "warning", side=SIDES[side])
        for side, is_out in enumerate(plane.ejected()):
            if is_out != self._ejected[side]:
                self._ejected[side] = is_out
                self._tell_ejection(plane.sides[side], side)

    def _tell_ejection(self, reach: Reach, side: int) -> None:
        """
        That a side gets no more live requests, and why; or that it does again.
        """
        cause, named = reach.ejection.cause, {"side": SIDES[side], "url": reach.url}
        if not reach.ejection.is_out:
            self._report("side_returned", "info", **named)
            return
        if cause == UNHEALTHY and reach.checkup is not None:
            words, detail = "its health checks fail", reach.checkup.detail
        else:
            words, detail = CAUSES[cause].words, reach.live.detail if cause in CONNECTING else ""
        self._report("side_ejected", "warning", **named, cause=cause, words=words, detail=detail)

    def _tell_trouble(self, reach: Reach, trouble: Trouble) -> None:
        """
        Why a side fails, in words, and what the system said of it.
        """
        pool = reach.live if trouble.role == LIVE else reach.shadow
        self._report(
            "side_failing",
            "warning",
            side=SIDES[trouble.side],
            url=reach.url,
            role=ROLES[trouble.role],
            cause=trouble.cause,
            words=CAUSES[trouble.cause].words,
            detail=pool.detail if trouble.cause in CONNECTING else "",
            count=trouble.times,
        )

    def _report(self, event: str, level: str, **fields: object) -> None:
        """
        One line for the log, by way of control.
        """
        self._channel.send(Kind.REPORT, orjson.dumps({"event": event, "level": level, **fields}))

    def _snapshot(self, *, last: bool) -> None:
        """
        All totals in one frame.
        """
        plane = self._plane
        if plane is None:
            return
        if rechecked := self._tables.rechecks.take():
            self._channel.send(Kind.RECHECKED, orjson.dumps(rechecked))
        totals = self._books.snapshot()
        totals |= {"tally": plane.tally.snapshot(time()), "versions": plane.versions.snapshot()}
        totals["worker"] = {
            "epoch": plane.table.epoch,
            "digest": plane.table.digest,
            "killed": self._tables.killed,
            "shadow_memory": plane.pairs.budget.used,
            "connections": len(self._front.connections),
            "inflight": sum(client.exchange is not None for client in self._front.connections),
            "on_new": sum(
                client.exchange is not None and client.exchange.live == NEW for client in self._front.connections
            ),
            "breaker_open": plane.breakers_open(),
            "ejected": plane.ejected(),
            "overload": self._shedding.level,
            "brownout": int(self._shedding.brownout.is_on),
        }
        self._channel.send(Kind.SNAPSHOT, orjson.dumps(totals), always=last)

    # Draining...

    def _closing(self) -> None:
        """
        Answers say `Connection: close` from now on, and nothing more is copied.
        """
        if self._plane is not None:
            self._plane.closing = self._front.closing = True

    async def _drain(self, seconds: float) -> None:
        """
        Stop accepting without losing anybody, drop shadow work, finish what is in flight.
        """
        self._deadline = monotonic() + seconds
        self._judged_by = monotonic() + min(seconds, JUDGING_SECONDS)
        if self._listener is not None:
            await self._listener.close()
        if self._plane is not None:
            self._plane.pairs.drop_all("draining")
            self._plane.close()
        self._close_idle(monotonic())

    def _close_idle(self, now: float, *, is_late: bool = False) -> None:
        """
        Close clients that have had their answer for a while; over when none is left or time is up. After a turn that
        was long, what they have sent may not have been read yet: nobody is idle before the next.
        """
        for client in list(self._front.connections) if self._plane is not None and not is_late else []:
            if client.is_idle() and now - client.idle_since() > IDLE_SECONDS:
                client.close()
        if self._plane is None or not self._front.connections:
            if not self._handover.unanswered or now > self._judged_by:
                self._handover.drop_all("draining")
                self._over.set()
        elif now > self._deadline:
            # A tunnel has no end of its own: to cut it at the deadline is no loss.
            self._lost = any(client.is_answering() for client in self._front.connections)
            self._over.set()

    def _broken(self, error: BaseException) -> None:
        """
        A task of the worker itself failed: say so and end; the supervisor starts another.
        """
        self._report("worker_failed", "error", **told(error))
        self._over.set()

    def _mistaken(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """
        Something raised in a callback, a mistake of ours: one connection's end, not the worker's.
        """
        error = context.get("exception")
        self._report("unexpected_error", "error", **told(error if isinstance(error, BaseException) else None))


def _date() -> bytes:
    """
    The Date line of this moment (RFC 9110 §6.6.1).
    """
    return b"Date: " + formatdate(time(), usegmt=True).encode("ascii")


def main() -> None:
    """
    The process: ignore what a terminal sends to the whole group, then obey the link.
    """
    tell_without_values("worker", timestamp)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    link_fd, listen_fd = int(sys.argv[1]), int(sys.argv[2])
    listening = socket.socket(fileno=listen_fd)
    sys.exit(uvloop.run(_live(listening, link_fd)))


async def _live(listening: socket.socket, link_fd: int) -> int:
    return await Worker(listening).run(link_fd)


if __name__ == "__main__":
    main()
