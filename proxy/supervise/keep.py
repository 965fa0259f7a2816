"""
A file that follows the newest bytes and is whole at any instant, whoever is killed and whatever the disk does.
"""

import asyncio
import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

from proxy.files import explain, write_whole
from proxy.log import Log
from proxy.threads import Thread

RETRY_SECONDS = 3.0
# A write that takes longer is told as trouble: whoever changed something waits for it.
SLOW_SECONDS = 1.0

REMEDIES = {
    errno.ENOSPC: "free space there",
    errno.EDQUOT: "free space there",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
    errno.EROFS: "mount it writable",
}


class Keeper:
    """
    Keeps `path` at the newest bytes. One write at a time, in a thread; of several that wait, the newest is written.

    `saved` is what lies on disk, None before the first write; `error` what hinders, None when nothing does. What can't
    be written is tried again every few seconds. `changed` is called when either of them changed.
    """

    def __init__(self, path: Path, log: Log, changed: Callable[[], None]) -> None:
        self.path = path
        self.saved: bytes | None = None
        self.error: str | None = None
        self._log = log
        self._changed = changed
        self._wanted: bytes | None = None
        self._thread = Thread(f"keep {path.name}")
        self._writing: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        """
        Whether a write is under way that may still come to its end.
        """
        return self._writing is not None

    def keep(self, data: bytes) -> None:
        """
        Write this, now or after what is being written. Never waits.
        """
        self._wanted = data
        self._begin()

    def _begin(self) -> None:
        if self._writing is not None or self._wanted is None:
            return
        data, self._wanted = self._wanted, None
        self._set_timer(SLOW_SECONDS, self._slow)
        self._writing = self._thread.run(partial(write_whole, self.path, data))
        self._writing.add_done_callback(partial(self._done, data))

    def _set_timer(self, seconds: float, call: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _slow(self) -> None:
        self._trouble(f"the disk has not answered for {SLOW_SECONDS:g} s", "look at the disk")

    def _done(self, data: bytes, written: "asyncio.Future[None]") -> None:
        self._writing = None
        self._stop_timer()
        error = written.exception()
        if error is None:
            self.saved = data
            if self.error is not None:
                self.error = None
                self._log.info("state_saved", file=str(self.path))
            self._changed()
            self._begin()
            return
        self._trouble(explain(error), REMEDIES.get(getattr(error, "errno", None) or 0, "look at the disk"))
        if self._wanted is not None:
            self._begin()
        else:
            self._wanted = data
            self._set_timer(RETRY_SECONDS, self._begin)

    def _trouble(self, why: str, remedy: str) -> None:
        if self.error is None:
            self._log.error("state_not_saved", file=str(self.path), why=why, remedy=remedy, retry_every=RETRY_SECONDS)
        if self.error != why:
            self.error = why
            self._changed()
