"""
Sends what is kept to be told: each notice until it has arrived, one at a time to each channel, in their order.

A notice is marked in the store before it is sent and settled after that. So whoever dies in between leaves a marked
one, and the successor sends it again under the same number. While the store can't be written, nothing is sent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from random import random
from typing import Any, Final, Protocol

from proxy.clock import time
from proxy.ledger import Ledger, Unkept
from proxy.notify.channel import Channel, Delivery
from proxy.notify.post import Post
from proxy.plan.outbox import Notice, NoticeState, begun, delivered, due, failed, pause, until_due
from proxy.tasks import spawn

# From one try to the next while the store doesn't answer.
AGAIN: Final = 1.0
# From one look to the next when there is nothing to do: notices are put by those who wake us.
LOOK_SECONDS: Final = 60.0


class Deliverer(Protocol):
    """
    Who takes notices to channels: `notify.post.Post`.
    """

    async def deliver(self, name: str, channel: Channel, notice: Notice) -> Delivery:
        """
        What came of an attempt. Raises nothing.
        """


class Notifier:
    """
    Sends what the store has, once it was told by `use` where channels are. `tell` logs. `waiting` are those that were
    not sent yet when it last looked, None when more may be by now: at first, and after `wake` until it has looked.
    """

    def __init__(
        self,
        ledger: Ledger,
        tell: Callable[..., None],
        *,
        pause: Callable[[int, float], float] = pause,
    ) -> None:
        self._ledger = ledger
        self._tell = tell
        self._pause = pause
        self._channels: Mapping[str, Channel] = {}
        self._post: Deliverer | None = None
        self._busy: set[str] = set()
        self._news = asyncio.Event()
        self._wakes = 0
        self.waiting: tuple[Notice, ...] | None = None

    def start(self) -> None:
        """
        Begin, in the background.
        """
        spawn(self._work(), name="notices")

    def use(self, channels: Mapping[str, Channel], folder: Path, post: Deliverer | None = None) -> None:
        """
        Send to these channels from now on. Files that they name are relative to `folder`.
        """
        self._channels = channels
        self._post = post or Post(folder)
        self._news.set()

    def wake(self) -> None:
        """
        Look now: notices were put into the store.
        """
        self._wakes += 1
        self.waiting = None
        self._news.set()

    async def attempt(self, notices: Iterable[Notice]) -> dict[str, Delivery]:
        """
        Take these to their channels once, now and all at a time, without keeping them: what came of it, by channel. For
        tests of channels, of which there is one each.
        """
        post = self._post
        assert post is not None, "`use` comes first"
        made = {notice.channel: notice for notice in notices if notice.channel in self._channels}
        got = await asyncio.gather(*(post.deliver(name, self._channels[name], notice) for name, notice in made.items()))
        return dict(zip(made, got, strict=True))

    async def _work(self) -> None:
        while True:
            self._news.clear()
            try:
                wait = await self._look()
            except Unkept:
                wait = AGAIN
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the telling
                self._tell("error", "notices_failed", error=type(error).__name__)
                wait = AGAIN
            # Not `wait_for`, which loses a cancellation that comes together with news (CPython before 3.12).
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    async def _look(self) -> float:
        """
        Begin to send what is due. Returns when to look again, in seconds.
        """
        # Who is done meanwhile is still in what was read; who was put meanwhile may not be.
        busy, wakes = frozenset(self._busy), self._wakes
        waiting = tuple(await self._ledger.read(lambda store: store.notices()))
        self.waiting = waiting if wakes == self._wakes else None
        if self._post is None:
            return LOOK_SECONDS
        now = time()
        for notice in due(waiting, now, busy):
            self._busy.add(notice.channel)
            spawn(self._send(notice, self._post), name=f"notice to {notice.channel}", on_error=self._broke)
        wait = until_due(waiting, now, self._busy)
        return LOOK_SECONDS if wait is None else min(wait, LOOK_SECONDS)

    async def _send(self, notice: Notice, post: Deliverer) -> None:
        try:
            marked = begun(notice)
            try:
                await self._ledger.write(lambda store: store.mark_notice(marked))
            except Unkept:
                await asyncio.sleep(AGAIN)
                return
            channel = self._channels.get(notice.channel)
            if channel is None:
                got = Delivery(how="refused", said="there is no such channel any more")
            else:
                got = await post.deliver(notice.channel, channel, marked)
            await self._settle(self._after(marked, got))
        finally:
            self._busy.discard(notice.channel)
            self._news.set()

    def _after(self, notice: Notice, got: Delivery) -> Notice:
        if got.how == "sent":
            return delivered(notice)
        again = self._pause(notice.attempts, random())
        after = failed(notice, got.said, time(), again, maybe=got.how == "unknown")
        if after.state == NoticeState.FAILED or notice.attempts == 1:
            event = "notice_given_up" if after.state == NoticeState.FAILED else "notice_undelivered"
            self._tell("warning", event, **_named(after))
        return after

    async def _settle(self, notice: Notice) -> None:
        # Until that is kept nothing else goes there, or it would be sent again.
        while True:
            try:
                await self._ledger.write(lambda store: store.mark_notice(notice))
            except Unkept:
                await asyncio.sleep(AGAIN)
            else:
                return

    def _broke(self, error: BaseException) -> None:
        self._tell("error", "notices_failed", error=type(error).__name__)


def _named(notice: Notice) -> dict[str, Any]:
    return {"notice": notice.id, "about": notice.event, "channel": notice.channel, "reason": notice.said}
