"""
The table of a plan's steps, row by row, and what holds in any of them.
"""

from dataclasses import replace

import pytest

from proxy.plan.always import named
from proxy.plan.exposure import Exposure, is_within, lower
from proxy.plan.moves import Apply, Check, NotAllowed, Save, Tell
from proxy.plan.state import Hold, Phase, Step
from tests.parts.migration import MONDAY, at, started
from tests.parts.plans import a_plan

GATES = {"answers": {"event": "mismatch", "max": 0.01}, "load": {"source": "completeness"}}
GUARDS = {
    "wrong": {"event": "mismatch", "max": 0.05},
    "old": {"event": "old_error", "of": "old", "max": 0.05, "on_trip": "hold", "mirror_off": True},
    "slow": {"event": "new_ms > 400", "max": 0.05, "on_trip": "hold"},
}
BOTH = ("answers", "load")
PLAN = a_plan(
    {"weight": 0, "gates": BOTH},
    {"weight": 10, "gates": BOTH},
    {"weight": 50, "gates": BOTH},
    {"weight": 100, "mirror": 20.0, "gates": BOTH},
    gates=GATES,
    guards=GUARDS,
)


# Onwards...


def test_a_plan_goes_from_stage_to_stage_to_its_end() -> None:
    """
    Without anybody, if its stages ask for nobody: each is entered, settled, observed and passed.
    """
    migration = started(PLAN)
    migration.gates = dict.fromkeys(GATES, "pass")

    weights = [migration.in_force.weight]
    while migration.state.phase is Phase.RUNNING:
        migration.look()
        weights += [migration.in_force.weight] if migration.in_force.weight != weights[-1] else []

    assert weights == [0, 10, 50, 100]
    assert migration.state.phase is Phase.FINISHED
    assert migration.events == [*["stage_start", "stage_passed"] * 3, "stage_start", "finished"]
    assert migration.in_force.mirror == 20


def test_a_shift_is_saved_before_it_is_put_into_force() -> None:
    """
    So that nobody ever finds more in force than the store knows of.
    """
    migration = at(PLAN, 1, "waiting")
    migration.done.clear()

    migration.look()

    assert migration.done == [Save(), Apply(migration.state.wanted, "stage s1")]
    assert (migration.saved.step, migration.saved.wanted.weight, migration.saved.before.weight) == ("shifting", 10, 0)


def test_what_cannot_be_saved_does_not_happen() -> None:
    """
    While the store is down, nothing advances; it goes on when the store is back.
    """
    migration = at(PLAN, 1, "waiting")
    migration.is_kept = False

    migration.looks(10)
    stuck = migration.state.step
    migration.is_kept = True
    migration.look()

    assert (stuck, migration.state.step) == (Step.WAITING, Step.SHIFTING)


def test_a_stage_is_entered_when_every_worker_has_it() -> None:
    """
    Until then it is put into force again and again, as the one time may have been lost.
    """
    migration = at(PLAN, 1, "shifting")
    migration.in_force = migration.state.before
    migration.is_obeyed = False

    migration.looks(20)
    stuck, tries = migration.state.step, migration.done.count(Apply(migration.state.wanted, "stage s1"))
    migration.is_obeyed = True
    migration.looks(2)

    assert (stuck, migration.state.step, migration.state.at) == (Step.SHIFTING, Step.SETTLING, 1)
    assert tries > 10


def test_a_shift_that_not_all_workers_have_in_time_is_taken_back() -> None:
    """
    After as long as its rollback may take.
    """
    migration = at(PLAN, 2, "shifting")
    assert migration.in_force.weight == 50

    migration.look(29, acknowledged=False, lagging=("host/3",))
    patient = migration.state.step
    migration.look(2, acknowledged=False, lagging=("host/3",))

    assert (patient, migration.state.step) == (Step.SHIFTING, Step.ROLLING_BACK)
    assert (migration.in_force.weight, migration.state.at) == (10, 1)
    assert "host/3" in migration.state.said


def test_nothing_is_judged_while_a_stage_settles() -> None:
    """
    A gate that fails then fails on caches that are cold.
    """
    migration = at(PLAN, 1, "settling")
    migration.gates = {"answers": "fail", "load": "pass"}

    migration.look(59)

    assert migration.state.step is Step.SETTLING


