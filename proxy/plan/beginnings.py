"""
Where a plan begins, and where a control that takes over finds it: a fresh run, one under way, one whose store is lost.
"""

from dataclasses import replace

from proxy.plan.exposure import BASE, Exposure, exposures, is_within, lower
from proxy.plan.look import Look
from proxy.plan.model import Plan
from proxy.plan.moves import Apply, Readings, Save
from proxy.plan.notices import tell
from proxy.plan.state import Hold, Phase, State, Step
from proxy.plan.transitions import Moved, moved


def draft(run: str, plan_hash: str) -> State:
    """
    A plan that nobody has started yet. `run` names this run of it, in notices and in the store.
    """
    return State(run=run, plan_hash=plan_hash, generation=1)


def resumed(plan: Plan, state: State, now: float) -> Moved:
    """
    What a control that takes over makes of the saved state. A shift of which nobody knows how far it came is taken
    back to the lower of what was and what was wanted; the conditions of the advance are looked at again.
    """
    state = replace(state, generation=state.generation + 1, looked=now)
    if state.phase is not Phase.RUNNING or state.step is not Step.SHIFTING:
        return state, (Save(late=True),)
    look = Look(plan=plan, state=state, readings=Readings(), now=now)
    kept, said = lower(state.before, state.wanted), "a shift was cut short; back to the lower exposure"
    found = moved(look, "waiting", said, step=Step.WAITING, wanted=kept)
    return found, (Apply(kept, said), Save(late=True))


def recovered(run: str, plan_hash: str, plan: Plan, in_force: Exposure, now: float) -> Moved:
    """
    What becomes of a plan whose store is lost, from what is in force, which stays: it holds at the highest stage that
    allows new no more than that, until a person resumes.
    """
    named = [name for stage in plan.stages for name in (*stage.routes, *stage.cohorts)]
    base = replace(
        BASE,
        routes={name: None if name in named else share for name, share in in_force.routes.items()},
        cohorts={name: 0.0 if name in named else share for name, share in in_force.cohorts.items()},
    )
    within = [place for place, wanted in enumerate(exposures(plan, base)) if is_within(wanted, in_force)]
    at = max(within, default=-1)
    state = State(
        run=run,
        plan_hash=plan_hash,
        generation=1,
        phase=Phase.RUNNING,
        stage=max(at, 0),
        at=at,
        reached=at,
        started=now,
        entered=now,
        looked=now,
        base=base,
        wanted=in_force,
        before=in_force,
    )
    look = Look(plan=plan, state=state, readings=Readings(in_force=in_force), now=now)
    name = plan.stages[at].name if at >= 0 else "the start"
    said = (
        f"what was saved of this plan is lost; what is in force is taken for {name}, and a person has to confirm that"
    )
    found = moved(look, "held", said, step=Step.HELD, held=Hold.RECOVERED, said=said, resume_to=Step.OBSERVING)
    return found, (Save(late=True), tell(look, found, "hold", reason=said))
