"""
Must the plan go back now? A guard notices when a rate rises above its budget, however long all was well before.

It is a mixture of Shiryaev–Roberts detectors (`statistics.ChangeDetector`), told of all that has come since the last
look at once. While the rate is within the budget, it trips once in `every` opportunities on average, at the most. By
route, each has a detector with the same `every`, and the bound still holds for all of them together: level minus
opportunities is a supermartingale for each, so it is for their sum, and where one trips the sum has reached `every`.

One client that repeats one bad request must not roll back a migration: so many different keys must have had a bad one
since nothing spoke for a change. Bad ones without a key count as a key each, as it can't be known that they are one's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from proxy.gates.spec import ALL
from proxy.gates.statistics import ChangeDetector, log_ratio, noticed
from proxy.gates.wording import budgeted, counted, span


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSpec:
    """
    What a guard watches. `rates` are the ones to be noticed; those that the budget leaves no room for are passed over.
    `every` is in opportunities. `unit` and `verb` are for sentences.
    """

    name: str
    budget: float
    rates: tuple[float, ...]
    every: float = 5e6
    distinct_keys: int = 1
    per_route: bool = False
    unit: str = "pairs"
    verb: str = "are bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCounts:
    """
    What has come since the last look: `bad` of `n` opportunities. `keys` has a bit for the bucket of each sticky key
    that had a bad one lately, `unkeyed` is how many bad ones had no key.
    """

    bad: int
    n: int
    keys: int = 0
    unkeyed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    What was counted since the last moment at which nothing spoke for a change to one rate (Page, "Continuous inspection
    schemes", 1954), and how much speaks for it, in nats.
    """

    bad: int = 0
    n: int = 0
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """
    What a guard knows of one route, or of all: a level and a run for each rate, and whose requests were bad. `told` are
    the keys that were told last, and `stale` those of them that had their bad one before the guard was armed.
    """

    levels: tuple[float, ...]
    runs: tuple[Run, ...]
    keys: int = 0
    unkeyed: int = 0
    told: int = 0
    stale: int = 0

    @property
    def leading(self) -> Run:
        """
        The run that speaks most for a change.
        """
        return max(self.runs, key=lambda run: run.weight)

    @property
    def distinct(self) -> int:
        """
        How many keys had a bad one in the present run.
        """
        return self.keys.bit_count() + self.unkeyed


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardEvidence:
    """
    All that a guard knows, by route ("" for all). Kept over restarts.
    """

    routes: Mapping[str, Watch] = field(default_factory=dict)

    def as_values(self) -> dict[str, Any]:
        """
        As values that JSON has.
        """
        return {"routes": {name: _values(one) for name, one in self.routes.items()}}

    def anew(self) -> Self:
        """
        That of a guard which is armed now. Keys are told for minutes after their bad one: of those that were told
        already, nobody knows that they have another, until they are gone for once.
        """
        return replace(
            self,
            routes={
                name: Watch(
                    levels=(0.0,) * len(one.levels), runs=(Run(),) * len(one.runs), told=one.told, stale=one.told
                )
                for name, one in self.routes.items()
            },
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `as_values` made, also after JSON. Raises `TypeError`, `KeyError` or `ValueError` for anything else.
        """
        return cls(routes={name: _watch(**raw) for name, raw in values["routes"].items()})


def _values(watch: Watch) -> dict[str, Any]:
    return {**asdict(watch), **{name: f"{getattr(watch, name):x}" for name in ("keys", "told", "stale")}}


def _watch(
    *,
    levels: Sequence[float],
    runs: Sequence[Mapping[str, Any]],
    unkeyed: int,
    keys: str,
    told: str = "0",
    stale: str = "0",
) -> Watch:
    return Watch(
        levels=tuple(levels),
        runs=tuple(Run(**run) for run in runs),
        unkeyed=unkeyed,
        keys=int(keys, 16),
        told=int(told, 16),
        stale=int(stale, 16),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """
    What a guard says. `share` is its level over the one at which it trips (1 and more has tripped, if enough keys
    were hit); the counts are those of the run that speaks most for a change, and `route` where that is ("" for all).
    """

    guard: str
    tripped: bool
    sentence: str
    share: float = 0.0
    bad: int = 0
    n: int = 0
    keys: int = 0
    route: str = ""


def judge_guard(
    spec: GuardSpec, before: GuardEvidence, counts: Mapping[str, GuardCounts]
) -> tuple[Alarm, GuardEvidence]:
    """
    Add what has come since the last look, by route, all of it at once, and say whether the guard has tripped. If
    `counts` has all routes together too (`ALL`), that is what counts for all, and no route.
    """
    rates = noticed(spec.budget, spec.rates)
    if spec.per_route:
        counts = {name: one for name, one in counts.items() if name != ALL}
    else:
        counts = {ALL: counts[ALL] if ALL in counts else _merged(counts)}
    routes = dict(before.routes)
    for name, new in counts.items():
        old = routes.get(name)
        if old is None or len(old.levels) != len(rates):
            old = Watch(levels=(0.0,) * len(rates), runs=(Run(),) * len(rates))
        routes[name] = _add(spec, rates, old, new) if new.n else old
    alarms = [_alarm(spec, name, one) for name, one in routes.items()]
    worst = max(alarms, key=lambda one: (one.tripped, one.share), default=_quiet(spec))
    return worst, GuardEvidence(routes=routes)


def _merged(counts: Mapping[str, GuardCounts]) -> GuardCounts:
    keys = 0
    for one in counts.values():
        keys |= one.keys
    each = counts.values()
    return GuardCounts(
        bad=sum(one.bad for one in each),
        n=sum(one.n for one in each),
        keys=keys,
        unkeyed=sum(one.unkeyed for one in each),
    )


def _add(spec: GuardSpec, rates: Sequence[float], old: Watch, new: GuardCounts) -> Watch:
    detector = ChangeDetector(budget=spec.budget, rates=rates, every=spec.every, levels=list(old.levels))
    detector.add(new.bad, new.n)
    runs = tuple(_further(spec, rate, run, new) for rate, run in zip(rates, old.runs, strict=True))
    stale = old.stale & new.keys
    watch = replace(old, levels=tuple(detector.levels), runs=runs, told=new.keys, stale=stale)
    if not any(run.weight for run in runs):
        return replace(watch, keys=0, unkeyed=0)
    return replace(watch, keys=old.keys | (new.keys & ~stale), unkeyed=old.unkeyed + new.unkeyed) if new.bad else watch


def _further(spec: GuardSpec, rate: float, run: Run, new: GuardCounts) -> Run:
    weight = run.weight + log_ratio(new.bad, new.n, rate, spec.budget)
    return Run(bad=run.bad + new.bad, n=run.n + new.n, weight=weight) if weight > 0.0 else Run()


def _alarm(spec: GuardSpec, route: str, watch: Watch) -> Alarm:
    run = watch.leading
    if not run.n:
        return _quiet(spec)
    share = sum(watch.levels) / len(watch.levels) / spec.every
    where = f" on {route}" if route else ""
    # A bad one is somebody's: where one key is enough, nobody has to say whose.
    # Keys are told for minutes, also those from before this run: a bad one has one key at the most.
    distinct = min(watch.distinct, run.bad)
    enough = spec.distinct_keys <= 1 or distinct >= spec.distinct_keys
    keys = "" if enough and not distinct else f"; {distinct:,} key{'s' * (distinct != 1)}"
    if not enough:
        keys += f" of the {spec.distinct_keys} that it takes"
    found = counted(run.bad, run.n, spec.unit, spec.verb)
    return Alarm(
        guard=spec.name,
        tripped=share >= 1.0 and enough,
        sentence=f"{spec.name}{where}: {found} against a budget of {budgeted(spec.budget)}{keys}",
        share=share,
        bad=run.bad,
        n=run.n,
        keys=distinct,
        route=route,
    )


def _quiet(spec: GuardSpec) -> Alarm:
    said = f"{spec.name}: nothing speaks for more than {budgeted(spec.budget)}"
    return Alarm(guard=spec.name, tripped=False, sentence=said)


def judge_silence(name: str, silent: float, limit: float) -> Alarm:
    """
    A guard that is blind: it trips when nothing has been heard of traffic for `limit` seconds.
    """
    said = f"{name}: no data for {span(silent)}, at most {span(limit)} are borne"
    return Alarm(guard=name, tripped=silent >= limit, sentence=said, share=silent / limit)
