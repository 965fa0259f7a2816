"""
What people may do to a plan, and what is refused, in one sentence.
"""

from dataclasses import replace
from typing import Any

import pytest

from proxy.plan.commands import COMMANDS, obey, overridden
from proxy.plan.exposure import Exposure
from proxy.plan.moves import Apply, Command, Forbidden, NotAllowed, Save, Stale
from proxy.plan.state import Hold, Phase, Step
from tests.parts.migration import Migration, at, started
from tests.parts.plans import a_plan

GATES = {"answers": {"event": "mismatch", "max": 0.01}}
STAGES: tuple[dict[str, Any], ...] = (
    {"weight": 0, "gates": ("answers",)},
    {"weight": 10, "gates": ("answers",), "advance": "approve", "approvals": {"count": 2, "must_include": ("data",)}},
    {"weight": 50, "gates": ("answers",)},
    {"weight": 100, "gates": ("answers",), "reversible": False, "approvals": {"count": 2}},
)
TEAM = {
    "roles": {
        "lead": {
            "who": ("alice",),
            "deputies": ("bob",),
            "may": ("start", "approve", "advance", "resume", "force", "amend", "abort"),
        },
        "ops": {"who": ("olga", "oscar"), "may": ("approve", "resume")},
        "data": {"who": ("dan",), "may": ("approve",)},
        "sponsor": {"who": ("sue",), "may": ("approve",)},
    },
    "author": "bob",
    "force_needs": ("lead", "sponsor"),
    "reviewers": (),
}
PLAN = a_plan(*STAGES, gates=GATES, guards={"wrong": {"event": "mismatch", "max": 0.05}}, team=TEAM)
FREE = a_plan(*STAGES[:1], {"weight": 10, "gates": ("answers",), "advance": "approve"}, {"weight": 50}, gates=GATES)


def refused(migration: Migration, name: str, by: str = "alice", **given: Any) -> str:
    """
    Why a command is refused; nothing has changed by it.
    """
    before = (migration.state, migration.in_force)
    with pytest.raises(NotAllowed) as error:
        migration.order(name, by, **given)
    assert (migration.state, migration.in_force) == before
    return str(error.value)


# Starting...


def test_a_plan_is_started_by_whom_it_allows() -> None:
    """
    What is in force then is what it starts from.
    """
    migration = Migration(plan=PLAN, in_force=Exposure(weight=0, mirror=40, routes={"search": None}))

    said = refused(migration, "start", "olga")
    migration.order("start", "alice")

    assert said == "olga may not start; lead may"
    assert (migration.state.phase, migration.state.started_by, migration.state.base.mirror) == ("running", "alice", 40)


def test_a_start_is_refused_with_all_that_is_missing() -> None:
    """
    Signatures, the preflight, sources, channels; each by name.
    """
    plan = a_plan(
        {"weight": 0, "gates": ("load",)},
        gates={"load": {"source": "promql", "query": "up", "condition": "> 0"}},
        prometheus={"url": "http://127.0.0.1:9090"},
        team={
            "roles": {"qa": {"who": ("quin",), "may": ()}, "lead": {"who": ("alice",), "may": ("start",)}},
            "reviewers": ("qa",),
        },
        comms={"channels": {"ops": {"webhook": "http://127.0.0.1:1"}}},
        checklists={"preflight": ({"auto": "store"}, {"manual": "Support knows"})},
    )
    migration = Migration(plan=plan)

    said = refused(migration, "start")
    migration.given["checks"] = {"preflight/1": (True, ""), "source/load": (True, ""), "channel/ops": (False, "404")}
    migration.order("sign", "quin").order("check", "quin", item="preflight/2")
    then = refused(migration, "start")
    migration.given["checks"] |= {"channel/ops": (True, "")}
    migration.order("start")

    assert "qa must sign aaaaaaaaaaaa first" in said
    assert "preflight/1 (store) is not done yet; preflight/2 (Support knows) is not done yet" in said
    assert "the source of load is not done yet" in said
    assert then == "the plan can't be started: a test message to ops failed: 404"
    assert migration.state.phase is Phase.RUNNING