def test_evidence_begins_anew_when_observing_begins() -> None:
    """
    What gates said of another epoch counts nothing.
    """
    migration = at(PLAN, 1, "settling")
    before = migration.state.epoch
    migration.gates = dict.fromkeys(GATES, "pass")
    migration.until("observing")

    migration.looks(5000, epoch=before)

    assert migration.state.epoch == before + 1
    assert migration.state.step is Step.OBSERVING


def test_a_stage_is_observed_for_the_least_time_at_least() -> None:
    """
    However soon its gates have passed.
    """
    migration = at(PLAN, 1)
    migration.gates = dict.fromkeys(GATES, "pass")

    migration.looks(599)
    early = migration.state.step
    migration.look()

    assert (early, migration.state.step) == (Step.OBSERVING, Step.READY)


def test_time_without_evidence_does_not_count() -> None:
    """
    A night in which nobody was heard of is no night of observing.
    """
    migration = at(PLAN, 1)
    migration.gates = dict.fromkeys(GATES, "pass")

    migration.looks(590).looks(80, silent=60.0)
    silent = migration.state.step
    migration.looks(10)

    assert (silent, migration.state.step) == (Step.OBSERVING, Step.READY)


@pytest.mark.parametrize("said", ["inconclusive", "error", None])
def test_a_stage_that_is_not_decided_in_time_holds(said: str | None) -> None:
    """
    No data never passes, nor do errors; a person has to look.
    """
    migration = at(PLAN, 1)
    migration.gates = {"answers": "pass"} if said is None else {"answers": "pass", "load": said}  # type: ignore[dict-item]

    migration.until("held")

    assert migration.now - MONDAY > 7200
    assert (migration.state.held, migration.in_force.weight) == (Hold.INCONCLUSIVE, 10)
    assert "load" in migration.state.said


def test_a_gate_that_fails_where_new_is_live_rolls_back() -> None:
    """
    To the stage that is named for it, at once.
    """
    migration = at(PLAN, 2)
    migration.gates = {"answers": "fail"}

    migration.look()
    during = migration.state.step
    migration.look()

    assert (during, migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, Step.ROLLED_BACK, 10)
    assert migration.events[-2:] == ["rollback", "rolled_back"]


def test_a_gate_that_is_meant_to_hold_holds() -> None:
    """
    And so does any where new answers nobody: there is nothing to take back.
    """
    live, shadow = at(PLAN, 2), at(PLAN, 0)
    live.gates, shadow.gates = {"load": "fail"}, {"answers": "fail"}

    live.look()
    shadow.look()

    assert (live.state.held, live.in_force.weight) == (Hold.GATE, 50)
    assert (shadow.state.held, shadow.in_force.mirror) == (Hold.GATE, 100)


@pytest.mark.parametrize("step", ["ready", "preflight", "waiting"])
def test_a_gate_that_fails_late_rolls_back_too(step: str) -> None:
    """
    Also while the next stage is being prepared.
    """
    migration = at(PLAN, 1 if step == "ready" else 2, step)
    migration.gates = {"answers": "fail", "load": "pass"}

    migration.look()

    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, 0)


def test_a_gate_that_fails_while_the_stage_waits_to_get_something_back_rolls_back_too() -> None:
    """
    A cohort was closed, and is to come back when it may; others are on new all the while.
    """
    migration = at(PLAN, 2)
    migration.state = replace(migration.state, step=Step.WAITING, stage=migration.state.at)
    migration.gates = {"answers": "fail"}

    migration.look(undelivered=("n",))

    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, 10)


@pytest.mark.parametrize("step", ["ready", "preflight", "waiting"])
def test_a_gate_that_no_longer_passes_takes_the_plan_back_to_observing(step: str) -> None:
    """
    Nothing advances on what was so once.
    """
    migration = at(PLAN, 1 if step == "ready" else 2, step)
    migration.gates = {"answers": "inconclusive", "load": "pass"}

    migration.look()

    assert (migration.state.step, migration.state.at, migration.state.stage) == (Step.OBSERVING, 1, 1)


# ... guards...


@pytest.mark.parametrize(
    ("stage", "step"),
    [(1, "settling"), (1, "observing"), (1, "ready"), (2, "preflight"), (2, "waiting"), (2, "shifting")],
)
def test_a_guard_that_trips_rolls_back_in_any_step(stage: int, step: str) -> None:
    """
    Without asking anybody: also in a shift, and while people are waited for.
    """
    migration = at(PLAN, stage, step)

    migration.trip("wrong")

    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, 0)
    assert "5 % are wrong" in migration.state.said


