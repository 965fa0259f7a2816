"""
What all workers have counted since somebody looked last: out of their snapshots, each once, whoever died in between.

Every snapshot is cumulative over its worker's life, and every life has a name of its own. So whoever reads keeps, for
each life, how far he has read (`Marks`, saved together with what was made of the counts): a reader that is started anew
neither loses nor counts twice what came while nobody read. What a dead worker had told stays with the supervisor.

Units of sticky keys are counted by window, once, when it is over for `GRACE` seconds: then its bitmaps are merged.
Pure: callers bring the time (Unix, seconds).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from proxy.errors import LinkError
from proxy.gates.events import EventSpec
from proxy.gates.tally import MERGED
from proxy.gates.windows import KEPT, unpack_bits, window_of

# Seconds after which the last worker's snapshot of a window has come.
GRACE: Final = 5
# Lives that aren't told of at present, and may be again: the last of them are remembered, and of those that are over
# their names.
ABSENT: Final = 32
NAMES: Final = 1000
# Between the parts of a total's name; no id and no route's name has it.
BAR: Final = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    What one worker's newest snapshot says: `totals` by name, bitmaps of `keys` (as text) by event, route and window,
    and, by side, when which `versions` were seen last. `is_over`: nothing more will come of this life.
    """

    life: str
    totals: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, Mapping[str, tuple[str, str]]]] = field(default_factory=dict)
    versions: tuple[Mapping[str, float], Mapping[str, float]] = field(default_factory=lambda: ({}, {}))
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """
    Of one event, of one route or of all: `n` opportunities and `bad` ones, those that mattered and had no key
    (`unkeyed`), all since the last look; and a bit for each bucket that had a bad one in this window or the last.
    """

    n: int = 0
    bad: int = 0
    unkeyed: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """
    What has come since the last look. `events` by id and route (`tally.MERGED`: all together, always there); `traffic`:
    requests by route (`tally.UNROUTED`: without one); of all exchanges how many were `eligible`, `compared` and, by
    reason, `skipped`. `since` is the first window that units of sticky keys were counted of, if any were.
    """

    events: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)
    traffic: Mapping[str, int] = field(default_factory=dict)
    eligible: int = 0
    compared: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """
    How far has been read: of each life the totals, those that are read to their end (`over`), and the last window that
    needs no counting any more.
    """

    window: int
    totals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    over: tuple[str, ...] = ()

    def as_values(self) -> dict[str, Any]:
        """
        As JSON can carry them.
        """
        totals = {life: dict(known) for life, known in self.totals.items()}
        return {"window": self.window, "totals": totals, "over": list(self.over)}

    @classmethod
    def from_values(cls, raw: Mapping[str, Any]) -> Self:
        """
        The marks of `as_values`. Raises AttributeError, KeyError, TypeError or ValueError for anything else.
        """
        totals = {str(life): {str(key): int(n) for key, n in known.items()} for life, known in raw["totals"].items()}
        return cls(window=int(raw["window"]), totals=totals, over=tuple(map(str, raw["over"])))


