"""
Notices that time brings and no transition: a window is about to open, an approval is still wanted. Each once.
"""

from dataclasses import replace

from proxy.plan.look import Look
from proxy.plan.moves import Action, Save, Tell
from proxy.plan.notices import moment, passed_gates, tell
from proxy.plan.state import State
from proxy.plan.transitions import Moved
from proxy.plan.waits import opening_of, window_of


def reminders(state: State, look: Look) -> Moved:
    """
    The state with what is told now, and the notices. They get ids of their own, so the state's number stays.
    """
    due = [one for one in (*_windows(state, look), *_approvals(state, look)) if one.id not in state.noticed]
    if not due:
        return state, ()
    told = replace(state, noticed=(*state.noticed, *(one.id for one in due)))
    actions: tuple[Action, ...] = (Save(late=True), *due)
    return told, actions


def _windows(state: State, look: Look) -> list[Tell]:
    window = window_of(look)
    if window is None or not window.notice:
        return []
    opens = opening_of(look).next
    if opens is None:
        return []
    found = []
    for channel, leads in window.notice.items():
        due = [before for before in leads if opens - before <= look.now < opens]
        if due:
            name = f"{state.run}-window-{look.aim.name}-{opens:.0f}-{min(due):.0f}-{channel}"
            weight = look.desired(state.stage).weight
            notice = tell(look, state, "window_notice", channels=(channel,), opens=moment(look, opens), weight=weight)
            found.append(replace(notice, id=name))
    return found


def _approvals(state: State, look: Look) -> list[Tell]:
    if "approval" not in state.waits:
        return []
    approvals = look.aim.approvals
    people = (*approvals.must_include, f"{approvals.count} approval{'s' if approvals.count > 1 else ''}")
    facts = {"evidence": look.readings.evidence, "gates": passed_gates(look), "waiting_for": people}
    # The first of two approvals is no reason to ask anew.
    name = f"{state.run}-approval-{state.stage}-{state.since:.0f}"
    wanted = replace(tell(look, state, "approval_wanted", facts), id=name)
    if look.now - state.since < look.plan.team.acknowledge:
        return [wanted]
    deputies = sorted({name for role in look.plan.team.roles.values() for name in role.deputies})
    again = tell(look, state, "approval_wanted", facts, waiting_for=(*people, *deputies))
    return [wanted, replace(again, id=f"{name}-again")]