def test_a_hold_in_a_shift_takes_it_back() -> None:
    """
    Also while nobody knows yet whether it is in force: it may be under way.
    """
    migration = at(PLAN, 2, "shifting")
    migration.in_force = migration.state.before

    migration.order("hold")

    assert [action for action in migration.done if isinstance(action, Apply)][-1].exposure.weight == 10
    assert (migration.state.wanted.weight, migration.order("resume").until("settling").in_force.weight) == (10, 50)


def test_a_guard_that_trips_rolls_back_what_a_person_holds() -> None:
    """
    Guards are armed while the plan holds.
    """
    migration = at(PLAN, 2).order("hold")

    migration.trip("wrong")

    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, 10)


def test_a_rollback_waits_for_no_store() -> None:
    """
    It is in force before anything is saved, and goes on while nothing can be.
    """
    migration = at(PLAN, 2)
    migration.is_kept = False
    migration.done.clear()

    migration.trip("wrong").look()

    assert [type(action) for action in migration.done[:3]] == [Apply, Save, Tell]
    assert migration.done[1] == Save(late=True)
    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLED_BACK, 10)


def test_a_rollback_starts_guards_and_gates_anew() -> None:
    """
    What tripped at the stage that was left is no reason to go back from where it went.
    """
    migration = at(PLAN, 2)
    armed = migration.state.armed

    migration.trip("wrong").look()
    migration.given = {"armed": armed}
    migration.trip("wrong")

    assert (migration.state.armed, migration.state.at) == (armed + 1, 1)


def test_a_fault_that_goes_on_rolls_back_further() -> None:
    """
    Stage by stage, until new answers nobody.
    """
    migration = at(PLAN, 2)

    migration.trip("wrong").look().trip("wrong").look()
    found = migration.in_force.weight
    migration.trip("wrong")

    assert (found, migration.state.step, migration.state.at) == (0, Step.ROLLED_BACK, 0)


def test_the_cooldown_begins_anew_while_a_guard_still_trips() -> None:
    """
    Where new answers nobody, nobody is called; it just isn't tried again.
    """
    migration = at(PLAN, 1).trip("wrong").look()
    migration.looks(3599)

    migration.trip("wrong")
    extended = migration.state.step
    migration.looks(3601)

    assert (extended, migration.state.step) == (Step.ROLLED_BACK, Step.OBSERVING)


def test_after_a_rollback_the_stage_gone_back_to_has_to_pass_again() -> None:
    """
    When the cooldown is over; then the stage that failed is tried again.
    """
    migration = at(PLAN, 2).trip("wrong").look()
    migration.until("observing")
    again = migration.state.at
    migration.gates = dict.fromkeys(GATES, "pass")
    migration.until("settling")

    assert (again, migration.state.at, migration.state.attempts) == (1, 2, {"s2": 1})


def test_a_stage_that_was_rolled_back_too_often_waits_for_a_person() -> None:
    """
    As often as the plan allows attempts.
    """
    migration = at(PLAN, 1)
    for _ in range(2):
        migration.trip("wrong").look()
        migration.gates = {}
        migration.until("observing")
        migration.gates = dict.fromkeys(GATES, "pass")
        migration.looks(900)
    held = migration.state.held
    migration.order("resume").until("settling")

    assert (held, migration.state.at) == (Hold.ATTEMPTS, 1)


def test_the_signature_that_caused_a_rollback_keeps_the_stage_closed() -> None:
    """
    Until enough pairs of its endpoint came without it; one with it, and the count begins anew.
    """
    migration = at(PLAN, 1)
    migration.trip("wrong", signatures=(("sig", "GET /orders", "total differs"),)).look()
    migration.until("observing")
    migration.gates = dict.fromkeys(GATES, "pass")
    migration.until("waiting")

    migration.look(clean={"sig": 99}).look(clean={"sig": -1}).look(clean={"sig": 99})
    waits = migration.state.waits
    migration.look(clean={"sig": 1})

    assert waits == ("pins",)
    assert migration.state.step is Step.SHIFTING


def test_a_guard_may_hold_and_stop_copies() -> None:
    """
    When old suffers, new is neither blamed nor sent anything.
    """
    migration = at(PLAN, 1).trip("old")
    held, mirror = migration.state.held, migration.in_force.mirror

    migration.order("resume").looks(3)

    assert (held, mirror) == (Hold.GUARD, 0)
    assert (migration.state.step, migration.in_force.mirror, migration.in_force.weight) == (Step.SETTLING, 100, 10)


