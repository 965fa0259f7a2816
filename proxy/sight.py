"""
What a plan sees of the running Parallax: what is in force and who has it, whether workers are heard of, what they have
counted, which signatures are about. All from memory.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from proxy.admin.changes import Change
from proxy.admin.facts import Facts
from proxy.clock import monotonic
from proxy.compare.judging import rules_digest
from proxy.evidence.risen import Mark, Rises
from proxy.evidence.signatures import Known
from proxy.gates.completeness import Uncompared, to_compare
from proxy.gates.events import EventSpec
from proxy.gates.merging import Counts, Marks, begin, read
from proxy.plan.causes import may_cause
from proxy.plan.criteria import Gate, Guard
from proxy.plan.exposure import Exposure
from proxy.plan.model import Plan
from proxy.plan.moves import Cause, Readings, Trip
from proxy.plan.state import Pin, State
from proxy.routing.intent import intent_of, with_intent
from proxy.routing.table import Table

# Signatures that a rollback names, and looks back for: those seen in so many seconds.
TOP: Final = 3
RECENT: Final = 60.0
# What comparers tell is of the second before, and workers wait up to 5 s for their verdicts.
LATE: Final = 6.0
# Looks, one a second, of which is known how many answers clients had from each side.
LOOKS: Final = 600


class Sight:
    """
    `lagging` says which workers don't have yet what is in force.
    """

    def __init__(self, facts: Facts, lagging: Callable[[], tuple[str, ...]]) -> None:
        self._facts = facts
        self.lagging = lagging
        self._heard = monotonic()
        self._read = monotonic()
        self._seen: dict[str, tuple[int, int]] = {}
        self._rises = Rises()
        self._uncompared = Uncompared()
        # When the plan went back, from which stage, and by which guards and gates with how many opportunities.
        self._blamed: tuple[float, str, tuple[tuple[Gate | Guard, int], ...]] = (0.0, "", ())
        # All answers to clients and those of new, at each look.
        self._answers: deque[tuple[int, int]] = deque(maxlen=LOOKS)
        self._marks: Marks | None = None
        self._versions: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    # What is in force...

    def in_force(self) -> Exposure | None:
        """
        What the table says, beneath a kill: everything whose share can be changed, by name.
        """
        return None if self._facts.table is None else _of(self._facts.table)

    def change_to(self, exposure: Exposure, reason: str) -> Change:
        """
        The change that puts an exposure into force; of routes and cohorts that a reload took away, nothing.
        """
        table = self._facts.table
        routes = () if table is None else [one.name for one in table.routes]
        cohorts = () if table is None else [one.name for one in table.cohorts if one.side is None]
        return Change(
            new=exposure.weight,
            mirror=exposure.mirror,
            routes={name: share for name, share in exposure.routes.items() if name in routes},
            cohorts={name: share for name, share in exposure.cohorts.items() if name in cohorts and share is not None},
            reason=reason,
        )

    def after(self, change: Change) -> Exposure:
        """
        What would be in force after a change.
        """
        table = self._facts.table
        assert table is not None
        return _of(with_intent(table, change.of(intent_of(table), table.epoch)))

    def identity(self) -> str:
        """
        What tells apart rules, waivers, routes, and the sides' addresses and versions: evidence of one says nothing of
        another.
        """
        table, judging = self._facts.table, self._facts.judging
        rules = "" if judging is None else f"{rules_digest(judging)} {sorted(judging.waived)}"
        # In the minute of a deployment both versions are seen, which is another identity, and so is what follows.
        versions = [sorted(side) for side in self._versions]
        return sha256(f"{rules} {_routes(table)} {versions}".encode()).hexdigest()[:16]

    # ... who is heard of...

    def heard(self) -> None:
        """
        A worker has told its totals.
        """
        self._heard = monotonic()

    def silent(self) -> float:
        """
        The seconds since workers were last heard of.
        """
        return monotonic() - self._heard

    def uncompared(self) -> float:
        """
        The seconds for which exchanges that were to be compared have come, and none has been.
        """
        return self._uncompared.seconds(monotonic())

    # ... what they count...

    @property
    def armed(self) -> tuple[EventSpec, ...]:
        """
        The events that workers are told to count.
        """
        return () if self._facts.table is None else self._facts.table.events

    def counted(self, events: tuple[EventSpec, ...], now: float) -> tuple[Counts, float]:
        """
        What was counted since this was asked last, and in how many seconds. What was before the first time counts
        nothing, unless a predecessor's marks say how far he had read.
        """
        began, self._read = self._read, monotonic()
        readings = list(self._facts.readings.values())
        if self._marks is None:
            self._marks = begin(readings, now)
        counts, self._marks = read(readings, self._marks, events, now)
        self._uncompared.note(counts.compared, to_compare(counts.eligible, counts.skipped), self._read)
        # A night without traffic is no other version.
        old, new = (seen or known for seen, known in zip(self._facts.versions(now), self._versions, strict=True))
        self._versions = old, new
        return counts, self._read - began

    def read_up_to(self) -> Mapping[str, Any]:
        """
        How far workers' totals have been read, to be kept with what was read.
        """
        return {} if self._marks is None else {**self._marks.as_values(), "versions": [*map(sorted, self._versions)]}

    def read_on(self, read_up_to: Mapping[str, Any]) -> None:
        """
        Read on from where a predecessor stopped. Raises AttributeError, KeyError, TypeError or ValueError for what
        `read_up_to` never gave.
        """
        if read_up_to:
            old, new = read_up_to["versions"]
            self._marks, self._versions = Marks.from_values(read_up_to), (frozenset(old), frozenset(new))

    # ... and signatures.

    def look(self, now: float) -> None:
        """
        Note how frequent signatures are, now and then, so that it can be told which have risen; and who answers.
        """
        self._answers.append(self._answered())
        if self._rises.is_due(now):
            counts = {one.signature.id: one.pairs.seen for one in self._facts.signatures.known.values()}
            self._rises.note(Mark(at=now, counts=counts, judged=self._judged()))

    def causes(self, judge: Gate | Guard, n: int, now: float) -> tuple[Cause, ...]:
        """
        The signatures that may have caused a guard to trip, or a gate to fail, by `n` pairs: what is bad by its event,
        and has become more frequent of late, the surest first. What was always there caused nothing.
        """
        judged, found = self._judged(), []
        last = self._rises.marks_within(sum(judged.values()), 2 * n)
        for one in self._facts.signatures.known.values():
            if now - one.last > RECENT or not may_cause(judge, one.signature.parts):
                continue
            where = one.signature.endpoint
            sure = self._rises.risen(one.signature.id, where, one.pairs.seen, judged.get(where, 0), last=last)
            if sure > 0:
                found.append((sure, one.count, one))
        found.sort(key=lambda rising: rising[:2], reverse=True)
        return tuple(_shown(one) for _, _, one in found[:TOP])

    def traced(self, trip: Trip, guard: Guard, now: float) -> Trip:
        """
        The same trip with its causes, or what else was seen, and who answered meanwhile.
        """
        causes = self.causes(guard, trip.n, now)
        others = () if causes else self._others(guard, now)
        return replace(trip, signatures=causes, others=others, by_new=self._by_new(trip.n))

    def _others(self, judge: Gate | Guard, now: float) -> tuple[Cause, ...]:
        """
        The signatures that were bad by its event of late, the most frequent first, whether they have risen or not.
        """
        known = self._facts.signatures.known.values()
        found = [one for one in known if now - one.last <= RECENT and may_cause(judge, one.signature.parts)]
        found.sort(key=lambda one: one.count, reverse=True)
        return tuple(_shown(one) for one in found[:TOP])

    def _by_new(self, answers: int) -> float | None:
        """
        The share that new gave of about the last so many answers to clients; None if there weren't any.
        """
        count, by_new = self._answered()
        since = next((one for one in reversed(self._answers) if count - one[0] >= answers), None)
        since = since or (self._answers[0] if self._answers else (0, 0))
        return (by_new - since[1]) / (count - since[0]) if count > since[0] else None

    def _answered(self) -> tuple[int, int]:
        old, new = self._facts.served()
        return old + new, new

    def blame(self, plan: Plan, before: State, after: State, readings: Readings) -> None:
        """
        A step was made; if it was a rollback, remember by which guards and gates.
        """
        if after.seq == before.seq or after.history[-1].what != "rollback":
            return
        trips = [(plan.guards[one.guard], one.n) for one in readings.trips]
        fails = [(plan.gates[name], readings.outcomes[name].n) for name in readings.causes]
        self._blamed = after.history[-1].at, after.history[-1].stage, (*trips, *fails)

    def late(self, now: float) -> tuple[tuple[str, Cause], ...]:
        """
        What turns out to be the cause of the last rollback, with the stage that it was from: the last pairs before it
        are judged, and their signatures told, only some seconds later.
        """
        at, stage, judges = self._blamed
        if now - at > LATE:
            return ()
        return tuple((stage, cause) for judge, n in judges for cause in self.causes(judge, n, now))

    def _judged(self) -> dict[str, int]:
        return {name: sum(map(sum, page.verdicts)) for name, page in self._facts.merge.totals().pages.items()}

    def clean(self, pins: tuple[Pin, ...]) -> dict[str, int]:
        """
        Of each pinned signature, how many pairs its endpoint had without it since this was asked last; -1: it was seen.
        """
        found, before, self._seen = {}, self._seen, {}
        pages = self._judged() if pins else {}
        for pin in pins:
            judged, known = pages.get(pin.endpoint, 0), self._facts.signatures.known.get(pin.signature)
            count = 0 if known is None else known.pairs.seen
            self._seen[pin.signature] = judged, count
            were = before.get(pin.signature)
            if were is not None:
                found[pin.signature] = -1 if count > were[1] else max(0, judged - were[0])
        return found


def _of(table: Table) -> Exposure:
    return Exposure(
        weight=table.weight,
        mirror=table.mirror.percent,
        routes={one.name: table.weight_of(one) if table.has_weight(one) else None for one in table.routes},
        cohorts={one.name: table.weight_of_cohort(one) for one in table.cohorts if one.side is None},
    )


def _shown(known: Known) -> tuple[str, str, str]:
    return known.signature.id, known.signature.endpoint, _said(known)


def _said(known: Known) -> str:
    parts = ", ".join(f"{pattern} {kind.name.lower()}" for pattern, kind in known.signature.parts[:2])
    return f"{known.count:,} pairs: {parts}"


def _routes(table: Table | None) -> list[str]:
    # How much new gets is the plan's own doing; where new is, is not.
    if table is None:
        return []
    sides = [repr((side.url, side.addresses)) for side in table.sides]
    return [*sides, *(repr((route.name, route.match)) for route in table.routes)]
