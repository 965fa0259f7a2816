"""
Takes notices to their channels. It waits for nobody longer than it has to, and repeats neither addresses nor secrets.
"""

import asyncio
import logging
import os
import re
import threading
from pathlib import Path
from typing import Final

from proxy.notify.channel import Channel, Delivery, as_body, as_text, signature
from proxy.outward import SECONDS, Question, Silence, ask
from proxy.plan.outbox import Notice
from proxy.references import Unreadable, resolve
from proxy.threads import on_thread

# Apprise talks to mail servers too, which take their time.
APPRISE_SECONDS: Final = 30.0
# Bytes of what a webhook answers; nobody reads them.
LIMIT: Final = 4096
# What Apprise says of an HTTP answer, in its log only.
STATUS: Final = re.compile(r"\berror=(\d{3})\b")


class Post:
    """
    Files that channels name are relative to `folder`. An attempt may take `seconds`, by Apprise `apprise_seconds`.
    """

    def __init__(self, folder: Path, *, seconds: float = SECONDS, apprise_seconds: float = APPRISE_SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds
        self._apprise_seconds = apprise_seconds
        # Attempts by Apprise that nobody waits for any more, by channel. Threads can't be ended from outside, so there
        # is never a second one.
        self._hung: dict[str, asyncio.Future[Delivery]] = {}

    async def deliver(self, name: str, channel: Channel, notice: Notice) -> Delivery:
        """
        Take a notice to the channel called `name`. Raises nothing.
        """
        if channel.webhook:
            return await self._to_webhook(channel, notice)
        if not channel.apprise:
            return Delivery(how="refused", said="the channel has neither a webhook nor an Apprise URL")
        hung = self._hung.pop(name, None)
        if hung is not None and not hung.done():
            self._hung[name] = hung
            return Delivery(how="refused", said="an attempt before this one still hangs")
        return await self._by_apprise(name, channel, notice)

    async def _to_webhook(self, channel: Channel, notice: Notice) -> Delivery:
        body = as_body(notice)
        headers = {**channel.headers, "Content-Type": "application/json", "Idempotency-Key": notice.id}
        if channel.secret:
            read = on_thread("read a secret", lambda: resolve(channel.secret, self._folder, os.environ))
            try:
                headers["X-Parallax-Signature"] = signature(await asyncio.wait_for(read, self._seconds), body)
            except Unreadable as error:
                return Delivery(how="refused", said=str(error))
            except TimeoutError:
                return Delivery(how="refused", said="the disk with its secret does not answer")
        question = Question(
            url=channel.webhook,
            headers=headers,
            body=body,
            folder=self._folder,
            seconds=self._seconds,
            limit=LIMIT,
        )
        got = await ask(question)
        if isinstance(got, Silence):
            return Delivery(how="unknown" if got.is_heard else "refused", said=got.said)
        if 200 <= got.status < 300:
            return Delivery(how="sent")
        return Delivery(how="refused", said=f"it answered {got.status}")

    async def _by_apprise(self, name: str, channel: Channel, notice: Notice) -> Delivery:
        call = on_thread("apprise", lambda: _notify(channel.apprise, self._folder, notice))
        done, _ = await asyncio.wait({call}, timeout=self._apprise_seconds)
        if not done:
            self._hung[name] = call
            return Delivery(how="unknown", said=f"Apprise was not done within {self._apprise_seconds:g} s")
        return call.result()


class Heard(logging.Handler):
    """
    Of what Apprise logs on this thread, the last HTTP status. The rest names hosts.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.status = ""

    def emit(self, record: logging.LogRecord) -> None:
        """
        Called by `logging`.
        """
        if record.thread == self._thread and (found := STATUS.search(record.getMessage())):
            self.status = found[1]


def _notify(url: str, folder: Path, notice: Notice) -> Delivery:
    # Apprise takes long to import, and where no channel needs it, it isn't.
    import apprise

    log = logging.getLogger("apprise")
    log.propagate = False
    heard = Heard()
    log.addHandler(heard)
    try:
        # With a time limit of its own it would take threads of its own, which keep a process that wants to end.
        there = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, service_timeout=0))
        if not there.add(resolve(url, folder, os.environ)):
            return Delivery(how="refused", said="Apprise does not know what to do with its URL")
        if there.notify(body=as_text(notice), title=notice.subject, body_format=apprise.NotifyFormat.TEXT):
            return Delivery(how="sent")
    except Unreadable as error:
        return Delivery(how="refused", said=str(error))
    except Exception as error:  # noqa: BLE001 - a hundred plugins, each with errors of its own
        return Delivery(how="unknown", said=f"Apprise failed ({type(error).__name__})")
    finally:
        log.removeHandler(heard)
    if heard.status:
        return Delivery(how="refused", said=f"it answered {heard.status}")
    # It tells nobody whether it was refused or got no answer.
    return Delivery(how="unknown", said="Apprise could not deliver it")
