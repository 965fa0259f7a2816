"""
Who does what: permissions by role, who decides, and for each stage who is responsible, accountable, asked and told.
"""

from proxy.plan.model import Plan, Stage

# Everybody, where a plan names no roles.
ANYBODY = "any operator"
MOVES = ("start", "approve", "hold", "resume", "advance", "rollback", "abort", "amend", "force", "note")


def may(plan: Plan, move: str) -> tuple[str, ...]:
    """
    The roles that may do this.
    """
    if not plan.team.roles:
        return (ANYBODY,)
    return tuple(name for name, role in plan.team.roles.items() if move in role.may)


def people(plan: Plan, role: str) -> str:
    """
    The people of a role, with their deputies.
    """
    found = plan.team.roles.get(role)
    if found is None:
        return "–"
    deputies = f" (deputies: {', '.join(found.deputies)})" if found.deputies else ""
    return f"{', '.join(found.who)}{deputies}"


def quorum(plan: Plan, stage: Stage) -> str:
    """
    Who has to agree that a stage is left.
    """
    return agreeing(plan, stage) if stage.advance == "approve" else "nobody, it goes on by itself"


def agreeing(plan: Plan, stage: Stage) -> str:
    """
    Who has to agree, where somebody has to: that a stage is left, or that one without a way back is entered.
    """
    wanted = stage.approvals
    said = f"{wanted.count} {'person' if wanted.count == 1 else 'people'} of {', '.join(may(plan, 'approve'))}"
    return f"{said}; {', '.join(wanted.must_include)} among them" if wanted.must_include else said


def raci(plan: Plan, stage: Stage) -> tuple[tuple[str, str], ...]:
    """
    One letter for each role. Accountable is the first that must agree, or that may start; responsible are those that
    may move the plan; asked those that may approve or must agree too; everybody else is told.
    """
    roles = plan.team.roles
    firsts = (*stage.approvals.must_include, *may(plan, "approve")) if stage.advance == "approve" else ()
    accountable = next((name for name in (*firsts, *may(plan, "start"), *roles) if name in roles), "")
    found = []
    for name, role in roles.items():
        moves = {"advance", "resume", "rollback"} & set(role.may)
        asked = name in stage.approvals.must_include or "approve" in role.may
        found.append((name, "A" if name == accountable else "R" if moves else "C" if asked else "I"))
    return tuple(found)


def responsible(plan: Plan, stage: Stage) -> str:
    """
    Who watches over a stage: the first role that may roll back and isn't accountable, else the accountable one.
    """
    letters = raci(plan, stage)
    return next((name for wanted in "RA" for name, letter in letters if letter == wanted), ANYBODY)


def told(plan: Plan, channel: str) -> tuple[str, ...]:
    """
    The events that a channel is told of.
    """
    return tuple(event.replace("_", " ") for event, channels in plan.comms.tell.items() if channel in channels)
