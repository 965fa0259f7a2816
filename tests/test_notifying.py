"""
Notices until they have arrived: a real store, real receivers, and whatever goes wrong between them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from proxy import notifying
from proxy.clock import time
from proxy.ledger import Ledger, Unkept
from proxy.notify.channel import REPEAT, Channel, Delivery
from proxy.notifying import Notifier
from proxy.plan.outbox import Notice, NoticeState, begun
from proxy.store.audit import Entry
from proxy.store.store import Store
from tests.parts.outside import Asked, Does, Outside, outside
from tests.parts.told import a_notice

PATIENCE = 30.0
Result = TypeVar("Result")


class Watched(Ledger):
    """
    A ledger that says when something was written, or read.
    """

    def __init__(self, url: str, owner: "Office") -> None:
        super().__init__(url, owner)
        self._office = owner

    async def write(self, call: Callable[[Store], Entry | None], *, epoch: int | None = None) -> None:
        """
        See `Ledger`.
        """
        await super().write(call, epoch=epoch)
        self._office.news.set()

    async def read(self, call: Callable[[Store], Result]) -> Result:
        """
        See `Ledger`.
        """
        found = await super().read(call)
        # Whoever asked has it before those who wait for news.
        asyncio.get_running_loop().call_soon(self._office.news.set)
        return found


class Office:
    """
    A notifier with its store, and what it logs.
    """

    def __init__(self, url: str) -> None:
        self.store = Store.open(url).store
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.news = asyncio.Event()
        self.ledger = Watched(url, self)
        self.notifier = Notifier(self.ledger, self.tell, pause=lambda _attempts, _roll: 0.01)

    def opened(self, stored: object, trouble: str | None) -> None:
        """
        See `ledger.Owner`.
        """

    def written(self, line: dict[str, Any]) -> None:
        """
        See `ledger.Owner`.
        """

    def tell(self, _level: str, event: str, /, **fields: Any) -> None:
        """
        See `ledger.Owner`.
        """
        self.events.append((event, fields))
        self.news.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """
        Wait until something holds, looking whenever something was written or told.
        """
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def seen(self, holds: Callable[[tuple[Notice, ...]], bool]) -> None:
        """
        Wait until what the notifier knows to wait is so.
        """
        await self.until(lambda: self.notifier.waiting is not None and holds(self.notifier.waiting))

    async def settled(self) -> list[Notice]:
        """
        All notices, once nothing is left to be sent.
        """
        await self.until(lambda: not self.store.notices())
        return self.store.notices(settled=True)


@asynccontextmanager
async def office(folder: Path, *notices: Notice) -> AsyncIterator[Office]:
    """
    One that has begun, with notices in its store.
    """
    opened = Office(f"sqlite:///{folder}/parallax.db")
    opened.store.put_notices(notices)
    opened.ledger.start()
    await opened.ledger.settled()
    opened.notifier.start()
    try:
        yield opened
    finally:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        opened.store.close()


def ids(there: Outside) -> list[str]:
    """
    What came, by number.
    """
    return [asked.headers["Idempotency-Key"] for asked in there.asked]


async def test_each_goes_to_its_channel_once_and_in_order(tmp_path: Path) -> None:
    """
    Nothing before it is known where channels are; what comes later when it is told of.
    """
    made = [a_notice(f"{channel}{number}", channel) for number in range(5) for channel in "ab"]
    async with outside() as one, outside() as other, office(tmp_path, *made) as here:
        here.notifier.use({"a": Channel(webhook=one.url), "b": Channel(webhook=other.url)}, tmp_path)
        await here.settled()
        here.store.put_notices([a_notice("a5", "a")])
        here.notifier.wake()
        settled = await here.settled()

    assert ids(one) == [f"a{number}" for number in range(6)]
    assert ids(other) == [f"b{number}" for number in range(5)]
    assert {notice.state for notice in settled} == {NoticeState.SENT}
    assert here.events == []


async def test_one_is_sent_until_it_arrives_under_the_same_number(tmp_path: Path) -> None:
    """
    What is behind it waits. It is logged once, by what it is and not where it goes.
    """
    answers: list[Does] = [500, "reset", 200, 200]
    async with (
        outside(lambda _: answers.pop(0)) as there,
        office(tmp_path, a_notice("n1", since=time()), a_notice("n2")) as here,
    ):
        here.notifier.use({"ops": Channel(webhook=there.url)}, tmp_path)
        first, _ = await here.settled()

    assert ids(there) == ["n1", "n1", "n1", "n2"]
    assert (first.attempts, first.doubtful, first.said) == (3, True, "")
    assert here.events == [
        ("notice_undelivered", {"notice": "n1", "about": "rollback", "channel": "ops", "reason": "it answered 500"})
    ]


async def test_a_channel_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """
    Each has one attempt under way, and no more.
    """
    made = [a_notice("a1", "a"), a_notice("a2", "a"), a_notice("b1", "b"), a_notice("b2", "b")]
    async with outside("hang") as stuck, outside() as there, office(tmp_path, *made) as here:
        here.notifier.use({"a": Channel(webhook=stuck.url), "b": Channel(webhook=there.url)}, tmp_path)
        async with asyncio.timeout(PATIENCE):
            await stuck.until(lambda: bool(stuck.asked))
            await there.until(lambda: len(there.asked) == 2)

        assert ids(stuck) == ["a1"]
        assert ids(there) == ["b1", "b2"]


async def test_what_waits_is_known_and_so_is_that_it_is_not(tmp_path: Path) -> None:
    """
    The next advance waits for what must be delivered: also for what was put just now, and nobody has looked at yet.
    """
    async with outside() as there, office(tmp_path, a_notice("n1", must=True)) as here:
        assert here.notifier.waiting is None
        await here.seen(lambda waiting: [notice.id for notice in waiting] == ["n1"])
        here.notifier.use({"ops": Channel(webhook=there.url)}, tmp_path)
        await here.seen(lambda waiting: not waiting)
        here.store.put_notices([a_notice("n2", must=True)])
        here.notifier.wake()
        assert here.notifier.waiting is None
        await here.seen(lambda waiting: not waiting)

    assert ids(there) == ["n1", "n2"]


async def test_one_that_nobody_wants_is_given_up_after_a_day(tmp_path: Path) -> None:
    """
    `since` says so; what is behind it goes on.
    """

    def refuses(asked: Asked) -> Does:
        return 500 if asked.headers["Idempotency-Key"] == "n1" else 200

    async with outside(refuses) as there, office(tmp_path, a_notice("n1"), a_notice("n2")) as here:
        here.notifier.use({"ops": Channel(webhook=there.url)}, tmp_path)
        settled = await here.settled()

    assert [notice.state for notice in settled] == [NoticeState.FAILED, NoticeState.SENT]
    assert [event for event, _ in here.events] == ["notice_given_up"]


async def test_a_channel_that_is_gone_refuses(tmp_path: Path) -> None:
    """
    The plan was changed; and it may be there again.
    """
    async with outside() as there, office(tmp_path, a_notice("n1", must=True)) as here:
        here.notifier.use({}, tmp_path)
        await here.until(lambda: here.events)
        here.notifier.use({"ops": Channel(webhook=there.url)}, tmp_path)
        await here.settled()

    assert here.events[0][1]["reason"] == "there is no such channel any more"
    assert ids(there) == ["n1"]


async def test_one_that_was_marked_when_a_predecessor_died_may_be_a_repeat(tmp_path: Path) -> None:
    """
    A webhook gets the same number and the same bytes; people are told.
    """
    hook, chat = begun(a_notice("n1", "hook")), begun(a_notice("n2", "chat"))
    async with outside() as there, office(tmp_path, hook, chat) as here:
        address = there.url.removeprefix("http://")
        channels = {"hook": Channel(webhook=there.url), "chat": Channel(apprise=f"json://{address}")}
        here.notifier.use(channels, tmp_path)
        await here.settled()

    texts = {asked.headers.get("Idempotency-Key", ""): asked.json for asked in there.asked}
    assert texts["n1"]["text"] == hook.text
    assert texts[""]["message"] == f"{chat.text}\n\n{REPEAT}"


async def test_while_the_store_cannot_be_written_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Or nobody could tell afterwards that it was. It goes on when it can.
    """
    monkeypatch.setattr(notifying, "AGAIN", 0.01)
    async with outside() as there, office(tmp_path, a_notice("n1")) as here:
        real, tries = here.ledger.write, 0

        async def fails(call: Callable[[Store], Any], **named: Any) -> None:
            nonlocal tries
            tries += 1
            # The first two are of marking it; once it is sent, two are of settling it.
            if tries in (1, 2, 4, 5):
                assert len(there.asked) == (0 if tries < 3 else 1)
                raise Unkept("the disk is full")
            await real(call, **named)

        monkeypatch.setattr(here.ledger, "write", fails)
        here.notifier.use({"ops": Channel(webhook=there.url)}, tmp_path)
        [settled] = await here.settled()

    assert ids(there) == ["n1"]
    assert tries == 6
    assert settled.state == NoticeState.SENT


async def test_channels_can_be_tried_at_once_and_nothing_is_kept(tmp_path: Path) -> None:
    """
    Before a plan starts: each says whether it took a test.
    """
    async with outside() as there, outside(500) as broken, office(tmp_path) as here:
        here.notifier.use({"ops": Channel(webhook=there.url), "status": Channel(webhook=broken.url)}, tmp_path)
        got = await here.notifier.attempt([a_notice("t1", "ops"), a_notice("t2", "status"), a_notice("t3", "gone")])

        assert got == {"ops": Delivery(how="sent"), "status": Delivery(how="refused", said="it answered 500")}
        assert here.store.notices(settled=True) == []
    assert ids(there) == ["t1"]