def test_a_guard_may_roll_back_and_stop_copies() -> None:
    """
    Then nothing can be learned by waiting: at the end of the cooldown it holds.
    """
    guards = {"wrong": {"event": "mismatch", "max": 0.05, "mirror_off": True}}
    migration = at(a_plan({"weight": 0}, {"weight": 10}, guards=guards), 1).trip("wrong")
    quiet = (migration.in_force.weight, migration.in_force.mirror)

    migration.until("held", seconds=600)
    after = (migration.state.held, migration.in_force.mirror)
    migration.order("resume").looks(3)

    assert (quiet, after) == ((0, 0), (Hold.GUARD, 0))
    assert (migration.state.at, migration.in_force.mirror) == (0, 100)


def test_a_guard_holds_where_new_answers_nobody() -> None:
    """
    There is nothing to go back to.
    """
    migration = at(PLAN, 0).trip("wrong")

    assert (migration.state.held, migration.events[-1]) == (Hold.GUARD, "hold")


def test_a_guard_that_holds_does_so_once() -> None:
    """
    However long it goes on.
    """
    migration = at(PLAN, 1)

    for _ in range(5):
        migration.trip("slow")

    assert migration.events.count("hold") == 1


# ... what else can happen...


def test_a_kill_holds_and_nothing_is_shifted_before_somebody_resumes() -> None:
    """
    When the latch is lifted, new gets copies and nobody.
    """
    migration = at(PLAN, 2).look(killed=True)
    held, quiet = migration.state.held, migration.in_force
    migration.looks(10)
    after = migration.state.step
    migration.order("resume").until("observing", seconds=1)

    assert (held, quiet.weight, quiet.mirror, after) == (Hold.KILLED, 0, 100, Step.HELD)
    assert (migration.state.at, migration.in_force.weight) == (2, 50)


def test_a_kill_counts_for_a_plan_that_holds_too() -> None:
    """
    What was in force before isn't, when the latch is lifted; and nobody resumes before that.
    """
    migration = at(PLAN, 2).order("hold").look(killed=True)
    migration.given["killed"] = True

    with pytest.raises(NotAllowed, match="restore first"):
        migration.order("resume")
    assert (migration.state.held, migration.in_force.weight, migration.in_force.mirror) == (Hold.KILLED, 0, 100)


def test_why_a_person_held_is_not_forgotten_by_what_comes_later() -> None:
    """
    However much does; and the first who holds a plan that holds by itself is told with that.
    """
    first = at(PLAN, 2).order("hold", reason="an incident").look(killed=True)
    later = at(PLAN, 2).look(killed=True).order("hold", reason="an incident").order("hold", reason="another")
    cause = "everything is on old: the kill latch is set"

    assert (first.state.held, first.state.said) == (Hold.KILLED, f"an incident; then: {cause}")
    assert later.state.held is Hold.KILLED
    assert later.state.said == f"{cause}; also held by alice: an incident"


def test_weights_lowered_by_hand_hold() -> None:
    """
    And stay as they are until somebody resumes.
    """
    migration = at(PLAN, 2)
    migration.in_force = replace(migration.in_force, weight=5.0)

    migration.looks(5)

    assert (migration.state.held, migration.in_force.weight, migration.saved.wanted.weight) == (Hold.BY_HAND, 5, 5)


@pytest.mark.parametrize("step", ["settling", "observing", "ready"])
def test_weights_raised_by_hand_are_taken_back(step: str) -> None:
    """
    New never keeps more than was saved.
    """
    migration = at(PLAN, 1, step)
    migration.in_force = replace(migration.in_force, weight=60.0, mirror=50.0)

    migration.look()

    assert (migration.state.held, migration.in_force.weight, migration.in_force.mirror) == (Hold.BY_HAND, 10, 50)


def test_a_held_plan_takes_back_what_is_raised_by_hand() -> None:
    """
    In any step, and as often as it is done.
    """
    migration = at(PLAN, 1).order("hold")
    for _ in range(3):
        migration.in_force = replace(migration.in_force, weight=60.0)
        migration.look()

    assert (migration.in_force.weight, migration.state.held) == (10, Hold.OPERATOR)


