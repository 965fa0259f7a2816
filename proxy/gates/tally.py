"""
What one worker counts of the events that its table names. On the request path: a pair takes 0.8 µs by itself, an answer
0.3, however many events there are; both and what is around them, 3.5 µs an exchange (benchmarks.exchange_cost).

What is known of a pair, or of one side's answer, is put into one number, its code: facts, and what came of comparing
its latencies. Only codes are counted as requests go by, by route; what an event makes of a code is asked once a second
(`fold`), when the counts go into its cell. A bucket of a sticky key is looked for where an event wants it.

Totals are cumulative over the worker's life; a table that names the same events goes on with them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from proxy.gates.events import EventSpec, Of, compile_event
from proxy.gates.expressions import Judge, Measure
from proxy.gates.windows import BYTES, Windows, window_of
from proxy.routing.buckets import BUCKETS, bucket
from proxy.routing.ways import Way
from proxy.wire.request import RequestHead

# The name of all routes together, and of requests without one; no route can have either.
MERGED: Final = ""
UNROUTED: Final = "(no route)"
# Bounds: of memory (a cell has six bitmaps at the most, 7.5 KiB), of what is told once a second (cells with keys: 50 µs
# each, when every key is another), and of comparisons in an exchange (0.1 µs each).
EVENTS: Final = 64
CELLS: Final = 512
KEYED: Final = 128
MEASURES: Final = 32
# Codes that are counted before they are folded early.
CODES: Final = 1024

# The bits of a code.
OLD_OK: Final = 1
NEW_OK: Final = 2
FAILED: Final = 4
MATCHED: Final = 8
MISMATCHED: Final = 16
TIMED: Final = 32
MEASURED: Final = 64

UNKNOWN: Final = -1.0
# In place of the bucket of a request without a sticky key.
NO_KEY: Final = BUCKETS


def check(events: Sequence[EventSpec], routes: int) -> None:
    """
    Raises ValueError, a sentence, for more events than workers count where there are so many routes.
    """
    if len(events) > EVENTS:
        raise ValueError(f"{len(events)} events are more than {EVENTS}; let gates and guards share some")
    sizes = [(one, 1 + (len(one.routes) or routes + 1) if one.per_route else 1) for one in events]
    if (cells := sum(size for _, size in sizes)) > CELLS:
        raise ValueError(f"{cells} counts, by event and route, are more than {CELLS}; count fewer events by route")
    if (keyed := sum(size for one, size in sizes if one.unit == "key/60s")) > KEYED:
        raise ValueError(f"{keyed} counts by key are more than {KEYED}; count fewer events by key and by route")
    measures = {measure for one in events for measure in compile_event(one.expression, one.of).measures}
    if len(measures) > MEASURES:
        raise ValueError(f"{len(measures)} comparisons of latencies are more than {MEASURES}; let events share limits")


class Met(NamedTuple):
    """
    How often a code was met, how often without a key, and the bitmap of the buckets, 0 if nobody wants it.
    """

    code: int
    times: int
    unkeyed: int
    keys: int


class Sum(NamedTuple):
    """
    Opportunities and bad ones; those that mattered and had no key; and the bitmaps of buckets asked, and with bad ones.
    """

    n: int
    bad: int
    unkeyed: int
    asked: int
    wrong: int


class Cell:
    """
    One event, of one route or of all: the totals of `Sum`, and bitmaps by window.
    """

    __slots__ = ("bad", "n", "unkeyed", "windows")

    def __init__(self) -> None:
        self.n = self.bad = self.unkeyed = 0
        self.windows = Windows()

    def add(self, window: int, found: Sum) -> None:
        """
        More of them.
        """
        self.n += found.n
        self.bad += found.bad
        self.unkeyed += found.unkeyed
        self.windows.add(window, found.asked, found.wrong)


class Entry:
    """
    How often one code was met, the buckets that it was met with (None: nobody wants them), and how often without any.
    """

    __slots__ = ("count", "keys", "unkeyed")

    def __init__(self, keys: bytearray | None) -> None:
        self.count = self.unkeyed = 0
        self.keys = keys


class Counted:
    """
    One event as a sheet has it: what its expression makes of a code.
    """

    __slots__ = ("_judge", "_outcomes", "_places", "by_key", "spec")

    def __init__(self, spec: EventSpec, judge: Judge, places: Sequence[int]) -> None:
        self.spec = spec
        self.by_key = spec.unit == "key/60s"
        self._judge = judge
        self._places = places
        self._outcomes: dict[int, bool | None] = {}

    def covers(self, route: str) -> bool:
        """
        Whether requests of this route count.
        """
        return not self.spec.routes or route in self.spec.routes

    def outcome(self, code: int) -> bool | None:
        """
        Bad, good, or no opportunity; remembered, as there are few codes.
        """
        if code not in self._outcomes:
            if len(self._outcomes) >= CODES:
                self._outcomes.clear()
            self._outcomes[code] = self._judged(code)
        return self._outcomes[code]

    def _judged(self, code: int) -> bool | None:
        mismatch = True if code & MISMATCHED else False if code & MATCHED else None
        facts = (bool(code & OLD_OK), bool(code & NEW_OK), mismatch, bool(code & FAILED))
        measured = (bool(code & MEASURED << place) if code & TIMED else None for place in self._places)
        return self._judge((*facts, *measured))

    def sum(self, met: list[Met]) -> Sum:
        """
        What all that was met comes to.
        """
        n = bad = unkeyed = asked = wrong = 0
        for code, times, lost, keys in met:
            outcome = self.outcome(code)
            if outcome is None:
                continue
            n += times
            if self.by_key:
                asked |= keys
            if outcome:
                bad += times
                wrong |= keys
            if outcome or self.by_key:
                unkeyed += lost
        return Sum(n, bad, unkeyed, asked, wrong)

    def wants_key(self, code: int) -> bool:
        """
        Whether it matters by whom: for units of keys always, else where it is bad.
        """
        outcome = self.outcome(code)
        return outcome is not None and (outcome or self.by_key)


class Sheet:
    """
    Events of one kind, `of`, and what was met since they were last folded.
    """

    __slots__ = ("_entries", "_rows", "_salt", "_tests", "events", "fold")

    def __init__(self, of: Of, specs: Sequence[EventSpec], salt: bytes, fold: Callable[[], None]) -> None:
        measures: list[Measure] = []
        self.events: list[Counted] = []
        self._salt = salt
        self.fold = fold
        for spec in specs:
            compiled = compile_event(spec.expression, of)
            measures += [measure for measure in compiled.measures if measure not in measures]
            self.events.append(Counted(spec, compiled.judge, [measures.index(one) for one in compiled.measures]))
        self._tests = [(measure.compiled(), MEASURED << place) for place, measure in enumerate(measures)]
        self._rows: dict[str, dict[int, Entry]] = {}
        self._entries = 0

    def count(self, way: Way, head: RequestHead, address: bytes, code: int, old_ms: float, new_ms: float) -> None:
        """
        One opportunity: `code` is its facts; latencies are in milliseconds, both `UNKNOWN` where they can't be compared
        or there is none.
        """
        if old_ms >= 0.0:
            code |= TIMED
            for holds, bit in self._tests:
                if holds(old_ms, new_ms):
                    code |= bit
        try:
            entry = self._rows[way.name][code]
        except KeyError:
            entry = self._enter(way.name, code)
        entry.count += 1
        if entry.keys is not None:
            number = head.bucket
            if number < 0:
                key = b"" if way.find is None else way.find(head, address)
                head.bucket = number = bucket(self._salt, key) if key else NO_KEY
            if number < NO_KEY:
                entry.keys[number >> 3] |= 1 << (number & 7)
            else:
                entry.unkeyed += 1

    def _enter(self, route: str, code: int) -> Entry:
        if self._entries >= CODES:
            self.fold()
        wanted = any(one.covers(route or UNROUTED) and one.wants_key(code) for one in self.events)
        entry = Entry(bytearray(BYTES) if wanted else None)
        self._rows.setdefault(route, {})[code] = entry
        self._entries += 1
        return entry

    def take(self) -> dict[str, list[Met]]:
        """
        By route, what was met since it was taken last.
        """
        rows, self._rows, self._entries = self._rows, {}, 0
        return {
            route or UNROUTED: [
                Met(code, entry.count, entry.unkeyed, 0 if entry.keys is None else int.from_bytes(entry.keys, "little"))
                for code, entry in row.items()
            ]
            for route, row in rows.items()
        }


class Tally:
    """
    All that one worker counts. `pairs` takes pairs; `live` and `copies` have, by side, the sheets for answers to
    clients and to copies; `traffic` counts requests by route. All are None while no events are armed, which is all that
    an exchange looks at then. `life` tells one worker's totals from another's, also after restarts.
    """

    __slots__ = (
        "_cells", "_retired", "_salt", "_sheets", "_specs", "_traffic", "_window", "copies", "life", "live", "pairs",
        "traffic",
    )  # fmt: skip

    def __init__(self, life: str = "") -> None:
        self.life = life
        self.pairs: Sheet | None = None
        self.live: tuple[tuple[Sheet, ...], tuple[Sheet, ...]] | None = None
        self.copies: tuple[tuple[Sheet, ...], tuple[Sheet, ...]] | None = None
        self.traffic: dict[str, int] | None = None
        self._traffic: dict[str, int] = {}
        self._cells: dict[str, dict[str, Cell]] = {}
        self._retired: dict[str, dict[str, Cell]] = {}
        self._sheets: dict[Of, Sheet] = {}
        self._specs: tuple[EventSpec, ...] = ()
        self._salt = b""
        self._window = 0

    def arm(self, specs: tuple[EventSpec, ...], salt: bytes, now: float) -> None:
        """
        Count these from `now` (Unix) on. Totals of those that were counted before go on, also after a pause: nobody who
        reads could tell one that was begun anew.
        """
        if (specs, salt) == (self._specs, self._salt):
            return
        self.tick(now)
        self.fold()
        self._specs, self._salt = specs, salt
        known = {**self._retired, **self._cells}
        self._cells = {spec.id: known.pop(spec.id, {}) or {MERGED: Cell()} for spec in specs}
        self._retire(known)
        kinds: dict[Of, list[EventSpec]] = {}
        for spec in specs:
            kinds.setdefault(spec.of, []).append(spec)
        self._sheets = sheets = {of: Sheet(of, some, salt, self.fold) for of, some in kinds.items()}
        self.pairs = sheets.get("pairs")
        old = (sheets["old"],) if "old" in sheets else ()
        new = (sheets["new"],) if "new" in sheets else ()
        served = (sheets["served"],) if "served" in sheets else ()
        self.copies = (old, new) if old or new else None
        self.live = (old, new + served) if old or new or served else None
        self.traffic = self._traffic if specs else None

    def _retire(self, known: dict[str, dict[str, Cell]]) -> None:
        """
        Keep the totals of events that aren't counted any more: as many as may be counted, those before are forgotten.
        """
        self._retired = known
        while sum(map(len, known.values())) > CELLS:
            del known[next(iter(known))]
        for cell in (cell for cells in known.values() for cell in cells.values()):
            cell.windows = Windows()

    def tick(self, now: float) -> None:
        """
        The time (Unix): what is met from here on belongs to its window.
        """
        window = window_of(now)
        if window != self._window:
            self.fold()
            self._window = window

    def fold(self) -> None:
        """
        What was met goes into the cells of the events.
        """
        for sheet in self._sheets.values():
            rows = sheet.take()
            for one in sheet.events:
                for route, met in rows.items():
                    if one.covers(route) and (found := one.sum(met)).n:
                        self._add(one.spec, route, found)

    def _add(self, spec: EventSpec, route: str, found: Sum) -> None:
        cells = self._cells[spec.id]
        cells[MERGED].add(self._window, found)
        if spec.per_route and (cell := self._cell(cells, route)) is not None:
            cell.add(self._window, found)

    def _cell(self, cells: dict[str, Cell], route: str) -> Cell | None:
        """
        The cell of a route; None where a reload has brought more routes than there may be cells: a route that isn't
        counted by itself is one that no gate passes on.
        """
        cell = cells.get(route)
        if cell is None and sum(map(len, self._cells.values())) < CELLS:
            cell = cells[route] = Cell()
        return cell

    def snapshot(self, now: float) -> dict[str, Any]:
        """
        All totals at one instant: {"life", "events": {id: {route: [n, bad, without a key]}}, "keys": {id: {route:
        {window: [asked, bad]}}}, "traffic": {route: requests}}.
        """
        self.tick(now)
        self.fold()
        keys = {
            event: {route: kept for route, cell in cells.items() if (kept := cell.windows.snapshot(self._window))}
            for event, cells in self._cells.items()
        }
        return {
            "life": self.life,
            "events": {
                event: {route: [cell.n, cell.bad, cell.unkeyed] for route, cell in cells.items()}
                for event, cells in self._cells.items()
            },
            "keys": {event: kept for event, kept in keys.items() if kept},
            "traffic": {route or UNROUTED: count for route, count in self._traffic.items()},
        }
