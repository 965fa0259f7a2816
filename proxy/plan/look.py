"""
What one step looks at: the plan, its state, the readings and the time, with what follows from them. Decides nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.gates.outcome import Outcome
from proxy.plan.exposure import Exposure, exposures, is_live, lower, without
from proxy.plan.model import Item, Plan, Stage
from proxy.plan.moves import Readings, Trip
from proxy.plan.state import State, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    One look at a plan that runs.
    """

    plan: Plan
    state: State
    readings: Readings
    now: float

    # Stages and what they want...

    @property
    def here(self) -> Stage | None:
        """
        The stage whose exposure is in force; None before the first.
        """
        return self.plan.stages[self.state.at] if self.state.at >= 0 else None

    @property
    def aim(self) -> Stage:
        """
        The stage that is wanted.
        """
        return self.plan.stages[self.state.stage]

    @property
    def blamed(self) -> Stage:
        """
        The stage that a fault of this moment belongs to: the one that is being entered, else the one in force.
        """
        return self.aim if self.state.step is Step.SHIFTING else self.here or self.aim

    @property
    def is_forced(self) -> bool:
        """
        Whether a force is in effect.
        """
        return self.state.forced_until is not None and self.now < self.state.forced_until

    @property
    def is_on_its_way_back(self) -> bool:
        """
        Whether the stage in force is about to get again what was taken from it, so that it can't be judged yet.
        """
        return self.state.step is Step.WAITING and self.state.stage == self.state.at

    def desired(self, stage: int) -> Exposure:
        """
        What a stage wants, but for what is closed and switched off; -1: what there was before the first.
        """
        wanted = exposures(self.plan, self.state.base)[stage] if stage >= 0 else self.state.base
        return without(wanted, self.state.closed, copies=self.state.copies)

    @property
    def floor(self) -> Exposure:
        """
        What surely isn't more than what is in force: nothing that only lowers goes above it.
        """
        state = self.state
        floor = lower(state.before, state.wanted) if state.step is Step.SHIFTING else state.wanted
        return floor if self.readings.in_force is None else lower(floor, self.readings.in_force)

    @property
    def is_live(self) -> bool:
        """
        Whether new may answer anybody now.
        """
        return is_live(self.state.wanted) or (self.state.step is Step.SHIFTING and is_live(self.state.before))

    @property
    def is_copied(self) -> bool:
        """
        Whether new may get copies now.
        """
        return self.state.wanted.mirror > 0 or (self.state.step is Step.SHIFTING and self.state.before.mirror > 0)

    # ... what is known of new...

    @property
    def outcomes(self) -> dict[str, Outcome | None]:
        """
        What each gate of the present stage says, in this evidence epoch.
        """
        names = () if self.here is None else self.here.gates
        known = self.readings.outcomes if self.readings.epoch == self.state.epoch else {}
        return {name: known.get(name) for name in names}

    @property
    def failing(self) -> tuple[Outcome, ...]:
        """
        The gates of the present stage that fail.
        """
        return tuple(one for one in self.outcomes.values() if one is not None and one.result == "fail")

    @property
    def open_gates(self) -> tuple[str, ...]:
        """
        The gates of the present stage that haven't passed, by name.
        """
        return tuple(name for name, one in self.outcomes.items() if one is None or one.result != "pass")

    @property
    def trips(self) -> tuple[Trip, ...]:
        """
        The guards that have tripped since they were armed last.
        """
        if self.readings.armed != self.state.armed:
            return ()
        return tuple(trip for trip in self.readings.trips if trip.guard in self.plan.guards)

    # ... and checklists.

    def items(self, checklist: str | None) -> Iterable[tuple[str, Item]]:
        """
        The lines of a checklist, each with its key.
        """
        lines = self.plan.checklists.get(checklist, ()) if checklist is not None else ()
        return ((f"{checklist}/{number}", item) for number, item in enumerate(lines, start=1))

    def checked(self, key: str, item: Item) -> tuple[bool, str] | None:
        """
        Whether a line holds, and a sentence; None if nobody knows yet.
        """
        if item.manual is None:
            return self.readings.checks.get(key)
        done = next((one for one in reversed(self.state.done) if one.item == key), None)
        return None if done is None else (done.ok, done.note)

    def not_done(self, checklist: str | None) -> tuple[str, ...]:
        """
        The lines that don't hold, or aren't known to, by key.
        """
        found = ((key, self.checked(key, item)) for key, item in self.items(checklist))
        return tuple(key for key, one in found if one is None or not one[0])
