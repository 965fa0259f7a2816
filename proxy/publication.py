"""
Tables out to the workers by way of the supervisor, and what comes back: who routes by which, who obeys the kill latch.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from proxy.admin.facts import Facts, Status
from proxy.admin.steering import Outcome
from proxy.gates.events import EventSpec
from proxy.gates.tally import check
from proxy.link.frames import Kind
from proxy.routing.intent import Intent, intent_of, with_intent
from proxy.routing.table import Table, encode

# How long an answer waits for acknowledgements.
WAIT = 2.0
# Tables whose place is remembered; a worker that is so many behind is behind.
REMEMBERED = 1000

Send = Callable[[Kind, bytes], object]


class Publication:
    """
    Begins once `facts` has a table and a status, and is the only one who makes tables from then on.
    """

    def __init__(self, facts: Facts, send: Send) -> None:
        self._facts = facts
        self._send = send
        self._news = asyncio.Event()
        self._count = 0
        # The place of each table among all that were published; the supervisor's own is the first.
        self._places: dict[tuple[int | None, str | None, str], int] = {self.table.name: 0}

    @property
    def table(self) -> Table:
        """
        What is in force, or would be without a kill.
        """
        table = self._facts.table
        assert table is not None
        return table

    @property
    def intent(self) -> Intent:
        """
        The intent in it.
        """
        return intent_of(self.table)

    @property
    def status(self) -> Status:
        """
        What the supervisor said last.
        """
        status = self._facts.status
        assert status is not None
        return status

    @property
    def place(self) -> int:
        """
        The place of what is in force.
        """
        return self._place(self.table.name)

    def lagging(self) -> tuple[str, ...]:
        """
        The living workers that don't route by what is in force yet.
        """
        return self._lagging(self.place)

    def _lagging(self, place: int) -> tuple[str, ...]:
        return tuple(worker.id for worker in self._facts.alive if self._place(worker.table) < place)

    def put(self, table: Table) -> int:
        """
        Put a table into force. Returns its place.
        """
        payload = encode(table)
        lists_changed = self._facts.take_table(payload)
        self._send(Kind.TABLE, payload)
        if lists_changed:
            self._send(Kind.ENDPOINTS, self._facts.endpoints())
        self._count += 1
        # Last in the dictionary, also if the same one was in force before.
        self._places.pop(table.name, None)
        self._places[table.name] = self._count
        if len(self._places) > REMEMBERED:
            del self._places[next(iter(self._places))]
        return self._count

    def put_intent(self, intent: Intent) -> int:
        """
        Put the same configuration into force with another intent. Returns its place.
        """
        return self.put(with_intent(self.table, intent))

    def arm(self, events: tuple[EventSpec, ...]) -> int:
        """
        Have workers count these events for as long as Parallax runs; those that they count already go on. Neither epoch
        nor digest change by it. Returns the place. Raises ValueError for more than a worker counts.
        """
        check(events, len(self.table.routes))
        return self.put(replace(self.table, events=events)) if events != self.table.events else self.place

    async def acknowledged(self, place: int, saved: "asyncio.Future[None] | None" = None) -> Outcome:
        """
        Wait until all living workers route by the table of that place or a later one, the supervisor has it on disk (or
        can't), and `saved` is done.
        """
        if saved is not None:
            saved.add_done_callback(lambda _: self.wake())

        def is_kept() -> bool:
            return self.status.unsaved is not None or self._place(self.status.saved) >= place

        await self.until(lambda: not self._lagging(place) and is_kept() and (saved is None or saved.done()))
        return Outcome(lagging=self._lagging(place))

    async def obeyed(self, *, killed: bool) -> Outcome:
        """
        Wait until all workers that serve obey the kill latch, or its end, and the supervisor has that on disk, or
        can't: what is acknowledged outlives everybody.
        """

        def lagging() -> tuple[str, ...]:
            # A worker that isn't ready serves nobody, and gets the latch before its table.
            ready = [worker for worker in self._facts.alive if worker.epoch is not None]
            is_told = self._facts.killed is killed
            return tuple(worker.id for worker in ready if not is_told or worker.killed is not killed)

        def is_kept() -> bool:
            return self.status.latch.saved or self.status.latch.unsaved is not None

        await self.until(lambda: self._facts.killed is killed and not lagging() and is_kept())
        return Outcome(lagging=lagging())

    async def until(self, holds: Callable[[], bool]) -> None:
        """
        Wait until something holds, at most `WAIT`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                while not holds():
                    await self._news.wait()

    def wake(self) -> None:
        """
        Have everybody who waits look again.
        """
        # They have this one; who begins to wait now gets another.
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _place(self, table: tuple[int | None, str | None, str]) -> int:
        return self._places.get(table, -1)