def test_a_start_is_refused_where_new_has_more_than_the_first_stage_gives_it() -> None:
    """
    A plan takes nothing away by starting, and inherits nothing that was never judged.
    """
    live, killed, unknown = (Migration(plan=FREE), Migration(plan=FREE), Migration(plan=FREE))
    live.in_force = Exposure(weight=10, mirror=100)
    killed.given["killed"] = True
    unknown.given["in_force"] = None

    assert "new already has more than s0 gives it" in refused(live, "start")
    assert "kill latch" in refused(killed, "start")
    assert "not known yet what is in force" in refused(unknown, "start")


def test_a_start_is_refused_by_somebody_without_whom_nobody_could_approve() -> None:
    """
    As whoever starts doesn't approve.
    """
    roles = {
        "data": {"who": ("dan",), "may": ("start", "approve")},
        "ops": {"who": ("olga",), "may": ("approve", "start")},
    }
    stage = {"weight": 0, "advance": "approve", "approvals": {"must_include": ("data",)}}
    migration = Migration(plan=a_plan(stage, team={"roles": roles}))

    said = refused(migration, "start", "dan")
    migration.order("start", "olga")

    assert "could never be approved if dan started it" in said


def test_only_reviewers_sign() -> None:
    """
    A signature is for the plan's present text.
    """
    assert "olga is no reviewer" in refused(Migration(plan=PLAN), "sign", "olga")


# ... who and when...


def test_a_command_for_another_state_is_stale() -> None:
    """
    Of two people who press at once, the second is told.
    """
    migration = at(PLAN, 1)
    seq = migration.state.seq

    migration.order("hold", "olga", seq=seq)
    with pytest.raises(Stale, match=f"state {seq} is not the present one"):
        migration.order("resume", "alice", seq=seq)

    assert migration.state.step is Step.HELD


@pytest.mark.parametrize("name", ["approve", "advance", "resume", "abort", "force", "amend", "start"])
def test_people_may_what_their_roles_may(name: str) -> None:
    """
    Somebody without a role may nothing, and holding and going back are everybody's who has one.
    """
    migration = at(PLAN, 1) if name != "start" else Migration(plan=PLAN)

    with pytest.raises(Forbidden):
        migration.order(name, "eve")


@pytest.mark.parametrize("name", ["hold", "rollback"])
def test_whoever_belongs_to_the_team_may_hold_and_roll_back(name: str) -> None:
    """
    Whatever their roles say; others may not.
    """
    migration = at(PLAN, 2)

    with pytest.raises(Forbidden):
        migration.order(name, "eve")
    migration.order(name, "dan")

    assert migration.state.step in (Step.HELD, Step.ROLLING_BACK)


def test_deputies_may_what_those_may_for_whom_they_stand() -> None:
    """
    A role is theirs too.
    """
    migration = at(PLAN, 1).order("hold", "bob").order("resume", "bob")

    assert migration.state.step is Step.OBSERVING


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_refused_in_a_phase_that_is_not_its(name: str) -> None:
    """
    An aborted plan takes none.
    """
    migration = at(FREE, 1).order("abort")

    assert "the plan is aborted" in refused(migration, name)


# ... approving...


def test_a_stage_is_left_when_enough_people_have_approved() -> None:
    """
    So many, and one for each role that must be among them.
    """
    migration = at(PLAN, 1, "ready")

    migration.order("approve", "olga").order("approve", "oscar").look()
    two = migration.state.step
    migration.order("approve", "dan").look()

    assert (two, migration.state.step, migration.state.stage) == (Step.READY, Step.PREFLIGHT, 2)


def test_nobody_approves_their_own_change_or_twice() -> None:
    """
    Neither who wrote the plan, nor who started or amended it.
    """
    migration = at(PLAN, 1, "ready").order("approve", "olga")

    assert "somebody else has to approve" in refused(migration, "approve", "alice")
    assert "somebody else has to approve" in refused(migration, "approve", "bob")
    assert "olga has approved already" in refused(migration, "approve", "olga")


def test_nothing_is_approved_before_its_gates_have_passed() -> None:
    """
    One can't agree to what nobody knows yet.
    """
    migration = at(PLAN, 1)

    assert refused(migration, "approve", "olga") == "nothing can be approved yet: answers must pass first"


