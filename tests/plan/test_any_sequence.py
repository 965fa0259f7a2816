"""
Whatever happens, in whatever order: steps, readings, commands, changes by hand, a store that is away, and crashes
between any two actions. What is in force never gives new more than the store knows of, nothing advances without what it
needs, and one can always hold and go back.
"""

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proxy.gates.outcome import Outcome
from proxy.plan.beginnings import draft, resumed
from proxy.plan.commands import obey
from proxy.plan.exposure import Exposure, is_live, is_within, lower
from proxy.plan.moves import Action, Apply, Command, NotAllowed, Readings, Save, Trip
from proxy.plan.state import Phase, State, Step, from_values
from proxy.plan.step import step
from tests.parts.migration import MONDAY
from tests.parts.plans import a_plan

PLAN = a_plan(
    {"weight": 0, "gates": ("answers",), "observe": "1m..10m", "settle": 0},
    {"cohorts": {"staff": 100.0}, "gates": ("answers",), "observe": "1m..10m"},
    {"weight": 10, "routes": {"search": 5.0}, "gates": ("answers", "load"), "observe": "1m..10m", "advance": "approve"},
    {"weight": 50, "routes": {"search": 50.0}, "mirror": 60.0, "gates": ("answers",), "observe": "1m..10m"},
    {"weight": 100, "routes": {"search": 100.0}, "mirror": 20.0, "gates": ("answers",), "observe": "1m..10m"},
    gates={"answers": {"event": "mismatch", "max": 0.01}, "load": {"source": "completeness"}},
    guards={
        "wrong": {"event": "mismatch", "max": 0.05},
        "old": {"event": "old_error", "of": "old", "max": 0.05, "on_trip": "hold", "mirror_off": True},
        "slow": {"event": "new_ms > 400", "max": 0.05, "on_trip": "hold"},
    },
    defaults={"settle": 30, "cooldown": 300, "attempts": 3, "pins": 100, "errors": 4},
)
START = Exposure(weight=0.0, mirror=100.0, routes={"search": None, "read": None}, cohorts={"staff": 0.0})
RESULTS = st.sampled_from(["pass", "pass", "pass", "pass", "fail", "inconclusive", "error"])
RARELY = st.integers(0, 9).map(lambda roll: roll == 0)
SECONDS = st.sampled_from([0.0, 1.0, 31.0, 61.0, 301.0, 601.0])
ORDERS = ("approve", "hold", "resume", "advance", "rollback", "abort", "force", "tick")


