"""
The store as steering uses it: one call after the other on one thread, and nobody waits longer than `PATIENCE`.

There are two ways to write. `save` comes before traffic moves: it is done, or refused in time. `keep` comes after
traffic has moved, or tells of what can't be taken back, such as a kill: it is tried until it succeeds.

A disk that hangs holds up that thread and nothing else. `save` is refused then and `keep` goes on waiting. What was
being written when `save` gave up may still get there, which is `Unkept.maybe`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from proxy.admin.steering import Who
from proxy.clock import monotonic, timestamp
from proxy.errors import ParallaxError, StoreError
from proxy.routing.intent import Intent
from proxy.store.audit import Entry
from proxy.tasks import spawn
from proxy.threads import Thread, on_thread

if TYPE_CHECKING:
    from proxy.store.store import Store

# A disk that is shared with busy neighbours takes seconds now and then; what hangs, hangs for longer.
PATIENCE = 5.0
READING_PATIENCE = 5.0
# Between two tries: of what must be kept, of opening, and of making a broken store anew.
AGAIN, OPEN_AGAIN, REOPEN_AGAIN = 1.0, 5.0, 60.0
# Lines that anybody can cause, such as failed sign-ins, and that wait for a store that doesn't write.
MOST_NOTES = 1000

# Refusals after which it isn't known what the store holds: a disk that failed, and an epoch that we knew nothing of.
UNKNOWN = frozenset({"other", "stale"})

PARALLAX = Who(name="parallax", role="", peer="")

_Result = TypeVar("_Result")


class Unkept(ParallaxError):
    """
    It was not saved; `str()` says why. `maybe`: it was being written when that was given up, and may be saved yet.
    """

    def __init__(self, said: str, *, maybe: bool = False) -> None:
        super().__init__(said)
        self.maybe = maybe


class Owner(Protocol):
    """
    Whose ledger it is.
    """

    def opened(self, stored: Intent | None, trouble: str | None) -> None:
        """
        From now on, or again, the store can be used: the newest intent in it, and what was wrong with what was there.
        """

    def written(self, line: dict[str, Any]) -> None:
        """
        A line of the audit is saved.
        """

    def tell(self, level: str, event: str, /, **fields: Any) -> None:
        """
        Log it.
        """


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """
    One call that writes. `done` ends with None, or with the `Unkept` of a job that isn't `kept`.
    """

    call: "Callable[[Store], Entry | None]"
    kept: bool
    epoch: int | None = None
    begun: bool = False
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Ledger:
    """
    `intact`: whether the audit is what was once written, None while that isn't known.
    """

    def __init__(self, url: str, owner: Owner) -> None:
        self._url = url
        self._owner = owner
        self._store: Store | None = None
        self._thread = Thread("store")
        self._jobs: deque[Job] = deque()
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._called_at: float | None = None
        self._reopened_at: float | None = None
        self._failure: str | None = None
        self._notes_lost = 0
        self.intact: bool | None = None

    def start(self) -> None:
        """
        Open the store and begin to write, in the background.
        """
        spawn(self._work(), name="ledger")

    @property
    def trouble(self) -> str | None:
        """
        Why nothing can be written at present, in a sentence.
        """
        if (
            self._failure is None
            and self._called_at is not None
            and (since := monotonic() - self._called_at) > PATIENCE
        ):
            return f"the store has not answered for {since:.0f} s: look at its disk"
        return self._failure

    @property
    def is_open(self) -> bool:
        """
        Whether it is known what the store holds.
        """
        return self._store is not None

    async def settled(self) -> None:
        """
        Wait until the store is open or can't be opened, at most `PATIENCE`.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), PATIENCE)

    @property
    def unsaved(self) -> int | None:
        """
        The newest epoch that was given to `keep` and isn't saved yet.
        """
        return max((job.epoch for job in self._jobs if job.kept and job.epoch is not None), default=None)

    # Writing...

    async def save(self, intent: Intent, entry: Entry) -> None:
        """
        Save an intent and the line that says why. Raises `Unkept`, at once when it is known that nothing gets there.
        """
        await self.write(lambda store: store.save(intent, entry), epoch=intent.epoch)

    async def write(self, call: "Callable[[Store], Entry | None]", *, epoch: int | None = None) -> None:
        """
        As `save`, whatever `call` does with the store.
        """
        if self.trouble is not None and (self._store is None or self._failure is None):
            raise Unkept(self.trouble)
        job = Job(call=call, kept=False, epoch=epoch)
        self._put(job)
        await asyncio.wait({job.done}, timeout=PATIENCE)
        if not job.done.done():
            # What hasn't begun never will. What has may get there, whatever we say now.
            if not job.begun:
                self._jobs.remove(job)
            job.done.cancel()
            raise Unkept(self.trouble or "the store is busy", maybe=job.begun)
        job.done.result()

    def keep(self, intent: Intent | None, entry: Entry) -> "asyncio.Future[None]":
        """
        Save a line, and the intent that it tells of if there is one, as soon as possible; done once that is so.
        """
        epoch = None if intent is None else intent.epoch
        job = Job(call=lambda store: _save(store, intent, entry), kept=True, epoch=epoch)
        self._put(job)
        return job.done

    def keep_call(self, call: "Callable[[Store], Entry | None]") -> "asyncio.Future[None]":
        """
        As `keep`, whatever `call` does with the store.
        """
        job = Job(call=call, kept=True)
        self._put(job)
        return job.done

    async def keep_now(self, entry: Entry) -> None:
        """
        `keep` a line, and wait for it, at most `PATIENCE`.
        """
        await asyncio.wait({self.keep(None, entry)}, timeout=PATIENCE)

    def keep_found(self, intent: Intent, entry_of: Callable[[Intent | None], Entry]) -> None:
        """
        `keep` an intent that was found in force, unless the store turns out to know it; `entry_of` what it knows is the
        line for it.
        """
        self._put(Job(call=lambda store: _save_found(store, intent, entry_of), kept=True, epoch=intent.epoch))

    def keep_latch(self, number: int, entry: Entry) -> None:
        """
        Save the line of a change of the kill latch, if no predecessor has.
        """
        self._put(Job(call=lambda store: _save_latch(store, number, entry), kept=True))

    def note(self, entry: Entry) -> None:
        """
        `keep` a line that anybody can cause: too many of them are counted and left out.
        """
        if len(self._jobs) >= MOST_NOTES:
            self._notes_lost += 1
        else:
            self.keep(None, entry)

    def _put(self, job: Job) -> None:
        self._jobs.append(job)
        self._news.set()

    # ... reading...

    async def entries(self, limit: int, before: int | None) -> list[dict[str, Any]]:
        """
        The newest lines of the audit before the number `before`. Raises `Unkept` when they can't be read.
        """
        return [asdict(entry) for entry in await self.read(lambda store: store.entries(limit, before))]

    async def read(self, call: "Callable[[Store], _Result]") -> _Result:
        """
        What a call that reads returns. Raises `Unkept` when it can't be read.
        """
        store = self._store
        if store is None:
            raise Unkept(self.trouble or "the store is being opened")
        try:
            # Not `wait_for`, which loses a cancellation that comes together with the answer (CPython before 3.12).
            async with asyncio.timeout(READING_PATIENCE):
                return await self._thread.run(lambda: call(store))
        except TimeoutError:
            raise Unkept(self.trouble or "the store does not answer") from None
        except StoreError as error:
            raise Unkept(str(error)) from error

    # ... and what goes on behind it.

    async def _work(self) -> None:
        store = await self._open()
        while True:
            if not self._jobs:
                self._news.clear()
                await self._news.wait()
            job = self._jobs[0]
            job.begun = True
            try:
                line = await self._call(lambda job=job: job.call(store))  # type: ignore[misc]
            except StoreError as error:
                await self._refused(store, job, error)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not stop the lines behind this one
                self._owner.tell("error", "ledger_failed", error=type(error).__name__, epoch=job.epoch)
                self._end(job, Unkept("Parallax failed to save it; its log says more"))
            else:
                self._end(job)
                self._is_well()
                if line is not None:
                    self._owner.written(asdict(line))

    async def _open(self) -> "Store":
        while True:
            try:
                store, stored, trouble = await self._call(lambda: _begin(self._url))
            except StoreError as error:
                self._fails(error, because=None)
                await self._pause(OPEN_AGAIN)
            except Exception as error:  # noqa: BLE001 - nor must it leave everybody waiting for a store that never opens
                said = f"Parallax failed to open the store ({type(error).__name__}: {error})"
                self._fails(StoreError("other", said), because=None)
                await self._pause(OPEN_AGAIN)
            else:
                self._store = store
                self._is_well()
                self._opened(store, stored, trouble)
                return store

    def _opened(self, store: "Store", stored: Intent | None, trouble: str | None) -> None:
        if trouble is not None:
            self._owner.tell("error", "store_renewed", reason=trouble)
        self._owner.opened(stored, trouble)
        self._settled.set()
        spawn(self._verify(store), name="verify the audit")

    async def _verify(self, store: "Store") -> None:
        # On a thread of its own: it reads everything there is, and reading doesn't disturb writing.
        try:
            broken = await on_thread("verify the audit", store.verify)
        except StoreError as error:
            self._owner.tell("warning", "audit_unverified", reason=str(error))
            return
        self.intact = broken is None
        if broken is not None:
            remedy = "somebody changed the store by hand; lines before this one are as they were written"
            self._owner.tell("error", "audit_broken", line=broken, remedy=remedy)

    async def _refused(self, store: "Store", job: Job, error: StoreError) -> None:
        if error.kind == "corrupt" and await self._reopen(store, error):
            return
        self._fails(error, because=job)
        if job.kept:
            await self._pause(AGAIN)

    def _fails(self, error: StoreError, *, because: Job | None) -> None:
        if str(error) != self._failure:
            self._owner.tell("error", "store_fails", reason=str(error), kind=error.kind)
        self._failure = str(error)
        self._settled.set()
        # Who can be told no is told now, and not after all that waits before him.
        for job in [job for job in self._jobs if not job.kept]:
            self._end(job, Unkept(str(error), maybe=job is because and error.kind in UNKNOWN))

    def _is_well(self) -> None:
        if self._failure is not None:
            self._owner.tell("info", "store_well")
        self._failure = None
        if self._notes_lost:
            self._owner.tell("warning", "audit_lines_lost", lines=self._notes_lost)
            self._notes_lost = 0

    async def _reopen(self, store: "Store", why: StoreError) -> bool:
        """
        Begin a broken store anew; False when that is in vain.
        """
        if self._reopened_at is not None and monotonic() - self._reopened_at < REOPEN_AGAIN:
            return False
        self._reopened_at = monotonic()
        try:
            trouble = await self._call(store.reopen)
            stored = await self._call(store.load)
        except StoreError:
            return False
        self._opened(store, stored, trouble or str(why))
        return True

    async def _call(self, call: Callable[[], _Result]) -> _Result:
        self._called_at = monotonic()
        try:
            return await self._thread.run(call)
        finally:
            self._called_at = None

    async def _pause(self, seconds: float) -> None:
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def _end(self, job: Job, error: Unkept | None = None) -> None:
        with suppress(ValueError):
            self._jobs.remove(job)
        if job.done.done():
            return
        if error is None or job.kept:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)