def test_approvals_are_void_when_evidence_changes() -> None:
    """
    For the worse, or altogether.
    """
    worse, other = (at(PLAN, 1, "ready").order("approve", "olga") for _ in range(2))

    worse.gates = {"answers": "inconclusive"}
    worse.look()
    other.look(identity="rules 2")

    assert worse.state.approvals == other.state.approvals == ()


def test_a_point_of_no_return_is_entered_by_approvals_of_its_own() -> None:
    """
    Also where the stage before leads on by itself; and nobody goes back from it without saying where to.
    """
    migration = at(PLAN, 1, "ready").order("approve", "olga").order("approve", "dan")
    for _ in range(100):
        migration.look(60)
    stuck = (migration.state.step, migration.state.waits)
    migration.order("approve", "olga").order("approve", "sue").until("settling")
    said = refused(migration, "rollback")
    migration.trip("wrong")
    held = migration.state.held
    migration.order("rollback", stage="s2")

    assert stuck == (Step.WAITING, ("approval",))
    assert "past the point of no return" in said
    assert (held, migration.in_force.weight) == (Hold.GUARD, 50)


# ... moving...


def test_advance_does_not_wait_for_the_least_time() -> None:
    """
    But for the gates.
    """
    migration = at(FREE, 0)
    said = refused(migration, "advance")
    migration.gates = {"answers": "pass"}

    migration.order("advance").look()

    assert said == "answers must pass first; force would do without"
    assert (migration.state.step, migration.state.stage) == (Step.PREFLIGHT, 1)


def test_a_resume_needs_a_reason_and_something_that_holds() -> None:
    """
    The reason is kept in the history.
    """
    migration = at(FREE, 1)
    nothing = refused(migration, "resume")
    migration.order("hold")

    assert "nothing holds" in nothing
    assert "say why" in refused(migration, "resume", reason="")
    assert migration.order("resume", reason="looked at it").state.history[-1].said == "looked at it"


def test_evidence_goes_on_after_an_operators_hold_and_begins_anew_after_a_gates() -> None:
    """
    Nothing was wrong with it in the first case.
    """
    by_hand, by_gate = at(FREE, 0).looks(100), at(FREE, 0).looks(100)
    by_gate.gates = {"answers": "fail"}
    epoch, observed = by_hand.state.epoch, by_hand.state.observed

    by_hand.order("hold").order("resume")
    by_gate.look().order("resume")

    assert (by_hand.state.epoch, by_hand.state.observed) == (epoch, observed)
    assert (by_gate.state.epoch, by_gate.state.observed) == (epoch + 1, 0)


def test_whoever_may_force_takes_pins_off_by_resuming() -> None:
    """
    Others resume with the pins in place.
    """
    pinned = [at(PLAN, 1) for _ in range(2)]
    for one in pinned:
        one.trip("wrong", signatures=(("sig", "GET /", "d"),)).look()

    pinned[0].order("resume", "olga")
    pinned[1].order("resume", "alice")

    assert [len(one.state.pins) for one in pinned] == [1, 0]


def test_one_may_go_back_to_any_earlier_stage() -> None:
    """
    And to no later one.
    """
    migration = at(FREE, 2)
    said = refused(migration, "rollback", stage="s9")

    migration.order("rollback", stage="s0")

    assert said == "s9 is no stage before the present one; there are s0, s1"
    assert (migration.state.at, migration.in_force.weight) == (0, 0)


def test_who_rolls_back_says_when_it_goes_on() -> None:
    """
    However long that takes; the stage gone back to is then observed from nothing.
    """
    migration = at(FREE, 2).looks(100).order("rollback").looks(100, seconds=3600)

    held, events = migration.state, migration.events[-2:]
    migration.order("resume", "carol")

    assert (held.held, held.said) == (Hold.OPERATOR, "rolled back by alice: because")
    assert events == ["rollback", "rolled_back"]
    assert (migration.state.step, migration.state.at, migration.state.observed) == (Step.OBSERVING, 1, 0)


def test_a_rollback_before_the_first_stage_goes_to_what_was_there() -> None:
    """
    The copies that the first stage has are given up.
    """
    migration = at(a_plan({"weight": 0, "mirror": 100.0}, {"weight": 10}), 0, in_force=Exposure(weight=0, mirror=30))

    migration.order("rollback").looks(2)

    assert (migration.state.at, migration.in_force.mirror) == (-1, 30)
    assert migration.order("resume").until("observing").in_force.mirror == 100


