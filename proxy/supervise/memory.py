"""
What outlives the supervisor: the table, the judging table, the lists of endpoints and the kill latch, in the folder for
state or nowhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from proxy.clock import time, timestamp
from proxy.compare.judging import JudgingTable, for_disk
from proxy.compare.judging import decode as decode_judging
from proxy.files import explain, set_aside
from proxy.gates.events import armed
from proxy.log import Log
from proxy.routing.intent import Intent, intent_in
from proxy.supervise.claims import Claims
from proxy.supervise.keep import Keeper
from proxy.supervise.latch import Latch, decode, encode

TABLE, LATCH, JUDGING, ENDPOINTS = "table.json", "latch.json", "judging.json", "endpoints.json"
# How one tells that a store was here before, without knowing stores.
STORES = frozenset({".db", ".sqlite", ".sqlite3"})
MISSING = (FileNotFoundError, NotADirectoryError)
NO_FOLDER = "there is no folder for state"


class Nowhere:
    """
    Without a folder nothing is kept, and STATUS says so.
    """

    pending = False

    def keep_table(self, _table: bytes) -> None:
        """
        Forget it.
        """

    def keep_latch(self, _latch: Latch) -> None:
        """
        Forget it.
        """

    def keep_judging(self, _judging: bytes) -> None:
        """
        Forget it.
        """

    def keep_endpoints(self, _endpoints: bytes) -> None:
        """
        Forget it.
        """

    def saved(self) -> dict[str, Any]:
        """
        No table.
        """
        return {**name_of(None), "error": NO_FOLDER}

    def latch_saved(self) -> dict[str, Any]:
        """
        No latch.
        """
        return {"saved": False, "error": NO_FOLDER}


class Folder:
    """
    Keeps them in files of a folder. `changed` is called when a file was written or could not be.
    """

    def __init__(self, folder: Path, log: Log, changed: Callable[[], None]) -> None:
        self._table = Keeper(folder / TABLE, log, changed)
        self._latch = Keeper(folder / LATCH, log, changed)
        self._judging = Keeper(folder / JUDGING, log, changed)
        self._endpoints = Keeper(folder / ENDPOINTS, log, changed)
        self._newest_latch: bytes | None = None

    @property
    def pending(self) -> bool:
        """
        Whether a write is under way.
        """
        return any(one.pending for one in (self._table, self._latch, self._judging, self._endpoints))

    def keep_table(self, table: bytes) -> None:
        """
        Write it beside what goes on.
        """
        self._table.keep(table)

    def keep_latch(self, latch: Latch) -> None:
        """
        As `keep_table`.
        """
        self._newest_latch = encode(latch)
        self._latch.keep(self._newest_latch)

    def keep_judging(self, judging: bytes) -> None:
        """
        As `keep_table`.
        """
        self._judging.keep(for_disk(judging))

    def keep_endpoints(self, endpoints: bytes) -> None:
        """
        As `keep_table`.
        """
        self._endpoints.keep(endpoints)

    def saved(self) -> dict[str, Any]:
        """
        What the table on disk calls itself.
        """
        return {**name_of(self._table.saved), "error": self._table.error}

    def latch_saved(self) -> dict[str, Any]:
        """
        Whether the latch on disk is the present one. One that never changed needs no keeping.
        """
        return {"saved": self._newest_latch == self._latch.saved, "error": self._latch.error}


def name_of(table: bytes | None) -> dict[str, Any]:
    """
    Epoch and digest of an encoded table, None for each that it hasn't, as it isn't ours to judge; and its events' name.
    """
    try:
        raw = orjson.loads(table or b"null")
    except orjson.JSONDecodeError:
        raw = None
    raw = raw if isinstance(raw, dict) else {}
    events = raw.get("events")
    ids = [str(event.get("id")) for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    return {"epoch": raw.get("epoch"), "digest": raw.get("digest"), "armed": armed(ids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What a predecessor left: the intent that was in force, None on the very first start, the latch, the judging table
    and the lists of endpoints, None for what is not there or can't be read, and the keys of writes that were copied.
    """

    intent: Intent | None = None
    latch: Latch = field(default_factory=Latch)
    judging: JudgingTable | None = None
    endpoints: bytes | None = None
    claims: Claims = field(default_factory=Claims, compare=False)


def find(folder: Path, first: Intent, log: Log) -> Found:
    """
    Read what is in the folder. What can't be read is moved aside, said loudly, and taken for the safest it could be:
    everything on old, until control has asked the store; killed, until somebody restores.

    `first` is the intent of a very first start.
    """
    return Found(
        intent=_find_intent(folder, first, log),
        latch=_find_latch(folder / LATCH, log),
        judging=_find_judging(folder / JUDGING, log),
        endpoints=_find_endpoints(folder / ENDPOINTS, log),
    )


def _find_intent(folder: Path, first: Intent, log: Log) -> Intent | None:
    path = folder / TABLE
    try:
        return intent_in(path.read_bytes())
    except MISSING:
        if not _has_store(folder):
            return None
        why, fate = "it is missing beside a store", ""
    except ValueError as error:
        why, fate = f"it is no table ({error})", set_aside(path)
    except OSError as error:
        why, fate = f"it can't be read: {explain(error)}", ""
    remedy = "nothing if the store is whole: control brings its weights back; else `parallax weights set`"
    log.error("table_lost", file=str(path), why=why, fate=fate, new=0.0, remedy=remedy)
    return Intent(epoch=0, new=0.0, mirror=first.mirror)


def _has_store(folder: Path) -> bool:
    try:
        return any(path.suffix in STORES for path in folder.iterdir())
    except OSError:
        return False


def _find_latch(path: Path, log: Log) -> Latch:
    try:
        return decode(path.read_bytes())
    except MISSING:
        return Latch()
    except ValueError:
        why = f"the kill latch in {path} was broken"
        fate = set_aside(path)
    except OSError as error:
        why, fate = f"the kill latch in {path} can't be read: {explain(error)}", ""
    log.error("latch_lost", file=str(path), why=why, fate=fate, remedy="`parallax restore` when new may serve again")
    # A number above any that could have been counted to, so that this change is nobody's old news.
    return Latch(killed=True, by="parallax", reason=why, at=timestamp(), number=int(time()))


def _find_judging(path: Path, log: Log) -> JudgingTable | None:
    try:
        return decode_judging(path.read_bytes())
    except MISSING:
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        why, fate = "it is no judging table", set_aside(path)
    except OSError as error:
        why, fate = f"it can't be read: {explain(error)}", ""
    remedy = "nothing: control brings waivers and noise back from the store"
    log.warning("judging_lost", file=str(path), why=why, fate=fate, remedy=remedy)
    return None


def _find_endpoints(path: Path, log: Log) -> bytes | None:
    try:
        # As orjson writes them, so that whatever else this file holds goes no further.
        lists = orjson.loads(path.read_bytes())
        named = {name: [str(endpoint) for endpoint in lists[name]] for name in ("configured", "learned")}
        return orjson.dumps(named)
    except MISSING:
        return None
    except (KeyError, TypeError, ValueError):
        why, fate = "it holds no lists of endpoints", set_aside(path)
    except OSError as error:
        why, fate = f"it can't be read: {explain(error)}", ""
    remedy = "nothing: they are learned anew, and until then their requests count as `other`"
    log.warning("endpoints_lost", file=str(path), why=why, fate=fate, remedy=remedy)
    return None
