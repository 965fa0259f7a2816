"""
What could go wrong, what old and new share, and what is done before and after: each with what defends it, and whose it
is.
"""

from collections.abc import Collection, Iterator

from proxy.plan.check_names import known
from proxy.plan.facts import Facts
from proxy.plan.model import Item, Plan
from proxy.settings.sentences import Finding
from proxy.settings.source import Where


def check_risks(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with risks, shared resources, checklists, and where data lies.
    """
    for place, risk in enumerate(plan.risks):
        for number, control in enumerate(risk.control):
            yield from _check_control(plan, facts, ("risks", place, "control", number), control)
    for place, shared in enumerate(plan.shared):
        at: Where = ("shared", place, "by")
        if shared.by.partition(":")[0] not in ("gate", "guard"):
            said = f"{shared.by} looks at nothing while it runs; write gate:NAME or guard:NAME"
            yield Finding(key=at, said=said)
        else:
            yield from _check_control(plan, facts, at, shared.by)
    for name, items in plan.checklists.items():
        if not items:
            yield Finding(key=("checklists", name), said="has no lines; write some, or leave it out")
        for place, item in enumerate(items):
            yield from _check_item(plan, ("checklists", name, place), item)
    if facts is not None:
        yield from _check_data(plan, facts)


def _check_control(plan: Plan, facts: Facts | None, key: Where, control: str) -> Iterator[Finding]:
    kind, _, name = control.partition(":")
    there: dict[str, Collection[str]] = {
        "gate": plan.gates,
        "guard": plan.guards,
        "checklist": plan.checklists,
        "stage": [stage.name for stage in plan.stages],
        "route": () if facts is None else facts.routes,
    }
    if kind == "route" and facts is None:
        return
    yield from known(key, name, there[kind], kind, " of the configuration" if kind == "route" else "")


def _check_item(plan: Plan, key: Where, item: Item) -> Iterator[Finding]:
    ways = [one for one in (item.auto, item.cmd, item.manual) if one is not None]
    if len(ways) != 1:
        said = "says nothing to do" if not ways else "says more than one thing to do"
        yield Finding(key=key, said=f"{said}; write one of auto, cmd and manual")
        return
    if item.manual is None and item.evidence:
        said = "is for what a person does; Parallax keeps what it found itself"
        yield Finding(key=(*key, "evidence"), said=f"{said}; leave it out")
    if item.manual is not None and item.owner is None and plan.team.roles:
        said = f"nobody is to do it; write a role, such as owner: {next(iter(plan.team.roles))}"
        yield Finding(key=(*key, "owner"), said=said)


def _check_data(plan: Plan, facts: Facts) -> Iterator[Finding]:
    if facts.data is None:
        said = "the configuration doesn't say where data lies; write data: stateless, shared or split there"
        yield Finding(key=("config",), said=said)
    elif facts.data == "shared" and not plan.shared:
        said = (
            "is missing, and old and new write to one store (data: shared in the configuration); write what they share"
        )
        yield Finding(key=("shared",), said=f"{said}, whose it is and what defends it")
