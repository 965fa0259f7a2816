"""
A client's view of a whole set-up: old, new and Parallax between them, shared by the tests of one module.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from tests.parts.client import Answer, Client, get
from tests.parts.origin import OK, Origin, always
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

    async def refused(
        self, *pieces: bytes, status: int | Collection[int] = 400, or_closed: bool = False
    ) -> Answer | None:
        """
        Send `pieces` on a new connection, and check that Parallax rejects them: a final answer of its own with `status`
        (or, with `or_closed`, none), the connection closed, and not one byte of it at an origin.
        """
        wanted = {status} if isinstance(status, int) else set(status)
        before = (len(self.old.requests), len(self.new.requests))
        client = await self.client()
        client.send(*pieces)
        answer: Answer | None = None
        try:
            answer = await client.answer(pieces[0].partition(b" ")[0])
        except Cut:
            assert or_closed, "closed without an answer"
        await client.over()
        # What a client asks next is forwarded after anything that might have been forwarded of the above.
        await self.canary()
        after = (len(self.old.requests) - 1, len(self.new.requests))

        assert answer is None or answer.status in wanted, f"answered {answer.head.start!r}"
        assert answer is None or answer.value(b"proxy-status") is not None, "an answer of Parallax's own says so"
        assert answer is None or answer.value(b"connection") == b"close", "a rejection says that the connection ends"
        assert after[0] == before[0], f"old got {[received.head.raw for received in self.old.requests[before[0] :]]}"
        assert not self.old.refused, self.old.refused
        return answer

    async def canary(self) -> None:
        """
        An innocent request of another client gets its own answer.
        """
        client = await self.client()
        script, self.old.script = self.old.script, always(OK)
        answer = await client.ask(get(b"/canary", b"Connection: close"))
        self.old.script = script

        assert answer.status == 200
        assert bytes(answer.body) == b"ok"
        await client.over()
        # The canary is nobody's business: a test takes only its own requests.
        taken = await self.old.begin()
        assert taken.target == b"/canary"

    async def clear(self) -> None:
        """
        End what a test left open, so that the next one starts from a quiet scene.
        """
        for client in self._clients:
            client.close()
        self._clients.clear()
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
            yield Scene(old, new, parallax)
            await parallax.settled(0)
