"""
The comparers as a worker reaches them: a connection to each, pairs out in batches, verdicts in. Never waits.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Final, cast

from proxy.clock import monotonic
from proxy.link.pairs import CREDENTIALS, Said, VerdictReader
from proxy.mirror.handover import Handover, Share
from proxy.tasks import spawn

# Pairs wait for others at most so long.
BATCH_SECONDS: Final = 0.005
# No further batch while so many bytes are unsent; the kernel holds about 200 KiB more.
HIGH: Final = 64 * 1024
# A comparer that says nothing for so many seconds gets no more until it does: what waits here can still be sorted.
PROMPT: Final = 0.05
# From one attempt to connect to the next, in ticks of the worker's timer.
FIRST_PAUSE, LONGEST_PAUSE = 1, 8


class Connection(asyncio.Protocol):
    """
    A connection to one comparer, which `share`s in the work from its first word on.
    """

    def __init__(self, comparers: "Comparers") -> None:
        self.share: Share | None = None
        self._comparers = comparers
        self._reader = VerdictReader()
        # When it said something, or got something after it had nothing.
        self._heard = 0.0
        self.transport: asyncio.Transport | None = None

    def can_take(self) -> bool:
        """
        Whether a batch can be sent now, and there is one.
        """
        transport = self.transport
        if self.share is None or transport is None or transport.get_write_buffer_size() >= HIGH:
            return False
        if self.share.pairs and monotonic() - self._heard > PROMPT:
            return False
        return self._comparers.handover.has_for(self.share)

    def hand_over(self) -> None:
        """
        Send a batch, for which `can_take` was true.
        """
        assert self.share is not None
        assert self.transport is not None
        if not self.share.pairs:
            self._heard = monotonic()
        self.transport.writelines(self._comparers.handover.give(self.share))

    def abort(self) -> None:
        """
        Give it up: what it has unanswered is lost.
        """
        if self.transport is not None:
            self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop. Nothing is handed to another user's process.
        """
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH // 2, low=HIGH // 8)
        peer = transport.get_extra_info("socket")
        _, user, _ = CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        if user != os.getuid():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        verdicts = self._reader.feed(data)
        if self.share is None and verdicts:
            if verdicts[0].said != Said.HERE:
                self.abort()
                return
            self.share = self._comparers.handover.open()
            # What has waited for somebody to take it.
            self._comparers.flush()
        if self.share is not None:
            self._heard = monotonic()
            self._comparers.handover.answered(self.share, verdicts)
            if self._comparers.held_back:
                self._comparers.flush()

    def resume_writing(self) -> None:
        """
        Called by the loop.
        """
        self._comparers.flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self.transport = None
        share, self.share = self.share, None
        if share is not None:
            self._comparers.handover.close(share)


class Place:
    """
    Where one comparer listens, and the connection to it, if any. The place outlives the comparer.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection: Connection | None = None
        self.connecting = False
        # Ticks to wait before the next attempt, and after the one after that.
        self.pause = 0
        self.next_pause = FIRST_PAUSE

    def is_due(self) -> bool:
        """
        Whether to connect now; called once a tick.
        """
        if self.connecting or (self.connection is not None and self.connection.transport is not None):
            if self.connection is not None and self.connection.share is not None:
                self.next_pause = FIRST_PAUSE
            return False
        if self.pause > 0:
            self.pause -= 1
            return False
        self.pause = self.next_pause
        self.next_pause = min(self.next_pause * 2, LONGEST_PAUSE)
        return True


class Comparers:
    """
    All of them: `follow` the names that the supervisor tells, `tick` with the worker's one timer.
    """

    def __init__(self, handover: Handover) -> None:
        self.handover = handover
        # Something waits until a comparer has said something.
        self.held_back = False
        self._places: list[Place] = []
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        handover.on_first = self._wait
        handover.on_batch = self._hurry

    def follow(self, names: Sequence[str]) -> None:
        """
        Where comparers listen; without any, bytes decide.
        """
        kept = {place.name: place for place in self._places}
        self._places = [kept[name] if name in kept else Place(name) for name in names]
        for name, place in kept.items():
            if name not in names and place.connection is not None:
                place.connection.abort()
        self.handover.active = bool(names)
        self._connect()

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer.
        """
        overdue = self.handover.tick(now)
        for place in self._places:
            connection = place.connection
            if connection is not None and connection.share is not None and connection.share in overdue:
                # It answers in order: what it was given after these would come too late as well.
                connection.abort()
        self._connect()
        self.flush()

    def flush(self) -> None:
        """
        Hand over what waits, as far as somebody takes it: first to who has least to do.
        """
        handover = self.handover
        self.held_back = False
        while handover.waits:
            able = [one for place in self._places if (one := place.connection) is not None and one.can_take()]
            if not able:
                self.held_back = True
                return
            chosen = min(able, key=_unanswered) if len(able) > 1 else able[0]
            chosen.hand_over()

    def close(self) -> None:
        """
        Nothing will be handed over any more.
        """
        if self._timer is not None:
            self._timer.cancel()
        for place in self._places:
            if place.connection is not None:
                place.connection.abort()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self._due)

    def _due(self) -> None:
        self._timer = None
        self.flush()

    def _hurry(self) -> None:
        # Not at once: the client's answer comes first.
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._hurried)

    def _hurried(self) -> None:
        self._soon = False
        self.flush()

    def _connect(self) -> None:
        for place in self._places:
            if place.is_due():
                place.connecting = True
                spawn(self._open(place), name="connect to a comparer", on_error=lambda _: None)

    async def _open(self, place: Place) -> None:
        """
        One attempt. It doesn't wait for the comparer, whose place takes connections also while nobody is there.
        """
        try:
            theirs = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                theirs.connect(f"\0{place.name}")
            except OSError:
                theirs.close()
                return
            loop = asyncio.get_running_loop()
            _, place.connection = await loop.create_unix_connection(lambda: Connection(self), sock=theirs)
        finally:
            place.connecting = False


def _unanswered(connection: Connection) -> int:
    return len(connection.share.pairs) if connection.share is not None else 0