def test_blindness_holds() -> None:
    """
    When nothing has been heard of traffic for long, nothing advances and nothing is taken back.
    """
    migration = at(PLAN, 2).look(silent=91.0)

    assert (migration.state.held, migration.in_force.weight) == (Hold.BLIND, 50)


def test_a_source_that_fails_too_often_holds() -> None:
    """
    One that is asked for the present stage, or for a guard, that is.
    """
    guard = at(PLAN, 1).look(errors={"slow": 4})
    assert (guard.state.held, guard.state.said) == (Hold.SOURCE, "slow could not be asked 4 times in a row")

    migration = at(PLAN, 1).look(errors={"load": 3, "elsewhere": 9})
    before = migration.state.step
    migration.look(errors={"load": 4})

    assert (before, migration.state.held) == (Step.OBSERVING, Hold.SOURCE)


def test_a_clock_that_jumps_holds() -> None:
    """
    As deadlines may be wrong.
    """
    migration = at(PLAN, 1).look(clock_jump=4.0)
    small = migration.state.step
    migration.look(1, clock_jump=-6.0)

    assert (small, migration.state.held) == (Step.OBSERVING, Hold.CLOCK)
    assert at(PLAN, 1).look(7200, clock_jump=7200.0).state.observed < 60


def test_what_is_compared_has_changed() -> None:
    """
    So evidence begins anew, and what was passed isn't any more.
    """
    migration = at(PLAN, 2, "waiting")
    epoch = migration.state.epoch

    assert migration.look(identity="").state.step is Step.SHIFTING
    migration = at(PLAN, 2, "preflight").look(identity="rules 2")

    assert (migration.state.step, migration.state.at, migration.state.epoch) == (Step.OBSERVING, 1, epoch + 1)


def test_a_stage_waits_for_notices_and_workers() -> None:
    """
    For both together.
    """
    migration = at(PLAN, 1, "waiting")

    migration.look(undelivered=("n",), silent=30.0)
    waits = migration.state.waits
    migration.look()

    assert waits == ("workers", "notice")
    assert migration.state.step is Step.SHIFTING


def test_a_plan_whose_pairs_have_stopped_holds_also_after_its_gates_have_passed() -> None:
    """
    What passed an hour ago says nothing of now. Where nothing is copied and nobody is on new, nobody is missing.
    """
    waiting = at(PLAN, 2, "waiting").look(uncompared=91.0)
    quiet = at(a_plan({"weight": 0, "mirror": 0}, {"weight": 10}), 0).look(uncompared=91.0)

    assert (waiting.state.step, waiting.state.held) == (Step.HELD, Hold.BLIND)
    assert "nothing has been compared for 91 s" in waiting.state.said
    assert quiet.state.step is Step.OBSERVING


def test_a_new_that_changes_all_the_time_ends_in_a_hold() -> None:
    """
    Evidence begins anew with each version; the time that the stage has for it doesn't.
    """
    migration = at(PLAN, 1)
    for build in range(200):
        migration.looks(2, 30.0, identity=f"build {build}")

    assert migration.state.held is Hold.INCONCLUSIVE


def test_a_gate_that_fails_pins_its_signatures_too() -> None:
    """
    And names them in the notice, as a guard does.
    """
    migration = at(PLAN, 1)
    migration.gates = dict.fromkeys(GATES, "fail")
    migration.look(causes={"answers": (("sig", "GET /orders", "total differs"),)})

    assert [(pin.signature, pin.stage) for pin in migration.state.pins] == [("sig", "s1")]
    assert migration.told[-1].facts["signatures"] == ("GET /orders: total differs (`parallax evidence show sig`)",)


WINDOWS = {"day": {"allow": ("Mon-Thu 09:00-16:00",), "fit": "2h", "notice": {"ops": ("1d", "1h")}}}


def test_a_window_keeps_a_stage_from_being_entered_and_nothing_else() -> None:
    """
    At night nothing advances; a guard still rolls back.
    """
    plan = a_plan({"weight": 0}, {"weight": 10}, {"weight": 50, "window": "day"}, windows=WINDOWS, guards=GUARDS)
    migration = at(plan, 2, "preflight")
    night = MONDAY + 6 * 3600
    migration.now = night

    migration.looks(2)
    waits = migration.state.waits
    migration.trip("wrong")

    assert waits == ("window",)
    assert migration.in_force.weight == 0


