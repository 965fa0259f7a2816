"""
The kill file: where it appears, the latch is set. Looked at from a thread, since the disk that it lies on may hang.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from proxy.files import explain
from proxy.log import Log
from proxy.threads import Thread

LOOK_SECONDS = 0.25
# Looks in a row that an answer is missing for before that is said: 2 s.
HUNG_LOOKS = 8
LARGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """
    The file is there. Who and why, as it says itself if it does, as JSON {"by", "reason"}.
    """

    by: str
    reason: str


class KillFile:
    """
    Looks for `path` from `watch` on; `told` gets a sighting when it appears, None when it is gone. `looked` is
    set once the first look has an answer.
    """

    def __init__(self, path: Path, told: Callable[[Sighting | None], None], log: Log) -> None:
        self._path = path
        self._told = told
        self._log = log
        self.looked = asyncio.Event()
        self._there = False
        self._missed = 0
        self._trouble: str | None = None
        self._thread = Thread("look for the kill file")
        self._looking: asyncio.Future[Sighting | bool] | None = None

    def watch(self) -> None:
        """
        Look from now on, again and again.
        """
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self.watch)
        if self._looking is None:
            self._looking = self._thread.run(partial(sight, self._path, known=self._there))
            self._looking.add_done_callback(self._looked)
            return
        self._missed += 1
        if self._missed == HUNG_LOOKS:
            self._say(f"the disk has not answered for {HUNG_LOOKS * LOOK_SECONDS:g} s")

    def _looked(self, look: "asyncio.Future[Sighting | bool]") -> None:
        self._looking = None
        self._missed = 0
        if error := look.exception():
            # Neither there nor gone: what was seen last stays.
            self._say(explain(error))
        else:
            self._seen(look.result())
        self.looked.set()

    def _seen(self, seen: Sighting | bool) -> None:
        if self._trouble is not None:
            self._log.info("kill_file_watched", file=str(self._path))
            self._trouble = None
        if self._there == bool(seen):
            return
        self._there = bool(seen)
        self._told(seen if isinstance(seen, Sighting) else None)

    def _say(self, why: str) -> None:
        if why != self._trouble:
            remedy = "kill by `parallax kill` or SIGUSR1 meanwhile"
            self._log.error("kill_file_not_watched", file=str(self._path), why=why, remedy=remedy)
        self._trouble = why


def sight(path: Path, *, known: bool) -> Sighting | bool:
    """
    Whether it is there, in words if it wasn't `known`. Raises OSError when that can't be told.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if known:
        return True
    words = _read(path) if stat.S_ISREG(found.st_mode) else {}
    return Sighting(by=str(words.get("by") or "file"), reason=str(words.get("reason") or f"{path} is there"))


def _read(path: Path) -> dict[str, object]:
    # Whatever is wrong with what it holds: it is there, and that is what counts.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            words = orjson.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}