def test_one_route_goes_back_by_itself() -> None:
    """
    And stays closed whatever stages say, until it is opened again.
    """
    shares = {"routes": {"search": 10.0}}
    plan = a_plan({"weight": 0}, {"weight": 10, **shares}, {"weight": 50, "routes": {"search": 50.0}}, {"weight": 100})
    migration = at(plan, 1, in_force=Exposure(weight=0, mirror=100, routes={"search": None}))

    migration.order("rollback", route="search")
    closed = migration.in_force.of_route("search")
    migration.looks(3).until("settling").until("observing")
    later = (migration.state.at, migration.in_force.of_route("search"))
    migration.order("resume", route="search").until("settling")

    assert (closed, later) == (0, (2, 0))
    assert migration.in_force.of_route("search") == 50
    assert "is no route of this plan" in refused(migration, "rollback", route="payments")
    assert "is not closed" in refused(migration, "resume", route="search")


def test_a_route_that_goes_back_in_the_middle_of_a_shift_never_gets_its_share() -> None:
    """
    What the shift puts into force meanwhile is taken back before it goes on without that route.
    """
    plan = a_plan({"weight": 0}, {"weight": 10, "routes": {"search": 10.0}})
    migration = at(plan, 1, "shifting", in_force=Exposure(weight=0, mirror=100, routes={"search": None}))
    migration.done.clear()
    migration.order("rollback", route="search")
    first = next(one.exposure for one in migration.done if isinstance(one, Apply))
    migration.look()

    assert (first.weight, first.of_route("search")) == (0, 0)
    assert (migration.in_force.weight, migration.in_force.of_route("search")) == (10, 0)


def test_an_abort_leaves_old_alone() -> None:
    """
    Nobody is on new, nothing is copied; whoever comes next may do as they like.
    """
    migration = at(FREE, 1).order("abort")
    quiet = migration.in_force
    migration.looks(2)
    migration.in_force = Exposure(weight=30, mirror=100)
    migration.looks(2)

    assert (quiet.weight, quiet.mirror, migration.events[-1]) == (0, 0, "aborted")
    assert migration.in_force.weight == 30


def test_an_abort_also_takes_back_what_a_reload_has_brought() -> None:
    """
    A cohort that the plan has never heard of.
    """
    migration = at(FREE, 1)
    migration.in_force = replace(migration.in_force, cohorts={"beta": 100.0})

    assert migration.order("abort").in_force.cohorts == {"beta": 0.0}


def test_new_is_raised_by_hand_by_whom_may_force() -> None:
    """
    Saved first; then that is what the plan wants, and it holds.
    """
    plan = PLAN.model_copy(update={"team": PLAN.team.model_copy(update={"force_needs": ("lead",)})})
    migration = at(plan, 1)
    more = Exposure(weight=30, mirror=100)

    with pytest.raises(Forbidden, match="olga may not give new more"):
        overridden(plan, migration.state, more, Command(name="override", by="olga"), migration.now)
    with pytest.raises(Forbidden, match="lead and sponsor must agree, one person each"):
        overridden(PLAN, migration.state, more, Command(name="override", by="alice"), migration.now)
    migration.carry_out(*overridden(plan, migration.state, more, Command(name="override", by="alice"), migration.now))
    migration.in_force = more
    migration.looks(3)

    assert (migration.in_force.weight, migration.state.held, migration.saved.wanted) == (30, Hold.BY_HAND, more)
    assert migration.order("resume").until("settling", seconds=1).in_force.weight == 10


# ... forcing...


def test_a_force_needs_everybody_who_has_to_agree() -> None:
    """
    Each with a token of their own, within ten minutes.
    """
    migration = at(PLAN, 1)

    migration.order("force", "alice", seconds=3600.0)
    alone = migration.state.step
    migration.now += 601
    migration.order("force", "sue", seconds=3600.0)
    late = migration.state.step
    migration.order("force", "alice", seconds=3600.0).until("settling", seconds=1)

    assert (alone, late) == (Step.OBSERVING, Step.OBSERVING)
    assert (migration.in_force.weight, migration.events.count("forced")) == (50, 1)


