"""
A client's view of a whole set-up: old, new and Parallax between them, shared by the tests of one module.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.parts.client import Answer, Client, get
from tests.parts.origin import OK, Origin, Received, always, answer
from tests.parts.parallax import Configuration, Parallax, merged, running
from tests.parts.strict import Cut


class Scene:
    """
    Old is live and gets its script from the test; new answers every copy by itself.
    """

    def __init__(self, old: Origin, new: Origin, parallax: Parallax) -> None:
        self.old = old
        self.new = new
        self.parallax = parallax
        self._clients: list[Client] = []

    async def client(self, *, receive_buffer: int | None = None) -> Client:
        """
        A new connection to Parallax; it is closed when the test ends.
        """
        client = await self.parallax.client(receive_buffer=receive_buffer)
        self._clients.append(client)
        return client

    async def relay(self, raw: bytes, reply: bytes = OK, method: bytes = b"GET") -> tuple[Received, Answer]:
        """
        One exchange of a new client: what old got, and what the client got for old's `reply`.
        """
        client = await self.client()
        client.send(raw)
        received = await self.old.request()
        received.answer(reply)
        answer = await client.answer(method)
        return received, answer

    async def refused(
        self, *pieces: bytes, status: int | Collection[int] = 400, or_closed: bool = False, under_way: bool = False
    ) -> Answer | None:
        """
        Send `pieces` on a new connection, and check that Parallax rejects them: one answer of its own with `status`
        (or, with `or_closed`, perhaps none), then the end of the connection.

        Not one byte of it reaches an origin; with `under_way`, when the fault is in the content, a beginning may, but
        never a whole request.
        """
        wanted = {status} if isinstance(status, int) else set(status)
        client = await self.client()
        client.send(*pieces)
        answer: Answer | None = None
        try:
            answer = await client.answer(pieces[0].partition(b" ")[0])
        except Cut:
            assert or_closed, "closed without an answer"
        await client.over()
        begun = await self.canary()

        assert answer is None or answer.status in wanted, f"answered {answer.head.start!r}"
        assert answer is None or answer.value(b"proxy-status") is not None, "an answer of Parallax's own says so"
        assert answer is None or answer.value(b"connection") == b"close", "a rejection says that the connection ends"
        assert under_way or not begun, f"old got {[received.head.raw for received in begun]}"
        for received in begun:
            with pytest.raises(Cut):
                await received.whole()
        return answer

    async def canary(self) -> list[Received]:
        """
        An innocent request of another client gets its own answer. Returns the requests that reached old before it.
        """
        client = await self.client()
        client.send(get(b"/canary", b"Connection: close"))
        before = []
        while (received := await self.old.begin()).target != b"/canary":
            before.append(received)
        received.answer(answer(b"canary"))
        sung = await client.answer()

        assert bytes(sung.body) == b"canary"
        await client.over()
        return before

    def leave(self) -> None:
        """
        Close all clients.
        """
        for client in self._clients:
            client.close()
        self._clients.clear()

    async def clear(self) -> None:
        """
        End what a test left open, so that the next one starts from a quiet scene.
        """
        self.leave()
        self.old.script = self.new.script = None
        self.old.behaviour = self.new.behaviour = None
        await self.old.forget()
        await self.new.forget()
        self.new.script = always(OK)
        refused = self.old.refused + self.new.refused
        self.old.refused.clear()
        self.new.refused.clear()

        assert not refused, f"an origin got what a strict reader refuses: {refused}"


@asynccontextmanager
async def scene(configuration: Configuration, folder: Path) -> AsyncIterator[Scene]:
    """
    Old, new and a Parallax with `configuration` between them; at the end its books balance and it stops cleanly.
    """
    async with Origin() as old, Origin(always(OK)) as new:
        sides: Configuration = {"old": {"url": old.url}, "new": {"url": new.url}}
        async with running(merged(sides, configuration), folder) as parallax:
            made = Scene(old, new, parallax)
            try:
                yield made
                if parallax.process.returncode is None:
                    await parallax.settled(0)
            finally:
                made.leave()
