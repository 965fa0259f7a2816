"""
A migration under way without any traffic: the real controller of plans, and by hand what it reads and what it acts on.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.gates.outcome import Outcome, Result
from proxy.plan.beginnings import draft, resumed
from proxy.plan.commands import obey
from proxy.plan.exposure import BASE, Exposure
from proxy.plan.model import Plan
from proxy.plan.moves import Action, Apply, Check, Command, NotAllowed, Readings, Save, Tell, Trip
from proxy.plan.state import State, from_values
from proxy.plan.step import step
from proxy.plan.team import people_who_may

# 2026-03-02 is a Monday; 10:00 UTC.
MONDAY = 1_772_445_600.0


@dataclass(slots=True, kw_only=True)
class Migration:
    """
    `state` is what the controller has in memory, `saved` what is in the store, `in_force` what workers go by. While
    `is_kept` is False, the store takes nothing; while `is_obeyed` is False, workers don't take a table.
    """

    plan: Plan
    state: State = field(default_factory=lambda: draft("run", "a" * 64))
    saved: State = field(default_factory=lambda: draft("run", "a" * 64))
    in_force: Exposure = BASE
    now: float = MONDAY
    is_kept: bool = True
    is_obeyed: bool = True
    gates: dict[str, Result] = field(default_factory=dict)
    told: list[Tell] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def readings(self, **given: Any) -> Readings:
        """
        What is so now, with what a test says instead.
        """
        outcomes = {
            name: Outcome(gate=name, result=result, sentence=f"{name} says {result}", n=1000, bad=20)
            for name, result in self.gates.items()
        }
        usual = {
            "outcomes": outcomes,
            "epoch": self.state.epoch,
            "armed": self.state.armed,
            "identity": "rules 1",
            "in_force": self.in_force,
            "acknowledged": self.is_obeyed,
            "lagging": () if self.is_obeyed else ("host/1",),
        }
        return Readings(**{**usual, **self.given, **given})

    def look(self, seconds: float = 1.0, **given: Any) -> "Migration":
        """
        One step, so many seconds later.
        """
        self.now += seconds
        self.carry_out(*step(self.plan, self.state, self.readings(**given), self.now))
        return self

    def looks(self, times: int, seconds: float = 1.0, **given: Any) -> "Migration":
        """
        Several steps.
        """
        for _ in range(times):
            self.look(seconds, **given)
        return self

    def until(self, step_: str, seconds: float = 60.0) -> "Migration":
        """
        Steps until the plan is at this one; a day's worth at the most.
        """
        for _ in range(int(86_400 / seconds)):
            if self.state.step == step_:
                return self
            self.look(seconds)
        raise AssertionError(f"never {step_}: {self.state.step}, {self.state.said}, waits for {self.state.waits}")

    def order(self, name: str, by: str = "alice", **given: Any) -> "Migration":
        """
        A person's command.
        """
        said = {"reason": "because", **given}
        command = Command(name=name, by=by, **said)
        self.carry_out(*obey(self.plan, self.state, self.readings(), command, self.now))
        self.plan = command.plan or self.plan
        return self

    def trip(self, guard: str, **given: Any) -> "Migration":
        """
        A step that finds a guard tripped.
        """
        trip = Trip(guard=guard, said="5 % are wrong", bad=40, n=800, **given)
        return self.look(trips=(trip,))

    def crash(self) -> "Migration":
        """
        The control process dies and another takes over, with what is in the store.
        """
        self.state = from_values(self.saved.as_values())
        self.carry_out(*resumed(self.plan, self.state, self.now))
        return self

    def carry_out(self, state: State, actions: tuple[Action, ...]) -> None:
        """
        As the rollout does: a save that fails undoes the step, but for what is saved late.
        """
        for action in actions:
            self.done.append(action)
            if isinstance(action, Save):
                if not self.is_kept and not action.late:
                    return
                self.saved = state if self.is_kept else self.saved
            elif isinstance(action, Apply):
                self.in_force = action.exposure if self.is_obeyed else self.in_force
            elif isinstance(action, Tell):
                self.told.append(action)
            else:
                assert isinstance(action, Check)
        self.state = state

    @property
    def events(self) -> list[str]:
        """
        What people were told, in order.
        """
        return [notice.event for notice in self.told]

    def with_state(self, **changes: Any) -> "Migration":
        """
        With another state, saved.
        """
        self.state = self.saved = replace(self.state, **changes)
        return self


def started(plan: Plan, **given: Any) -> Migration:
    """
    A plan that alice has started.
    """
    return Migration(plan=plan, **given).order("start")


def _approve(migration: Migration) -> None:
    """
    Everybody who may.
    """
    for name in people_who_may(migration.plan, "approve") or ("carol",):
        with suppress(NotAllowed):
            migration.order("approve", name)


def at(plan: Plan, stage: int, step_: str = "observing", **given: Any) -> Migration:
    """
    A plan at a step of one of its stages; every gate before it has passed, and none of an observing one yet.
    """
    found = started(plan, **given)
    found.gates = dict.fromkeys(plan.gates, "pass")
    for _ in range(5000):
        if (found.state.stage, found.state.step) == (stage, step_):
            found.gates = {} if step_ == "observing" else found.gates
            return found
        found.look(20)
        if "approval" in found.state.waits and found.state.stage < stage:
            _approve(found)
    raise AssertionError(f"never there: {found.state.stage} {found.state.step} {found.state.said}")