def test_a_force_skips_neither_workers_nor_the_latch() -> None:
    """
    It waits for them, and isn't made with that.
    """
    migration = at(FREE, 1)
    migration.order("force", seconds=600.0).looks(3)
    forced = at(FREE, 1).order("force", seconds=600.0).look().look(acknowledged=False)
    killed = at(FREE, 1)
    killed.given["killed"] = True

    assert migration.state.step is Step.SETTLING
    assert forced.state.waits == ("workers",)
    assert "no force lifts it" in refused(killed, "force", seconds=600.0)


def test_a_force_is_over_when_its_time_is() -> None:
    """
    Then the stage is observed as if nothing had been.
    """
    migration = at(FREE, 1).order("force", seconds=600.0).look(silent=30.0)

    migration.looks(3, seconds=300, silent=30.0)

    assert (migration.state.step, migration.state.at, migration.state.stage) == (Step.OBSERVING, 1, 1)


def test_nobody_is_forced_over_a_point_of_no_return() -> None:
    """
    Its approvals are asked for all the same.
    """
    plan = a_plan({"weight": 0}, {"weight": 10}, {"weight": 100, "reversible": False}, gates=GATES)
    migration = at(plan, 1).order("force", seconds=600.0).looks(3)

    waits = migration.state.waits
    migration.order("approve", "carol").until("settling", seconds=1)

    assert (waits, migration.in_force.weight) == (("approval",), 100)


def test_a_force_lasts_as_long_as_all_agree_to() -> None:
    """
    The shortest of their times.
    """
    migration = at(PLAN, 1).order("force", "alice", seconds=600.0).order("force", "sue", seconds=7200.0)

    assert migration.state.forced_until == migration.now + 600


def test_a_force_goes_on_when_what_is_compared_changes() -> None:
    """
    It does without evidence anyway.
    """
    migration = at(FREE, 1).order("force", seconds=600.0).look(silent=30.0).look(silent=30.0, identity="rules 2")

    assert migration.state.step is Step.WAITING
    assert migration.until("settling", seconds=1).in_force.weight == 50


def test_a_force_has_a_reason_and_an_end() -> None:
    """
    Four hours at the most.
    """
    migration = at(FREE, 1)

    assert "say why" in refused(migration, "force", reason="", seconds=60.0)
    assert "4 hours at the most" in refused(migration, "force", seconds=20_000.0)
    assert "4 hours at the most" in refused(migration, "force")


def test_guards_go_on_in_a_force() -> None:
    """
    And so do gates, at the stage that was forced.
    """
    migration = at(PLAN, 1).order("force", "alice", seconds=600.0).order("force", "sue", seconds=600.0)
    migration.until("observing", seconds=10)
    migration.gates = {"answers": "fail"}

    migration.look()

    assert (migration.state.step, migration.in_force.weight) == (Step.ROLLING_BACK, 10)


# ... checklists and amendments.


LINES = (
    {"manual": "Support knows", "owner": "ops"},
    {"auto": "store"},
    {"manual": "Orders look right", "owner": "data", "evidence": True},
)
CUTOVER = a_plan(
    {"weight": 0},
    {"weight": 10, "checklist": "cutover"},
    checklists={"cutover": LINES},
    guards={"wrong": {"event": "mismatch", "max": 0.05}},
    team=TEAM,
)


def test_a_line_of_a_checklist_is_done_by_whose_it_is() -> None:
    """
    With evidence, where that is asked for.
    """
    migration = at(CUTOVER, 1, "preflight")

    assert "cutover/1 is for ops; dan is not" in refused(migration, "check", "dan", item="cutover/1")
    assert "needs evidence" in refused(migration, "check", "dan", item="cutover/3")
    assert "there are cutover/1, cutover/3" in refused(migration, "check", "dan", item="cutover/2")
    migration.order("check", "olga", item="cutover/1").order("check", "dan", item="cutover/3", evidence="link")
    assert migration.looks(2, checks={"cutover/2": (True, "")}).state.step is Step.WAITING