def test_a_window_has_to_be_open_for_long_enough() -> None:
    """
    A stage isn't entered an hour before it closes, where two have to be left.
    """
    plan = a_plan({"weight": 0}, {"weight": 10, "window": "day"}, windows=WINDOWS)
    migration = at(plan, 1, "preflight")
    migration.now = MONDAY + 5 * 3600 + 1

    late = migration.looks(2).state.waits
    migration.until("shifting", seconds=600)

    assert late == ("window",)
    assert migration.now == pytest.approx(MONDAY + 23 * 3600, abs=601)


def test_people_are_told_once_before_a_window_opens() -> None:
    """
    At each of the times before it that the plan names.
    """
    plan = a_plan({"weight": 0}, {"weight": 10, "window": "day"}, windows=WINDOWS)
    migration = at(plan, 1, "preflight")
    migration.now = MONDAY + 6 * 3600

    migration.until("shifting", seconds=600)

    notices = [notice for notice in migration.told if notice.event == "window_notice"]
    assert [notice.id.split("-")[-2] for notice in notices] == ["86400", "3600"]
    assert {notice.facts["opens"] for notice in notices} == {"Tue 3 Mar 2026, 09:00 UTC"}
    assert migration.now == pytest.approx(MONDAY + 23 * 3600, abs=601)


def test_a_checklist_is_done_before_a_stage_is_entered() -> None:
    """
    Automatic lines are looked at every minute; one that still fails after three holds.
    """
    lines = ({"auto": "store"}, {"manual": "Support knows", "owner": "ops"})
    plan = a_plan({"weight": 0}, {"weight": 10, "checklist": "cutover"}, checklists={"cutover": lines})
    migration = at(plan, 1, "preflight")
    migration.done.clear()

    migration.looks(61, checks={"cutover/1": (True, "")})
    asked, waits = migration.done.count(Check("cutover")), migration.state.waits
    migration.order("check", item="cutover/2").look(checks={"cutover/1": (True, "")})
    passed = migration.state.step

    failing = at(plan, 1, "preflight").looks(100, checks={"cutover/1": (False, "it is read-only")})
    assert failing.state.step is Step.PREFLIGHT
    failing.looks(100, checks={"cutover/1": (False, "it is read-only")})

    assert (asked, waits, passed) == (2, ("cutover/2",), Step.WAITING)
    assert (failing.state.held, failing.state.said) == (Hold.PREFLIGHT, "cutover: it is read-only")


def test_what_a_checklist_found_at_an_earlier_attempt_is_no_answer() -> None:
    """
    It is looked at anew each time the stage is prepared.
    """
    plan = a_plan({"weight": 0}, {"weight": 10, "checklist": "cutover"}, checklists={"cutover": ({"auto": "store"},)})
    migration = at(plan, 1, "preflight")
    migration.given["checks"] = {"cutover/1": (True, "")}
    migration.done.clear()

    migration.look()

    assert (migration.done, migration.state.step) == ([Check("cutover")], Step.PREFLIGHT)
    assert migration.look().state.step is Step.WAITING


def test_what_is_to_be_given_back_to_a_stage_is_not_judged_before() -> None:
    """
    After a hold in which copies were off: neither by what gates said until then, nor as if nothing were missing.
    """
    migration = at(PLAN, 1).trip("old")
    migration.gates = {"answers": "fail"}
    migration.given = {"silent": 30.0}
    epoch = migration.state.epoch

    migration.order("resume")
    # What is gathered from here on counts; nothing has been yet.
    migration.gates = {}
    migration.look(identity="rules 2")

    assert migration.state.epoch > epoch
    assert (migration.state.step, migration.state.waits) == (Step.WAITING, ())
    assert migration.look(identity="rules 2").state.waits == ("workers",)


def test_a_stage_is_verified_before_it_is_left() -> None:
    """
    The checklist for that is looked at once its gates have passed.
    """
    plan = a_plan({"weight": 0, "verify": "after"}, {"weight": 10}, checklists={"after": ({"auto": "store"},)})
    migration = at(plan, 0, "ready").looks(3)

    stuck = migration.state.step
    migration.look(checks={"after/1": (True, "")})

    assert (stuck, migration.state.stage) == (Step.READY, 1)
    assert Check("after") in migration.done


