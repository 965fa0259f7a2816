"""
Which writes have been copied: to each idempotency key the supervisor says yes once, and has it on file before.

A key is 16 bytes (`routing/writes.digest`). Those of the last day at least are remembered, or the last half a million
if there were more: in two generations, the older of which is forgotten when the newer is full or a day old. The file
`claims` is the newer and `claims.before` the older one: a head with the second in which it began, then keys.

Written by a thread, several at a time, and nobody is answered before. Not synced: a key survives whatever processes
are killed, not a machine that fails within half a minute of it (the kernel's writeback). What can't be written is not
granted: a copy that isn't made is better than one that is made twice.
"""

import errno
import os
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from struct import Struct
from typing import Final

from proxy.clock import time
from proxy.files import explain, set_aside
from proxy.log import Log
from proxy.threads import Thread

CLAIMS: Final = "claims"
SIZE: Final = 16
# "claims", version 1, and the second in which a generation began.
HEAD: Final = Struct(">8sQ")
MAGIC: Final = b"claims\0\1"
# Two generations in memory take 100 MB at most, and 16 MB on disk.
GENERATION: Final = 500_000
SECONDS: Final = 86_400.0

Answer = Callable[[bool], object]


class Generation:
    """
    Keys in a file, or only in memory without one. `append` blocks: it is for one thread.
    """

    def __init__(self, path: Path | None, born: float) -> None:
        self.path = path
        self.born = born
        self.keys: set[bytes] = set()
        # Where the next key goes: what was written half is written over.
        self.end = 0

    def append(self, keys: bytes) -> None:
        """
        Write whole keys. Raises OSError: then none of them counts.
        """
        if self.path is None:
            return
        data = keys if self.end else HEAD.pack(MAGIC, int(self.born)) + keys
        make = 0 if self.end else os.O_CREAT | os.O_TRUNC
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | make, 0o600)
        except FileNotFoundError:
            # Somebody has taken it away: the next ones go into another.
            self.end = 0
            raise
        try:
            written = os.pwrite(descriptor, data, self.end)
        finally:
            os.close(descriptor)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.end += written


class Claims:
    """
    All of them. Without files, what was granted is known until the supervisor ends.
    """

    def __init__(
        self, newer: Generation | None = None, older: AbstractSet[bytes] = frozenset(), log: Log | None = None
    ) -> None:
        self._newer = newer or Generation(None, time())
        self._older = older
        self._log = log
        self._thread = Thread("claims")
        self._waiting: list[tuple[bytes, Answer]] = []
        self._writing = False
        self._error = ""

    def ask(self, key: bytes, answer: Answer) -> None:
        """
        Claim a key: `answer` gets True if nobody did before, once that is on file; False if somebody did, or it can't
        be written. Never waits.
        """
        if key in self._newer.keys or key in self._older:
            answer(False)
            return
        self._newer.keys.add(key)
        self._waiting.append((key, answer))
        if not self._writing:
            self._write()

    def _write(self) -> None:
        if len(self._newer.keys) > GENERATION or time() - self._newer.born > SECONDS:
            self._turn()
        batch, self._waiting = self._waiting, []
        self._writing = True
        newer, keys = self._newer, b"".join(key for key, _ in batch)
        done = self._thread.run(partial(newer.append, keys))
        done.add_done_callback(lambda future: self._written(newer, batch, future.exception()))

    def _written(self, newer: Generation, batch: list[tuple[bytes, Answer]], error: BaseException | None) -> None:
        self._writing = False
        if error is not None:
            newer.keys.difference_update(key for key, _ in batch)
        self._tell("" if error is None else explain(error))
        for _, answer in batch:
            answer(error is None)
        if self._waiting and not self._writing:
            self._write()

    def _turn(self) -> None:
        """
        Begin another generation, with those that wait to be written. Renaming waits for no data.
        """
        newer, waiting = self._newer, {key for key, _ in self._waiting}
        if newer.path is not None and newer.end:
            try:
                newer.path.replace(before(newer.path))
            except OSError as error:
                # All stay in the one that there is.
                self._tell(explain(error))
                newer.born = time()
                return
        newer.keys -= waiting
        self._older = newer.keys
        self._newer = Generation(newer.path, time())
        self._newer.keys = waiting

    def _tell(self, why: str) -> None:
        if self._log is not None and why != self._error:
            if why:
                remedy = "let this user write there; until then no write is copied by `writes: mirror`"
                self._log.error("claims_not_saved", file=str(self._newer.path), why=why, remedy=remedy)
            else:
                self._log.info("claims_saved", file=str(self._newer.path))
        self._error = why


def before(path: Path) -> Path:
    """
    Where the older generation is.
    """
    return path.with_name(f"{path.name}.before")


def find_claims(path: Path, log: Log) -> Claims:
    """
    What a predecessor granted. Blocks, for a second if it is a million keys.
    """
    older, newer = _read(before(path), log), _read(path, log)
    newer.path = path
    return Claims(newer, older.keys, log)


def _read(path: Path, log: Log) -> Generation:
    """
    One generation; what can't be read is moved aside, said loudly, and forgotten.
    """
    data: bytes | None
    why = "it is no list of claims"
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        data = b""
    except OSError as error:
        data, why = None, explain(error)
    if data is not None and MAGIC.startswith(data[: len(MAGIC)]) and len(data) < HEAD.size:
        # Not there, or its writer was killed at the very first bytes.
        return Generation(path, time())
    if data is not None and data.startswith(MAGIC):
        found = Generation(path, float(HEAD.unpack_from(data)[1]))
        # What a killed writer left half written counts for nothing: it was never granted.
        found.end = len(data) - (len(data) - HEAD.size) % SIZE
        found.keys = {data[at : at + SIZE] for at in range(HEAD.size, found.end, SIZE)}
        return found
    fate = set_aside(path)
    remedy = "writes that clients repeat now may be copied again; look at what changed the file"
    log.error("claims_lost", file=str(path), why=why, fate=fate, remedy=remedy)
    return Generation(path, time())