def parse(raw: Mapping[str, Any]) -> Reading | None:
    """
    The reading of a worker's snapshot, None of one that counts no events at all. Raises `LinkError` when it has another
    shape.
    """
    tally = raw.get("tally")
    if tally is None:
        return None
    try:
        old, new = raw.get("versions", ({}, {}))
        return Reading(
            life=str(tally["life"]),
            totals=_totals(tally, raw["endpoints"].values()),
            keys={
                event: {
                    route: {str(int(number)): (str(asked), str(bad)) for number, (asked, bad) in windows.items()}
                    for route, windows in routes.items()
                }
                for event, routes in tally["keys"].items()
            },
            versions=(_seen(old), _seen(new)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LinkError(f"a tally has the wrong shape ({type(error).__name__}: {error})") from error


def begin(readings: Iterable[Reading], now: float) -> Marks:
    """
    Marks for who wants nothing of what was before. The minute that goes on doesn't count: its keys were seen before.
    """
    return _marks(list(readings), Marks(window=window_of(now)), window_of(now))


def read(readings: Iterable[Reading], marks: Marks, events: Iterable[EventSpec], now: float) -> tuple[Counts, Marks]:
    """
    What has come since `marks`, of these events, and the marks from here on. Nothing is ever taken back: where a total
    is lower than its mark, it was begun anew, and all of it counts.
    """
    known = list(readings)
    fresh = _fresh(known, marks)
    # A clock that was put back must not keep everybody waiting until it has caught up.
    last = min(marks.window, window_of(now))
    over = max(last, window_of(now - GRACE) - 1)
    windows = range(max(last + 1, over - KEPT + 1), over + 1)
    parts = {key: total for key, total in fresh.items() if total}
    counts = Counts(
        events={spec.id: _event(spec, known, parts, windows, now) for spec in events},
        traffic=_named(parts, "traffic"),
        eligible=parts.get("eligible", 0),
        compared=parts.get("compared", 0),
        skipped=_named(parts, "skipped"),
        since=windows.start if windows else None,
    )
    return counts, _marks(known, marks, over)


def _marks(readings: list[Reading], before: Marks, window: int) -> Marks:
    """
    The marks of who has read these. What isn't counted, or not told of, for a while goes on where it was.
    """
    told = {one.life for one in readings}
    over = [life for life in before.over if life not in told][-NAMES:] + [one.life for one in readings if one.is_over]
    absent = [life for life in before.totals if life not in told][-ABSENT:]
    totals = {life: before.totals[life] for life in absent}
    for one in readings:
        if not one.is_over:
            totals[one.life] = {**before.totals.get(one.life, {}), **one.totals}
    return Marks(window=window, totals=totals, over=tuple(over))


def _fresh(readings: Iterable[Reading], marks: Marks) -> dict[str, int]:
    fresh: dict[str, int] = {}
    over = set(marks.over)
    for one in (one for one in readings if one.life not in over):
        before = marks.totals.get(one.life, {})
        for key, total in one.totals.items():
            mark = before.get(key, 0)
            fresh[key] = fresh.get(key, 0) + (total - mark if total >= mark else total)
    return fresh


def _event(
    spec: EventSpec, readings: list[Reading], fresh: Mapping[str, int], windows: range, now: float
) -> dict[str, Count]:
    """
    One event, by route.
    """
    present = window_of(now)
    names = {MERGED, *(key.split(BAR)[2] for key in fresh if key.startswith(f"event|{spec.id}|"))}
    names |= {route for one in readings for route in one.keys.get(spec.id, {})}
    counts: dict[str, Count] = {}
    for name in names:
        n, bad, unkeyed = (fresh.get(f"event|{spec.id}|{name}|{what}", 0) for what in ("n", "bad", "unkeyed"))
        if spec.unit == "key/60s":
            merged = [_merged(readings, spec.id, name, number) for number in windows]
            n = sum(asked.bit_count() for asked, _ in merged)
            bad = sum(wrong.bit_count() for _, wrong in merged)
        lately = [_merged(readings, spec.id, name, number)[1] for number in (present - 1, present)]
        counts[name] = Count(n=n, bad=bad, unkeyed=unkeyed, keys=lately[0] | lately[1])
    return counts


def _merged(readings: Iterable[Reading], event: str, route: str, number: int) -> tuple[int, int]:
    """
    The bitmaps of a window: who asked, and who got something bad.
    """
    asked = bad = 0
    for one in readings:
        window = one.keys.get(event, {}).get(route, {}).get(str(number))
        if window is not None:
            asked |= unpack_bits(window[0])
            bad |= unpack_bits(window[1])
    return asked, bad


def _totals(tally: Mapping[str, Any], pages: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """
    All totals by name: of events, of traffic, and those of the books that tell how complete the pairs are.
    """
    totals: dict[str, int] = {}
    for event, routes in tally["events"].items():
        for route, (n, bad, unkeyed) in routes.items():
            name = f"event|{event}|{route}|"
            totals[f"{name}n"], totals[f"{name}bad"], totals[f"{name}unkeyed"] = int(n), int(bad), int(unkeyed)
    for route, count in tally["traffic"].items():
        totals[f"traffic|{route}"] = int(count)
    for page in pages:
        for verdicts, skipped in zip(page["verdicts"], page["skipped"], strict=True):
            totals["compared"] = totals.get("compared", 0) + sum(verdicts)
            for reason, count in skipped.items():
                totals[f"skipped|{reason}"] = totals.get(f"skipped|{reason}", 0) + int(count)
        totals["eligible"] = totals.get("eligible", 0) + sum(page["eligible"])
    return totals


def _named(totals: Mapping[str, int], kind: str) -> dict[str, int]:
    return {key.partition(BAR)[2]: total for key, total in totals.items() if key.startswith(f"{kind}|")}


def _seen(raw: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(at) for name, at in raw.items()}
