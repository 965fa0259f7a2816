"""
Channels on real sockets, on both event loops that use them.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from proxy.errors import LinkError
from proxy.link.channel import FULL, Channel, open_channel
from proxy.link.frames import Frame, Kind, pack

PATIENCE = 10.0
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """
    Runs a scenario to its end on one of the loops.
    """
    start: Callable[[Coroutine[Any, Any, None]], None] = request.param

    def bounded(scenario: Coroutine[Any, Any, None]) -> None:
        async def within() -> None:
            async with asyncio.timeout(PATIENCE):
                await scenario

        start(within())

    return bounded


@dataclass
class End:
    """
    One end of a link and what came out of it.
    """

    frames: list[Frame] = field(default_factory=list)
    losses: list[Exception | None] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    refuse: bool = False

    async def open(self, link: socket.socket) -> Channel:
        """
        A channel that writes down everything here.
        """
        return await open_channel(link.detach(), self.heard, self.lost)

    def heard(self, frame: Frame) -> None:
        """
        As `on_frame`.
        """
        self.frames.append(frame)
        self.news.set()
        if self.refuse:
            raise LinkError("that makes no sense")

    def lost(self, error: Exception | None) -> None:
        """
        As `on_lost`.
        """
        self.losses.append(error)
        self.news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """
        Wait for something to have come.
        """
        while not holds():
            self.news.clear()
            await self.news.wait()


def test_frames_arrive_in_order_with_their_incarnation(run: Run) -> None:
    """
    What is sent is what is heard.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near, far = End(), End()
        sender, receiver = await near.open(ours), await far.open(theirs)

        assert sender.send(Kind.READY, b"{}", 3)
        assert sender.send(Kind.SNAPSHOT, b"x" * 3_000_000)
        assert receiver.send(Kind.STOP)
        await far.until(lambda: len(far.frames) == 2)
        await near.until(lambda: len(near.frames) == 1)

        assert far.frames == [Frame(Kind.READY, 3, b"{}"), Frame(Kind.SNAPSHOT, 0, b"x" * 3_000_000)]
        assert near.frames == [Frame(Kind.STOP, 0, b"")]
        await sender.finish(PATIENCE)
        await far.until(lambda: bool(far.losses))
        assert near.losses == far.losses == [None]

    run(scenario())


def test_no_frame_comes_before_the_caller_has_the_channel(run: Run) -> None:
    """
    Whoever answers the first frame needs something to answer on.
    """

    async def scenario() -> None:
        for _ in range(20):
            ours, theirs = socket.socketpair()
            theirs.sendall(pack(Kind.TABLE, b"{}"))
            theirs.close()
            near = End()
            await near.open(ours)

            assert not near.frames
            assert not near.losses

            await near.until(lambda end=near: bool(end.losses))  # type: ignore[misc]

            assert [frame.kind for frame in near.frames] == [Kind.TABLE]
            assert near.losses == [None]

    run(scenario())


def test_finish_delivers_what_is_queued(run: Run) -> None:
    """
    A worker's last snapshot reaches the hub although the worker ends.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        far = End()
        sender = await End().open(ours)
        for _ in range(5):
            sender.send(Kind.SNAPSHOT, b"x" * 1_000_000)
        sender.send(Kind.DRAINED)
        await far.open(theirs)

        await sender.finish(PATIENCE)
        await far.until(lambda: bool(far.losses))

        assert [frame.kind for frame in far.frames] == [Kind.SNAPSHOT] * 5 + [Kind.DRAINED]

    run(scenario())


def test_a_peer_that_reads_nothing_costs_a_bounded_amount(run: Run) -> None:
    """
    What can be spared is dropped and counted; what can't goes into the queue.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near = End()
        sender = await near.open(ours)
        megabyte = b"x" * 1_000_000

        sent = [sender.send(Kind.SAMPLE, megabyte) for _ in range(30)]

        assert sent.count(True) <= FULL // len(megabyte) + 2
        assert sender.dropped == sent.count(False) > 0
        assert sender.send(Kind.TABLE, b"{}")
        assert not sender.send(Kind.SNAPSHOT, b"{}")
        assert sender.send(Kind.SNAPSHOT, b"{}", always=True)
        await sender.finish(0.05)
        await near.until(lambda: bool(near.losses))
        theirs.close()

    run(scenario())


def test_after_the_loss_sending_is_refused_and_never_raises(run: Run) -> None:
    """
    Callers need no case of their own for a peer that just died.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near = End()
        sender = await near.open(ours)
        theirs.close()
        await near.until(lambda: bool(near.losses))

        assert not sender.send(Kind.STATUS, b"{}")
        assert not sender.is_open
        sender.close()
        sender.abort()
        await sender.finish(PATIENCE)

        assert len(near.losses) == 1

    run(scenario())


def test_a_peer_that_goes_with_something_unread_is_gone_and_no_trouble(run: Run) -> None:
    """
    As after kill -9 of either: the kernel resets the connection then.
    """

    async def scenario() -> None:
        one, other = socket.socketpair()
        end = End()
        channel = await end.open(one)
        assert channel.send(Kind.PULSE)
        other.settimeout(PATIENCE)
        assert other.recv(1, socket.MSG_PEEK)
        other.close()
        while not end.losses:
            await end.news.wait()

        assert end.losses == [None]

    run(scenario())


def test_garbage_loses_the_link_and_says_why(run: Run) -> None:
    """
    A frame that can't be read is nobody's payload.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near = End()
        await near.open(ours)
        theirs.sendall(b"\xff" * 64)

        await near.until(lambda: bool(near.losses))

        assert isinstance(near.losses[0], LinkError)
        assert near.frames == []
        theirs.close()

    run(scenario())


def test_a_payload_that_makes_no_sense_loses_the_link_too(run: Run) -> None:
    """
    The reader of a frame may refuse it; nothing after it is delivered.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near = End(refuse=True)
        await near.open(ours)
        theirs.sendall(pack(Kind.READY) + pack(Kind.DRAINED))

        await near.until(lambda: bool(near.losses))

        assert [frame.kind for frame in near.frames] == [Kind.READY]
        assert str(near.losses[0]) == "that makes no sense"
        theirs.close()

    run(scenario())


def test_nothing_is_delivered_after_close(run: Run) -> None:
    """
    Whoever closes in the middle of a batch has heard enough.
    """

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        near = End()
        channels: list[Channel] = []

        def heard(frame: Frame) -> None:
            near.heard(frame)
            channels[0].close()

        channels.append(await open_channel(ours.detach(), heard, near.lost))
        theirs.sendall(pack(Kind.CLOSING) + pack(Kind.STOP))
        await near.until(lambda: bool(near.losses))

        assert [frame.kind for frame in near.frames] == [Kind.CLOSING]
        theirs.close()

    run(scenario())
