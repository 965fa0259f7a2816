"""
Who may do what: roles and the names of people's tokens. Without a team, any operator may do anything.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from proxy.plan.model import Plan

# Stopping and going back are no privilege: whoever belongs to the team may.
ANYBODY: Final = ("hold", "rollback", "tick")


def roles_of(plan: Plan, name: str) -> tuple[str, ...]:
    """
    The roles of a person, as such or as a deputy.
    """
    roles = plan.team.roles.items()
    return tuple(role for role, one in roles if name in one.who or name in one.deputies)


def people_in(plan: Plan, role: str) -> tuple[str, ...]:
    """
    Who has a role, deputies last; nobody if there is no such role.
    """
    one = plan.team.roles.get(role)
    return () if one is None else (*one.who, *one.deputies)


def may(plan: Plan, name: str, move: str) -> bool:
    """
    Whether a person may make this move.
    """
    if not plan.team.roles:
        return True
    roles = roles_of(plan, name)
    return bool(roles) and (move in ANYBODY or any(move in plan.team.roles[role].may for role in roles))


def people_who_may(plan: Plan, move: str) -> tuple[str, ...]:
    """
    Everybody who may make this move, by the plan.
    """
    names = (name for role in plan.team.roles.values() for name in (*role.who, *role.deputies))
    return tuple(dict.fromkeys(name for name in names if may(plan, name, move)))


def roles_that_may(plan: Plan, move: str) -> str:
    """
    The roles that may, for a sentence.
    """
    return " or ".join(name for name, role in plan.team.roles.items() if move in role.may) or "nobody"


def agreed(plan: Plan, people: Iterable[str], count: int, must_include: Sequence[str] = ()) -> bool:
    """
    Whether these people are enough: `count` of them, and one for each role in `must_include`, nobody for two.
    """
    names = tuple(dict.fromkeys(people))
    return len(names) >= count and (not plan.team.roles or _covered(plan, names, tuple(must_include)))


def _covered(plan: Plan, names: tuple[str, ...], roles: tuple[str, ...]) -> bool:
    if not roles:
        return True
    return any(
        _covered(plan, (*names[:place], *names[place + 1 :]), roles[1:])
        for place, name in enumerate(names)
        if roles[0] in roles_of(plan, name)
    )


def is_own_change(plan: Plan, name: str, changed_by: Iterable[str]) -> bool:
    """
    Whether a person would approve what they made themselves: the plan, its start or an amendment.
    """
    return plan.team.approve_not_own_change and bool(plan.team.roles) and name in {plan.team.author, *changed_by}