def test_a_line_is_done_anew_for_another_attempt() -> None:
    """
    What was so before a rollback isn't taken for granted.
    """
    migration = at(CUTOVER, 1, "preflight")
    migration.order("check", "olga", item="cutover/1").order("check", "dan", item="cutover/3", evidence="link")
    migration.given["checks"] = {"cutover/2": (True, "")}
    migration.until("settling").trip("wrong")

    assert migration.until("preflight", seconds=600).look().state.waits == ("cutover/1", "cutover/3")


def amended(plan: Any, *stages: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """
    What an amend command sends.
    """
    return {"plan": a_plan(*stages, **rest), "plan_hash": "b" * 64}


def test_stages_that_were_never_entered_may_be_amended() -> None:
    """
    By a plan with another hash, which reviewers sign anew and nobody has approved yet.
    """
    team = {**TEAM, "reviewers": ("ops",)}
    plan = a_plan(*STAGES[:3], gates=GATES, team=team)
    migration = Migration(plan=plan).order("sign", "olga").order("start")
    migration.gates = {"answers": "pass"}
    migration.until("ready").until("observing").until("ready").order("approve", "olga")

    other = {**STAGES[2], "weight": 30}
    migration.order("amend", **amended(plan, *STAGES[:2], other, gates=GATES, team=team))
    void = migration.state.approvals
    migration.order("approve", "olga").order("approve", "dan").looks(5)
    waits = migration.state.waits
    migration.order("sign", "olga").until("settling")

    assert (void, waits, migration.state.plan_hash) == ((), ("signature",), "b" * 64)
    assert migration.in_force.weight == 30


def test_what_has_counted_already_can_not_be_amended() -> None:
    """
    Neither a stage that was entered, nor a gate, nor the defaults.
    """
    migration = at(FREE, 1)
    looser = {"answers": {"event": "mismatch", "max": 0.5}}
    rest = ({"weight": 10, "gates": ("answers",), "advance": "approve"}, {"weight": 50})

    same = refused(migration, "amend")
    gate = refused(migration, "amend", **amended(FREE, *STAGES[:1], *rest, gates=looser))
    stage = refused(migration, "amend", **amended(FREE, STAGES[0], {**rest[0], "weight": 20}, rest[1], gates=GATES))
    default = refused(migration, "amend", **amended(FREE, STAGES[0], *rest, gates=GATES, defaults={"attempts": 9}))

    assert same == "send the new text of the plan"
    assert "gates.answers is not what it was" in gate
    assert "stage s1 has been entered" in stage
    assert "defaults is not what it was" in default


def test_a_stage_that_was_entered_once_counts_also_after_a_rollback() -> None:
    """
    It may be entered again, but not as another.
    """
    migration = at(FREE, 2).order("rollback", stage="s0").look()
    rest = ({"weight": 10, "gates": ("answers",), "advance": "approve"}, {"weight": 40})
    migration.order("resume").until("observing")

    said = refused(migration, "amend", **amended(FREE, STAGES[0], *rest, gates=GATES))
    migration.gates = {"answers": "pass"}
    migration.until("settling")
    again = refused(migration, "amend", **amended(FREE, STAGES[0], *rest, gates=GATES))

    assert "stage s2 has been entered" in said
    assert "stage s2 has been entered" in again


def test_a_stage_that_is_waited_for_may_go() -> None:
    """
    The plan then ends with the one in force.
    """
    migration = at(FREE, 2, "waiting")
    fewer = amended(FREE, *STAGES[:1], {"weight": 10, "gates": ("answers",), "advance": "approve"}, gates=GATES)

    migration.order("amend", "carol", **fewer).until("ready").order("approve", "dan").looks(2)

    assert migration.state.phase is Phase.FINISHED


def test_a_tick_is_a_step_and_nothing_else() -> None:
    """
    For those who don't want to wait for the next second.
    """
    migration = at(FREE, 2, "waiting")
    migration.now += 1

    found, actions = obey(FREE, migration.state, migration.readings(), Command(name="tick", by="x"), migration.now)

    assert found.step is Step.SHIFTING
    assert isinstance(actions[0], Save)
    assert isinstance(actions[1], Apply)


def test_an_unknown_command_is_refused() -> None:
    """
    With the ones there are.
    """
    assert "dance is no command; there are sign, check, start" in refused(started(FREE), "dance")
