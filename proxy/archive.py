"""
Evidence on its way to the disk and back: one writer, with what waits bounded, on a thread of its own.

Nobody waits for it. A disk that is full, broken or hangs costs evidence, which is counted (`dropped`), and nothing
else: what it would hold goes on being counted in memory.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from proxy.clock import monotonic, time
from proxy.errors import ParallaxError, StoreError
from proxy.evidence.batch import Batch, Caps
from proxy.evidence.signatures import MOST, Signatures
from proxy.tasks import spawn
from proxy.threads import Thread

if TYPE_CHECKING:
    from proxy.store.evidence import Evidence, Opened

# From one batch to the next, and from one try to open to the next.
BATCH_SECONDS: Final = 0.1
OPEN_AGAIN: Final = 5.0
# A call that lasts longer is of a disk that hangs.
PATIENCE: Final = 5.0
READING_PATIENCE: Final = 3.0
# Samples that the list of signatures can name.
NAMED: Final = 20_000

_Result = TypeVar("_Result")


class Unread(ParallaxError):
    """
    Evidence can't be read now; `str()` says why.
    """


class Archive:
    """
    Keeps what `signatures` has to be kept, in the folder `state`. `caps` count from the next batch on,
    `trouble` is a sentence while that fails.
    """

    def __init__(self, signatures: Signatures, state: str, tell: Callable[..., None]) -> None:
        self.caps = Caps()
        self.trouble: str | None = None
        self.samples_kept = 0
        self._signatures = signatures
        self._state = state
        self._tell = tell
        self._writing = Thread("evidence")
        self._reading = Thread("reading evidence")
        self._kept: Evidence | None = None
        self._since: float | None = None
        self._is_read = False
        self._has_tried = asyncio.Event()

    def start(self) -> None:
        """
        Open the file and begin to keep, in the background.
        """
        spawn(self._work(), name="keep evidence")

    @property
    def dropped(self) -> int:
        """
        Rows that could not be kept.
        """
        return self._signatures.dropped

    def look(self) -> None:
        """
        To be called once a second: a disk that hangs says nothing by itself.
        """
        if self._since is not None and monotonic() - self._since > PATIENCE:
            self._fails("its disk doesn't answer")

    # Reading...

    async def is_read(self) -> bool:
        """
        Has it been seen what was kept before? Waits for that while the file is being opened, a few seconds at most.
        """
        try:
            await asyncio.wait_for(self._has_tried.wait(), READING_PATIENCE)
        except TimeoutError:
            return False
        return self._is_read

    async def samples(self, number: str, limit: int) -> list[dict[str, Any]]:
        """
        The newest samples of a signature: those on disk, and those that are on their way there. Raises `Unread` when
        there is neither.
        """
        held = self._signatures.samples_of(number)
        try:
            stored = await self._read(lambda kept: kept.samples(number, limit))
        except Unread:
            if not held:
                raise
            stored = []
        found = {sample["id"]: sample for sample in (*stored, *held)}
        return sorted(found.values(), key=lambda sample: float(sample["at"]), reverse=True)[:limit]

    async def affected(self, number: str, limit: int) -> list[dict[str, Any]]:
        """
        Whom a signature has hit. Raises `Unread`.
        """
        return await self._read(lambda kept: kept.affected(number, limit))

    async def _read(self, call: "Callable[[Evidence], _Result]") -> _Result:
        kept = self._kept
        if kept is None:
            raise Unread(self.trouble or "evidence is being opened")
        try:
            return await asyncio.wait_for(self._reading.run(lambda: call(kept)), READING_PATIENCE)
        except TimeoutError:
            raise Unread("evidence can't be read: its disk doesn't answer") from None
        except StoreError as error:
            raise Unread(f"evidence can't be read: {error}") from error

    # ... and writing.

    async def _work(self) -> None:
        while True:
            try:
                kept = await self._open()
                while True:
                    await asyncio.sleep(BATCH_SECONDS)
                    await self._write(kept, self._signatures.due())
            except StoreError as error:
                self._fails(str(error))
                if error.kind == "corrupt":
                    self._kept = None
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the keeping
                self._fails(f"Parallax failed to keep it ({type(error).__name__})")
            await asyncio.sleep(OPEN_AGAIN)
            # What could not be kept meanwhile must not grow.
            self._signatures.failed(self._signatures.due())

    async def _open(self) -> "Evidence":
        kept = self._kept
        if kept is not None:
            return kept
        opened, signatures, samples = await self._call(lambda: _begin(self._state))
        if opened.trouble is not None:
            self._tell("warning", "evidence_renewed", reason=opened.trouble)
        self._signatures.restore(signatures, samples)
        self._kept = kept = opened.kept
        self._is_read = True
        self._has_tried.set()
        self._is_well()
        return kept

    async def _write(self, kept: "Evidence", batch: Batch) -> None:
        if not len(batch):
            return
        caps, now = self.caps, time()
        try:
            await self._call(lambda: kept.write(batch, caps, now))
        except BaseException:
            self._signatures.failed(batch)
            raise
        self.samples_kept += len(batch.samples)
        self._is_well()

    async def _call(self, call: Callable[[], _Result]) -> _Result:
        self._since = monotonic()
        try:
            return await self._writing.run(call)
        finally:
            self._since = None

    def _fails(self, reason: str) -> None:
        if self.trouble is None:
            self._tell("warning", "evidence_not_kept", reason=reason)
        self.trouble = f"evidence is not kept: {reason}"
        self._has_tried.set()

    def _is_well(self) -> None:
        if self.trouble is not None:
            self._tell("info", "evidence_kept_again", dropped=self.dropped)
        self.trouble = None


def _begin(state: str) -> "tuple[Opened, list[dict[str, Any]], list[dict[str, str]]]":
    # SQLAlchemy takes half a second to import, which is why it is imported on this thread.
    from proxy.store.evidence import Evidence

    opened = Evidence.open(state)
    return opened, opened.kept.signatures(MOST), opened.kept.latest(NAMED)
