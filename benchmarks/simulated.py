"""
A whole migration in simulated time: the real controller, gates and guards, and made-up counts of what workers see.

Nothing is awaited and nothing is asked; between two looks as much time passes as the plan allows, and all that would
have been counted in it comes at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log1p, sqrt
from random import Random
from typing import Final

from proxy.gates.events import EventSpec
from proxy.gates.merging import Count, Counts
from proxy.gates.outcome import Outcome
from proxy.gates.tally import MERGED
from proxy.plan.beginnings import draft
from proxy.plan.commands import obey
from proxy.plan.criteria import EventGate
from proxy.plan.deadlines import next_look
from proxy.plan.exposure import BASE, Exposure
from proxy.plan.judging import Judging, evidence_digest
from proxy.plan.model import Plan
from proxy.plan.moves import Action, Apply, Command, NotAllowed, Readings
from proxy.plan.state import Phase, State, Step
from proxy.plan.step import step
from proxy.plan.team import people_who_may, roles_of

DAY: Final = 86_400.0
# How many different buckets of keys there are at the most.
KEYS: Final = 2400
# The share of traffic that cohorts have.
COHORTS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    How new does: the share of bad ones by event (its expression), which may change at a time (seconds from the start)
    if a stage is in force. `usual` is for events that aren't named.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    usual: float = 0.0
    broken: Mapping[str, float] = field(default_factory=dict)
    broken_at: str = ""

    def rate(self, event: str, stage: str) -> float:
        """
        The share of bad ones of an event, at a stage.
        """
        rates = {**self.rates, **self.broken} if stage == self.broken_at else self.rates
        return rates.get(event, self.usual)


@dataclass(slots=True, kw_only=True)
class Simulation:
    """
    One run of a plan from `now`. `longest` is the most seconds between two looks; `people` act an hour after they are
    asked, and resume what holds.
    """

    plan: Plan
    world: World
    random: Random
    now: float
    longest: float = 12 * 3600.0
    state: State = field(default_factory=lambda: draft("simulated", "0" * 64))
    in_force: Exposure = BASE
    looks: int = 0
    asked_at: float | None = None

    def run(self, days: float = 400.0) -> State:
        """
        From the start to the end, or for so many days.
        """
        judging = Judging(self.plan)
        end = self.now + days * DAY
        for role in self.plan.team.reviewers:
            self._order("sign", self.plan.team.roles[role].who[0], judging)
        self._check("preflight", judging)
        self._order("start", self._starter(), judging)
        while self.state.phase is Phase.RUNNING and self.now < end:
            before = self.state.seq
            self._look(judging)
            self._act(judging)
            self._pass(judging, 1.0 if self.state.seq != before else self._seconds())
        return self.state

    # Time...

    def _seconds(self) -> float:
        due = next_look(self.plan, self.state, self.now)
        wait = self.longest if due is None else min(due - self.now, self.longest)
        asked = self.longest if self.asked_at is None else self.asked_at + 3600.0 - self.now
        return max(1.0, min(wait, asked))

    def _pass(self, judging: Judging, seconds: float) -> None:
        self.now += seconds
        judging.follow(self.state)
        mirrored = self.in_force.mirror / 100.0
        events = {spec.id: self._count(spec, seconds, mirrored) for spec in judging.events}
        judging.take(Counts(events=events, traffic=dict.fromkeys(self.plan.expect.routes, 1)), seconds)

    def _count(self, spec: EventSpec, seconds: float, mirrored: float) -> dict[str, Count]:
        """
        By route where that is asked for, and always of all together.
        """
        shares = self.plan.expect.routes
        names = spec.routes or tuple(shares)
        # Cohorts are a small part of all, of which nobody says how small.
        served = max(self.in_force.weight / 100.0, COHORTS * any(self.in_force.cohorts.values()))
        reached = {"pairs": mirrored, "served": served}.get(spec.of, 1.0)
        total = self.plan.expect.rate * seconds * reached
        if spec.unit != "request":
            total = min(total, (self.plan.expect.keys or KEYS) * seconds / 60.0)
        rate = self.world.rate(spec.expression, self._stage)
        found = {name: self._drawn(total * shares[name] / 100.0, rate) for name in names if name in shares}
        if not found:
            found = {MERGED: self._drawn(total, rate)}
        merged = Count(n=sum(one.n for one in found.values()), bad=sum(one.bad for one in found.values()), unkeyed=0)
        return {**found, MERGED: Count(n=merged.n, bad=merged.bad, unkeyed=merged.bad)}

    def _drawn(self, n: float, rate: float) -> Count:
        count = int(n) + (self.random.random() < n % 1.0)
        return Count(n=count, bad=binomial(self.random, count, rate))

    @property
    def _stage(self) -> str:
        return self.plan.stages[self.state.at].name if self.state.at >= 0 else ""

    # ... the controller...

    def _readings(self, judging: Judging) -> Readings:
        judging.follow(self.state)
        names = self.plan.stages[max(self.state.at, 0)].gates
        outcomes = judging.outcomes(names)
        for name in names:
            if not isinstance(self.plan.gates[name], EventGate):
                outcomes[name] = Outcome(gate=name, result="pass", sentence="as it should be")
        return Readings(
            outcomes=outcomes,
            trips=judging.trips(),
            epoch=judging.epoch,
            armed=judging.armed,
            evidence=evidence_digest(outcomes),
            identity="the same",
            in_force=self.in_force,
            checks=_all_well(self.plan),
        )

    def _look(self, judging: Judging) -> None:
        self.looks += 1
        self._carry_out(*step(self.plan, self.state, self._readings(judging), self.now))

    def _carry_out(self, state: State, actions: tuple[Action, ...]) -> None:
        self.state = state
        for action in actions:
            if isinstance(action, Apply):
                self.in_force = action.exposure

    # ... and people.

    def _starter(self) -> str:
        people = people_who_may(self.plan, "start") or ("somebody",)
        return next((name for name in people if name != self.plan.team.author), people[0])

    def _act(self, judging: Judging) -> None:
        """
        People do what they are waited for, an hour after it began.
        """
        is_asked = self.state.step is Step.HELD or bool(set(self.state.waits) - {"window", "pins"})
        if not is_asked:
            self.asked_at = None
        elif self.asked_at is None:
            self.asked_at = self.now
        elif self.now >= self.asked_at + 3600.0:
            self.asked_at = None
            self._do_all(judging)

    def _do_all(self, judging: Judging) -> None:
        if self.state.step is Step.HELD:
            self._order("resume", self._starter(), judging)
        elif "approval" in self.state.waits:
            for name in people_who_may(self.plan, "approve") or ("somebody else",):
                self._order("approve", name, judging)
        for checklist in {key.rpartition("/")[0] for key in self.state.waits if "/" in key}:
            self._check(checklist, judging)

    def _check(self, checklist: str, judging: Judging) -> None:
        for number, item in enumerate(self.plan.checklists.get(checklist, ()), start=1):
            if item.manual is not None:
                owner = self.plan.team.roles[item.owner].who[0] if item.owner else self._starter()
                self._order("check", owner, judging, item=f"{checklist}/{number}")

    def _order(self, name: str, by: str, judging: Judging, item: str = "") -> None:
        command = Command(name=name, by=by, reason="simulated", item=item, evidence="simulated")
        try:
            self._carry_out(*obey(self.plan, self.state, self._readings(judging), command, self.now))
        except NotAllowed:
            # Of several who may approve, some wrote the plan, and only so many are needed.
            if name != "approve" or not roles_of(self.plan, by):
                raise


def _all_well(plan: Plan) -> dict[str, tuple[bool, str]]:
    lines = [f"{name}/{number}" for name, items in plan.checklists.items() for number in range(1, len(items) + 1)]
    sources = [f"source/{name}" for name in (*plan.gates, *plan.guards)]
    channels = [f"channel/{name}" for name in plan.comms.channels]
    return dict.fromkeys((*lines, *sources, *channels), (True, ""))


def binomial(random: Random, n: int, rate: float) -> int:
    """
    How many of n are bad, at random: counted where there are few, and else rounded from the normal distribution, which
    by then is off by less than a hundredth of its spread.
    """
    if n <= 0 or rate <= 0.0:
        return 0
    if rate > 0.5:
        return n - binomial(random, n, 1.0 - rate)
    spread = sqrt(n * rate * (1.0 - rate))
    if spread > 10.0:
        return min(n, max(0, round(random.gauss(n * rate, spread))))
    # Good ones before the next bad one are geometric.
    bad, at, log_good = 0, 0, log1p(-rate)
    while True:
        at += int(log1p(-random.random()) / log_good) + 1
        if at > n:
            return bad
        bad += 1