def test_what_people_have_verified_is_verified_anew_after_a_rollback() -> None:
    """
    Of the stage that is entered again, and of the one that was gone back to.
    """
    lines = {"after": ({"manual": "Books agree"},), "early": ({"manual": "Nobody complains"},)}
    stages = {"weight": 0, "verify": "early"}, {"weight": 10, "verify": "after"}, {"weight": 20}
    migration = at(a_plan(*stages, checklists=lines, gates=GATES), 0, "ready")
    migration.order("check", item="early/1").look().until("observing")
    migration.order("check", item="after/1")

    migration.order("rollback").look().order("resume")
    again = migration.until("ready", 600.0).looks(3)
    first = (again.state.at, again.state.waits)
    again.order("check", item="early/1").look().until("observing").until("ready", 600.0).looks(3)

    assert first == (0, ("early/1",))
    assert (again.state.at, again.state.waits) == (1, ("after/1",))


# ... and whoever takes over.


def test_a_crash_in_a_shift_converges_to_the_lower_exposure() -> None:
    """
    Wherever it happened; then the conditions are looked at again.
    """
    for was_applied in (False, True):
        migration = at(PLAN, 2, "waiting").look()
        assert migration.saved.step is Step.SHIFTING
        migration.in_force = migration.saved.wanted if was_applied else migration.saved.before

        migration.crash()

        assert (migration.in_force.weight, migration.state.step) == (10, Step.WAITING)
        assert migration.state.generation == 2
        assert migration.until("settling", seconds=1).in_force.weight == 50


def test_a_crash_between_a_rollback_and_its_save_leaves_it_rolled_back() -> None:
    """
    The store still wants more; whoever takes over finds less, and asks a person.
    """
    migration = at(PLAN, 2)
    migration.is_kept = False
    migration.trip("wrong")
    migration.is_kept = True

    migration.crash().looks(5)

    assert (migration.in_force.weight, migration.state.held) == (10, Hold.BY_HAND)


def test_deadlines_outlive_a_crash() -> None:
    """
    They are times, not durations; but nobody observed while nobody was there.
    """
    migration = at(PLAN, 1).with_state()
    migration.now += 3600

    migration.crash()
    migration.gates = dict.fromkeys(GATES, "pass")
    migration.looks(300)

    assert migration.state.step is Step.OBSERVING
    assert 299 <= migration.state.observed <= 400


def test_new_is_within_both_whatever_was_cut_short() -> None:
    """
    Also where the stages differ in more than the weight: at the last one, copies are fewer.
    """
    migration = at(PLAN, 3, "shifting")
    before, wanted = migration.saved.before, migration.saved.wanted

    migration.crash()

    assert migration.in_force == lower(before, wanted)
    assert is_within(migration.in_force, Exposure(weight=50, mirror=20))


def test_a_signature_that_is_told_after_the_rollback_is_pinned_too() -> None:
    """
    The last pairs are judged some seconds later; once it goes on, nothing is blamed any more.
    """
    late = (("s2", ("sig", "GET /orders", "total differs")),)
    migration = at(PLAN, 1)
    migration.trip("wrong").look()
    migration.look(late=late).look(late=late, clean={"sig": 5})
    pinned = migration.state.pins
    migration.until("observing")
    migration.look(late=(("s2", ("other", "GET /orders", "")),))

    assert [(pin.signature, pin.endpoint, pin.stage, pin.clean) for pin in pinned] == [("sig", "GET /orders", "s2", 5)]
    assert [pin.signature for pin in migration.state.pins] == ["sig"]


@pytest.mark.parametrize("said", ["wrong: 41 of 812 pairs differ", "41 of 812 pairs differ"])
def test_a_guard_is_named_once(said: str) -> None:
    """
    Whether its sentence begins with its name or not.
    """
    assert named("guard", "wrong", said) == "guard wrong: 41 of 812 pairs differ"


def test_a_cohort_that_is_taken_out_of_the_configuration_holds_the_plan() -> None:
    """
    And has nothing of new if it comes back, until somebody resumes.
    """
    plan = a_plan({"weight": 0}, {"cohorts": {"staff": 100}}, {"weight": 10})
    migration = at(plan, 1)
    with_staff = migration.in_force

    migration.in_force = replace(with_staff, cohorts={})
    migration.look()
    held = migration.state.held, migration.state.said
    migration.in_force = with_staff
    migration.look()

    assert held[0] is Hold.BY_HAND
    assert "cohort staff isn't in the configuration any more" in held[1]
    assert migration.in_force.cohorts["staff"] == 0
