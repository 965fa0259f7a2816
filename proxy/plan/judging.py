"""
What the gates and guards of a plan have seen so far, and what they say: counts in, outcomes and trips out.

Evidence of gates belongs to one evidence epoch and that of guards to one arming: `follow` begins anew where the state
of the plan has other numbers. All of it can be kept as JSON, so that a restart loses and repeats nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import exp
from typing import Any, Final

from proxy.gates.completeness import CompletenessSpec, judge_completeness
from proxy.gates.events import EventSpec, event
from proxy.gates.gate import judge_gate
from proxy.gates.guard import Alarm, GuardCounts, GuardEvidence, GuardSpec, judge_guard, judge_silence
from proxy.gates.merging import Count, Counts
from proxy.gates.outcome import Outcome
from proxy.gates.promql import Reading
from proxy.gates.spec import ALL, GateEvidence, GateSpec, RouteCounts
from proxy.gates.tally import MERGED
from proxy.gates.webhook import Reply
from proxy.gates.windows import window_of
from proxy.plan.asked import Asked, asked_of
from proxy.plan.criteria import BlindGuard, CompletenessGate, EventGate, EventGuard, Gate, Guard
from proxy.plan.model import Plan
from proxy.plan.moves import Trip
from proxy.plan.show import GuardSeen
from proxy.plan.state import State

UNITS: Final = {"pairs": "pairs", "served": "answers to clients", "old": "answers of old", "new": "answers of new"}
NONE: Final = Count()
# How fast the rate of opportunities follows, in seconds.
RATE_SECONDS: Final = 10.0


@dataclass(slots=True)
class GateJudge:
    """
    One gate that counts events.
    """

    spec: GateSpec
    event: EventSpec
    evidence: GateEvidence = field(default_factory=GateEvidence)
    outcome: Outcome | None = None
    rate: float | None = None

    def take(self, came: Mapping[str, Count], traffic: Mapping[str, int], seconds: float) -> None:
        """
        What has come in the last `seconds`, by route, and how many requests each had.
        """
        self.rate = _rate(self.rate, came.get(MERGED, NONE).n, seconds)
        if self.spec.per_route:
            # A route without a pair is traffic all the same, which isn't covered.
            names = {*came, *(name for name in traffic if not self.spec.routes or name in self.spec.routes)} - {MERGED}
        else:
            names = {MERGED}
        found = {name: came.get(name, NONE) for name in names}
        new = {name: RouteCounts(bad=one.bad, n=one.n, traffic=traffic.get(name, 0)) for name, one in found.items()}
        self.outcome, self.evidence = judge_gate(self.spec, self.evidence, new, per_second=self.rate)


@dataclass(slots=True)
class GuardJudge:
    """
    One guard that counts events.
    """

    spec: GuardSpec
    event: EventSpec
    evidence: GuardEvidence = field(default_factory=GuardEvidence)
    alarm: Alarm | None = None

    def take(self, came: Mapping[str, Count]) -> None:
        """
        What has come since the last time.
        """
        whole = came.get(MERGED, NONE)
        new = {ALL: GuardCounts(bad=whole.bad, n=whole.n, keys=whole.keys, unkeyed=whole.unkeyed)}
        self.alarm, self.evidence = judge_guard(self.spec, self.evidence, new)


class CompletenessJudge:
    """
    Whether enough of what could be compared has been, since the evidence epoch began.
    """

    def __init__(self, spec: CompletenessSpec) -> None:
        self._spec = spec
        self._compared = self._eligible = 0
        self._skipped: Counter[str] = Counter()
        self.outcome: Outcome | None = None

    def take(self, counts: Counts) -> None:
        """
        What has come since the last time.
        """
        self._compared += counts.compared
        self._eligible += counts.eligible
        self._skipped.update(counts.skipped)
        self.outcome = judge_completeness(self._spec, self._compared, self._eligible, self._skipped)

    def anew(self) -> None:
        """
        Another evidence epoch.
        """
        self._compared = self._eligible = 0
        self._skipped.clear()
        self.take(Counts())

    def as_values(self) -> dict[str, Any]:
        """
        The totals, as JSON.
        """
        return {"compared": self._compared, "eligible": self._eligible, "skipped": dict(self._skipped)}

    def restore(self, values: Mapping[str, Any]) -> None:
        """
        Go on with the totals of `as_values`. Raises KeyError, TypeError or ValueError for anything else.
        """
        self._compared, self._eligible = int(values["compared"]), int(values["eligible"])
        self._skipped = Counter({str(reason): int(count) for reason, count in values["skipped"].items()})
        self.take(Counts())


class Judging:
    """
    All gates and guards of a plan that workers count events for. `epoch` and `armed` are the numbers of the state that
    the evidence belongs to.
    """

    def __init__(self, plan: Plan) -> None:
        self.epoch = self.armed = 0
        # The window in which the evidence epoch began: part of it is from before.
        self._begun = -1
        self._gates = {name: _gate(name, one) for name, one in plan.gates.items() if isinstance(one, EventGate)}
        self._guards = {name: _guard(name, one) for name, one in plan.guards.items() if isinstance(one, EventGuard)}
        self._asked_gates = _asked(plan, plan.gates)
        self._asked_guards = _asked(plan, plan.guards)
        self._complete = {
            name: CompletenessJudge(CompletenessSpec(name=name, share=one.min))
            for name, one in plan.gates.items()
            if isinstance(one, CompletenessGate)
        }
        self._blind = {name: one.no_data_for for name, one in plan.guards.items() if isinstance(one, BlindGuard)}

    @property
    def events(self) -> tuple[EventSpec, ...]:
        """
        What workers have to count, each once, in the same order at all times.
        """
        events = [*(gate.event for gate in self._gates.values()), *(guard.event for guard in self._guards.values())]
        found = {one.id: one for one in events}
        return tuple(found[name] for name in sorted(found))

    def follow(self, state: State) -> None:
        """
        Begin anew what belongs to another evidence epoch, or to another arming, than the state's.
        """
        if self.epoch != state.epoch:
            self.epoch, self._begun = state.epoch, window_of(state.looked)
            for gate in self._gates.values():
                gate.evidence = GateEvidence()
                gate.take({}, {}, 0.0)
            for complete in self._complete.values():
                complete.anew()
            for asked in self._asked_gates.values():
                asked.anew()
        if self.armed != state.armed:
            self.armed = state.armed
            for guard in self._guards.values():
                guard.evidence = guard.evidence.anew()
                guard.take({})
            for asked in self._asked_guards.values():
                asked.anew()

    def take(self, counts: Counts, seconds: float) -> None:
        """
        What was counted in the last `seconds`.
        """
        is_older = counts.since is not None and counts.since <= self._begun
        for gate in self._gates.values():
            came = {} if is_older and gate.event.unit == "key/60s" else counts.events.get(gate.event.id, {})
            gate.take(came, counts.traffic, seconds)
        for guard in self._guards.values():
            guard.take(counts.events.get(guard.event.id, {}))
        for complete in self._complete.values():
            complete.take(counts)

    def answered(self, name: str, answer: Reading | Reply, at: float) -> None:
        """
        What a gate's or guard's source has answered, and when.
        """
        for judges in (self._asked_gates, self._asked_guards):
            if name in judges:
                judges[name].take(answer, at)

    @property
    def errors(self) -> dict[str, int]:
        """
        Questions that failed in a row, by gate or guard.
        """
        return {name: one.errors for name, one in {**self._asked_gates, **self._asked_guards}.items() if one.errors}

    def outcomes(self, names: Iterable[str]) -> dict[str, Outcome]:
        """
        What these gates say, those of them that are judged here.
        """
        judges: dict[str, Any] = {**self._gates, **self._complete, **self._asked_gates}
        known = {name: judges[name].outcome for name in names if name in judges}
        return {name: outcome for name, outcome in known.items() if outcome is not None}

    def trips(self) -> tuple[Trip, ...]:
        """
        The guards that have tripped since they were armed. Whether anything is heard at all, `step` judges itself.
        """
        alarms = [guard.alarm for guard in self._guards.values() if guard.alarm is not None]
        asked = [one.outcome for one in self._asked_guards.values()]
        return (
            *(_trip(one) for one in alarms if one.tripped),
            *(Trip(guard=one.gate, said=one.sentence) for one in asked if one is not None and one.result == "fail"),
        )

    def guards(self, silent: float) -> tuple[GuardSeen, ...]:
        """
        How near each guard is to tripping; nothing has been heard of traffic for `silent` seconds.
        """
        alarms = [(name, guard.alarm) for name, guard in self._guards.items()]
        alarms += [(name, judge_silence(name, silent, limit)) for name, limit in self._blind.items()]
        asked = ((name, one.outcome) for name, one in self._asked_guards.items())
        return (
            *(_seen(name, alarm) for name, alarm in alarms),
            *(
                GuardSeen(
                    guard=name, share=0.0 if one is None else one.fail_ratio, said="" if one is None else one.sentence
                )
                for name, one in asked
            ),
        )

    def as_values(self) -> dict[str, Any]:
        """
        All evidence, as JSON. What belongs to an event that changes is not found again.
        """
        return {
            "epoch": self.epoch,
            "armed": self.armed,
            "begun": self._begun,
            "gates": {_key(name, one.event, one.spec): one.evidence.as_values() for name, one in self._gates.items()},
            "guards": {_key(name, one.event, one.spec): one.evidence.as_values() for name, one in self._guards.items()},
            "asked": {name: one.as_values() for name, one in {**self._asked_gates, **self._asked_guards}.items()},
            "complete": {name: one.as_values() for name, one in self._complete.items()},
        }

    def restore(self, values: Mapping[str, Any], now: float) -> None:
        """
        Go on with the evidence of `as_values`; what isn't in it begins anew. Raises KeyError, TypeError or ValueError
        for anything else.
        """
        self.epoch, self.armed, self._begun = int(values["epoch"]), int(values["armed"]), int(values["begun"])
        for name, gate in self._gates.items():
            if (kept := values["gates"].get(_key(name, gate.event, gate.spec))) is not None:
                gate.evidence = GateEvidence.from_values(kept)
            gate.take({}, {}, 0.0)
        for name, guard in self._guards.items():
            if (kept := values["guards"].get(_key(name, guard.event, guard.spec))) is not None:
                guard.evidence = GuardEvidence.from_values(kept)
            guard.take({})
        for name, asked in {**self._asked_gates, **self._asked_guards}.items():
            if (kept := values["asked"].get(name)) is not None:
                asked.restore(kept, now)
        for name, complete in self._complete.items():
            if (kept := values["complete"].get(name)) is not None:
                complete.restore(kept)


def _asked(plan: Plan, ones: Mapping[str, Gate | Guard]) -> dict[str, Asked]:
    judges = ((name, asked_of(name, one, plan.defaults.errors)) for name, one in ones.items())
    return {name: judge for name, judge in judges if judge is not None}


def _trip(alarm: Alarm) -> Trip:
    return Trip(guard=alarm.guard, said=alarm.sentence, bad=alarm.bad, n=alarm.n, keys=alarm.keys)


def _seen(name: str, alarm: Alarm | None) -> GuardSeen:
    if alarm is None:
        return GuardSeen(guard=name, share=0.0, said="")
    # Enough evidence of too few keys has not tripped.
    return GuardSeen(guard=name, share=alarm.share if alarm.tripped else min(alarm.share, 0.99), said=alarm.sentence)


def evidence_digest(outcomes: Mapping[str, Outcome]) -> str:
    """
    What names the results that an approver has seen: it changes when any of them does, and not with each pair.
    """
    said = "\n".join(f"{name} {outcomes[name].result}" for name in sorted(outcomes))
    return sha256(said.encode()).hexdigest()[:16]


def _gate(name: str, gate: EventGate) -> GateJudge:
    spec = GateSpec(
        name=name,
        budget=gate.max,
        alpha=gate.alpha,
        beta=gate.beta,
        least=gate.min,
        per_route=gate.per == "route",
        routes=gate.routes,
        coverage=gate.coverage / 100.0,
        unit=UNITS[gate.of] if gate.unit == "request" else "keys by the minute",
        verb=_verb(gate.event),
    )
    judge = GateJudge(spec, counted(gate))
    judge.take({}, {}, 0.0)
    return judge


def _guard(name: str, guard: EventGuard) -> GuardJudge:
    spec = GuardSpec(
        name=name,
        budget=guard.max,
        rates=tuple(one.of(guard.max) for one in guard.detect),
        every=guard.false_alarm_every,
        distinct_keys=guard.distinct_keys,
        unit=UNITS[guard.of],
        verb=_verb(guard.event),
    )
    return GuardJudge(spec, counted(guard))


def counted(one: EventGate | EventGuard) -> EventSpec:
    """
    What workers count for a gate or a guard. Raises ValueError where its event means nothing.
    """
    if isinstance(one, EventGuard):
        return event(one.event, of=one.of, routes=one.routes)
    return event(one.event, of=one.of, routes=one.routes, per_route=one.per == "route", unit=one.unit)


def _verb(expression: str) -> str:
    return "differ" if expression.strip() == "mismatch" else "are bad"


def _key(name: str, counted: EventSpec, spec: GateSpec | GuardSpec) -> str:
    """
    Evidence is of one event against one budget; of another it says nothing.
    """
    return f"{name} {counted.id} {spec.budget:g}"


def _rate(before: float | None, n: int, seconds: float) -> float | None:
    if seconds <= 0.0:
        return before
    if before is None:
        return n / seconds
    kept = exp(-seconds / RATE_SECONDS)
    return kept * before + (1.0 - kept) * n / seconds