class AnySequence(RuleBasedStateMachine):
    """
    One migration. `in_force` is the table, `saved` the store; `state` is lost with a crash.
    """

    @initialize(steps=st.sampled_from(range(50)))
    def begin(self, steps: int) -> None:
        """
        Somebody starts it, and for a while all goes well. Only then it gets interesting.
        """
        self.state = self.saved = draft("run", "a" * 64)
        self.in_force, self.now, self.is_kept, self.killed = START, MONDAY, True, False
        self.raised = False
        self._order(Command(name="start", by="alice"), self._readings())
        for _ in range(steps):
            self._go_well(31.0)

    def _readings(self, **given: Any) -> Readings:
        usual: dict[str, Any] = {
            "epoch": self.state.epoch,
            "armed": self.state.armed,
            "identity": "rules 1",
            "in_force": self.in_force,
            "killed": self.killed,
        }
        return Readings(**{**usual, **given})

    # What happens...

    @rule(
        seconds=SECONDS,
        results=st.tuples(RESULTS, RESULTS),
        is_obeyed=RARELY.map(lambda rarely: not rarely),
        silent=st.sampled_from([0.0] * 7 + [6.0, 100.0]),
        after=st.none() | st.none() | st.integers(0, 3),
        epoch=st.sampled_from([0, 0, 0, -1]),
        jump=RARELY.map(lambda jumps: 60.0 if jumps else 0.0),
    )
    def look(
        self,
        seconds: float,
        results: tuple[Any, Any],
        is_obeyed: bool,
        silent: float,
        after: int | None,
        epoch: int,
        jump: float,
    ) -> None:
        """
        A step; with `after`, control is killed after so many of its actions.
        """
        outcomes = {
            name: Outcome(gate=name, result=result, sentence="")
            for name, result in zip(("answers", "load"), results, strict=True)
        }
        given = {"outcomes": outcomes, "epoch": self.state.epoch + epoch, "acknowledged": is_obeyed, "silent": silent}
        self._step(seconds, self._readings(**given, clock_jump=jump), after)

    @rule(seconds=st.sampled_from([1.0, 61.0, 301.0]), times=st.integers(1, 6))
    def go_well(self, seconds: float, times: int) -> None:
        """
        Steps at which every gate passes.
        """
        for _ in range(times):
            self._go_well(seconds)

    def _go_well(self, seconds: float) -> None:
        outcomes = {name: Outcome(gate=name, result="pass", sentence="") for name in PLAN.gates}
        self._step(seconds, self._readings(outcomes=outcomes), None)
        if "approval" in self.state.waits:
            self._order(Command(name="approve", by="carol"), self._readings(outcomes=outcomes))

    @rule()
    def resume(self) -> None:
        """
        Somebody sets everything right, and goes on.
        """
        self.killed, self.is_kept = False, True
        if self.state.step in (Step.HELD, Step.ROLLED_BACK) and self.state.phase is Phase.RUNNING:
            self._order(Command(name="resume", by="carol", reason="mended"), self._readings())

    @rule(guard=st.sampled_from(sorted(PLAN.guards)), after=st.none() | st.integers(0, 3), pinned=st.booleans())
    def trip(self, guard: str, after: int | None, pinned: bool) -> None:
        """
        A guard trips.
        """
        was_live, is_killed = is_live(self.in_force), self.killed
        signatures = (("sig", "GET /", "total differs"),) if pinned else ()
        found = Trip(guard=guard, said="bad", bad=1, n=10, signatures=signatures)
        before = self.in_force.weight
        self._step(1.0, self._readings(trips=(found,)), after)

        rolls_back = guard == "wrong" and was_live and not is_killed and self.state.phase is Phase.RUNNING
        if rolls_back and after is None:
            assert self.state.step is Step.ROLLING_BACK
            assert self.in_force.weight <= before

    @rule(name=st.sampled_from(ORDERS), after=st.none() | st.none() | st.integers(0, 3), scope=st.integers(0, 5))
    def order(self, name: str, after: int | None, scope: int) -> None:
        """
        A person does something; now and then with a route or cohort only.
        """
        if name == "abort" and scope < 5:
            return
        where: dict[str, Any] = (
            {0: {"route": "search"}, 1: {"cohort": "staff"}}.get(scope, {}) if name in ("rollback", "resume") else {}
        )
        command = Command(name=name, by="bob", reason="because", seconds=600.0, **where)
        try:
            self._order(command, self._readings(), after)
        except NotAllowed:
            assert name not in ("hold", "rollback") or where or self.state.phase is not Phase.RUNNING

    @rule(weight=st.sampled_from([0.0, 5.0, 30.0, 100.0]), mirror=st.sampled_from([0.0, 50.0, 100.0]))
    def change_by_hand(self, weight: float, mirror: float) -> None:
        """
        Weights are changed beside the plan.
        """
        self.in_force = replace(self.in_force, weight=weight, mirror=mirror)
        self.raised = True
        self._step(1.0, self._readings(), None)
        self.raised = False

    @rule(killed=RARELY)
    def latch(self, killed: bool) -> None:
        """
        Everything goes to old, or may go to new again.
        """
        self.killed = killed

    @rule(is_kept=st.booleans() | st.just(True))
    def store(self, is_kept: bool) -> None:
        """
        The store goes away, or comes back.
        """
        self.is_kept = is_kept

    @rule()
    def crash(self) -> None:
        """
        Control is killed between two steps. A shift that was cut short is taken back.
        """
        self.state = from_values(self.saved.as_values())
        if self.state.step is Step.SHIFTING and self.state.phase is Phase.RUNNING:
            least = lower(self.state.before, self.state.wanted)
            self._carry_out(*resumed(PLAN, self.state, self.now), None)
            assert is_within(self.in_force, least)
        else:
            self._carry_out(*resumed(PLAN, self.state, self.now), None)

    # ... how it is carried out...

    def _step(self, seconds: float, readings: Readings, after: int | None) -> None:
        self.now += seconds
        before = self.state
        found, actions = step(PLAN, self.state, readings, self.now)
        if found.step is Step.SHIFTING and before.step is not Step.SHIFTING:
            self._may_shift(before, found, readings)
        self._carry_out(found, actions, after)

    def _order(self, command: Command, readings: Readings, after: int | None = None) -> None:
        before = self.state
        found, actions = obey(PLAN, self.state, readings, command, self.now)
        if found.step is Step.SHIFTING and before.step is not Step.SHIFTING:
            self._may_shift(before, found, readings)
        self._carry_out(found, actions, after)

    def _may_shift(self, before: State, found: State, readings: Readings) -> None:
        """
        Nothing is shifted without what it needs.
        """
        forced = before.forced_until is not None and self.now < before.forced_until
        assert before.step is Step.WAITING
        assert not readings.killed
        assert readings.acknowledged
        assert readings.silent < 90
        if before.stage != before.at and before.at >= 0 and not forced:
            assert readings.epoch == before.epoch
            for gate in PLAN.stages[before.at].gates:
                assert readings.outcomes[gate].result == "pass"
            assert before.stage == before.at + 1
            assert not any(pin.stage == PLAN.stages[before.stage].name and pin.clean < 100 for pin in before.pins)

    def _carry_out(self, found: State, actions: tuple[Action, ...], after: int | None) -> None:
        for action in actions if after is None else actions[:after]:
            if isinstance(action, Save):
                if not self.is_kept and not action.late:
                    return
                self.saved = found if self.is_kept else self.saved
            elif isinstance(action, Apply):
                is_less = is_within(action.exposure, self.in_force)
                assert is_less or is_within(action.exposure, self.saved.wanted)
                self.in_force = action.exposure
        self.state = found
        if after is not None:
            self.crash()

    # ... and what always holds.

    @invariant()
    def new_has_no_more_than_was_saved(self) -> None:
        """
        Of anything: what was wanted last, or during a shift what was wanted before.
        """
        if self.saved.phase is not Phase.RUNNING or self.raised:
            return
        saved = self.saved
        if saved.step is Step.SHIFTING:
            assert is_within(self.in_force, _upper(saved.before, saved.wanted))
        else:
            assert is_within(self.in_force, saved.wanted)

    @invariant()
    @precondition(lambda self: self.state.phase is Phase.RUNNING)
    def one_can_always_hold_and_go_back(self) -> None:
        """
        In any step; and going back never gives new more of anything.
        """
        for name in ("hold", "rollback"):
            found, actions = obey(PLAN, self.state, self._readings(), Command(name=name, by="x"), self.now)
            assert all(action.late for action in actions if isinstance(action, Save))
            applied = [action.exposure for action in actions if isinstance(action, Apply)]
            assert all(is_within(one, self.in_force) for one in applied)
            assert found.step in (Step.HELD, Step.ROLLING_BACK)


def _upper(one: Exposure, other: Exposure) -> Exposure:
    lowest = lower(one, other)
    return replace(
        lowest,
        weight=max(one.weight, other.weight),
        mirror=max(one.mirror, other.mirror),
        routes={name: max(one.of_route(name), other.of_route(name)) for name in lowest.routes},
        cohorts={name: max(one.of_cohort(name), other.of_cohort(name)) for name in lowest.cohorts},
    )


AnySequence.TestCase.settings = settings(stateful_step_count=40)
TestAnySequence = AnySequence.TestCase