def line(who: Who, action: str, reason: str, before: Any, after: Any, *, epoch: int) -> Entry:
    """
    A line for the audit, of now.
    """
    return Entry(
        at=timestamp(),
        actor=who.name,
        role=who.role,
        peer=who.peer,
        action=action,
        reason=reason,
        before=before,
        after=after,
        epoch=epoch,
    )


def _begin(url: str) -> "tuple[Store, Intent | None, str | None]":
    # SQLAlchemy takes half a second to import, which is why it is imported on this thread.
    from proxy.store.store import Store

    opened = Store.open(url)
    try:
        return opened.store, opened.store.load(), opened.trouble
    except StoreError as error:
        if error.kind != "corrupt":
            raise
        trouble = opened.store.reopen() or str(error)
        return opened.store, opened.store.load(), trouble


def _save(store: "Store", intent: Intent | None, entry: Entry) -> Entry:
    if intent is None:
        return store.audit(entry)
    try:
        return store.save(intent, entry)
    except StoreError as error:
        if error.kind != "stale":
            raise
        # Overtaken by a later one, which is saved: what is left to keep is the line.
        return store.audit(entry)


def _save_found(store: "Store", intent: Intent, entry_of: Callable[[Intent | None], Entry]) -> Entry | None:
    stored = store.load()
    if stored is not None and stored.epoch >= intent.epoch:
        return None
    return store.save(intent, entry_of(stored))


def _save_latch(store: "Store", number: int, entry: Entry) -> Entry | None:
    told = store.latch_audited()
    if told == number:
        return None
    if 0 < told < number - 1:
        # Only the last change is known: of those while there was no control, or no store, the others left no trace.
        missed = f"(and {number - 1 - told} changes before it that are not in this audit)"
        entry = replace(entry, reason=f"{entry.reason} {missed}".strip())
    return store.audit(replace(entry, latch=number))
