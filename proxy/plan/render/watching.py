"""
What goes on at a stage by itself, what has to be so before, and what is typed.
"""

from proxy.plan.check_names import DEFAULT
from proxy.plan.check_stages import window_of
from proxy.plan.criteria import Gate, Guard
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.words import duration, plural

HOLDS = "no: it holds, and a person looks"


def guards(book: Book) -> list[tuple[str, Guard]]:
    """
    All guards, in the plan's order.
    """
    return list(book.plan.guards.items())


def failing(gate: Gate, view: StageView) -> str:
    """
    What a failure of a gate does at a stage.
    """
    back = view.stage.rollback
    if gate.on_fail == "rollback" and view.is_live and back is not None:
        return f"yes, by itself, to {back.to}"
    return HOLDS


def tripping(guard: Guard, view: StageView) -> str:
    """
    What a guard that trips does at a stage.
    """
    back = view.stage.rollback
    if guard.on_trip == "mirror_off" or getattr(guard, "mirror_off", False):
        return "no: it switches copies off and holds"
    return f"yes, by itself, to {back.to}" if guard.on_trip == "rollback" and back is not None else HOLDS


def acts(guard: Guard) -> str:
    """
    What a guard that trips does, wherever the plan is.
    """
    if guard.on_trip == "mirror_off" or getattr(guard, "mirror_off", False):
        return "switches copies off and holds"
    return "rolls back where new answers clients, else holds" if guard.on_trip == "rollback" else "holds"


def preconditions(book: Book, view: StageView) -> str:
    """
    What has to be so before a stage is entered.
    """
    stage, plan = view.stage, book.plan
    found = [f"{book.stages[view.number - 2].name} is passed"] if view.number > 1 else ["the plan is started"]
    if stage.checklist:
        found.append(f"checklist {stage.checklist} is done")
    window = window_of(plan, stage)
    if window is not None:
        more = f" for {duration(window.fit)} more" if window.fit else ""
        found.append(f"window {stage.window or DEFAULT} is open{more}")
    if plan.freezes:
        found.append("no freeze")
    if plan.comms.must_deliver:
        found.append(f"what must be told is delivered ({', '.join(plan.comms.must_deliver)})".replace("_", " "))
    return "; ".join(found)


def by_itself(book: Book, view: StageView) -> str:
    """
    What Parallax does at a stage without anybody.
    """
    stage = view.stage
    gates = f"asks {plural(len(view.gates), 'gate')} ({', '.join(gate.name for gate in view.gates)})"
    found = [
        "Saves what is wanted, puts it into force in every worker, and waits until each has it",
        f"judges nothing for {duration(view.settle)}",
        f"{gates if view.gates else 'observes'} for {duration(stage.observe.least)} to {duration(stage.observe.most)}",
    ]
    if book.plan.guards:
        found.append(f"watches {plural(len(book.plan.guards), 'guard')} all the time")
    if stage.rollback is not None:
        found.append(f"rolls back to {stage.rollback.to} when one of them says so")
    last = "then waits for approvals" if stage.advance == "approve" else "then goes on"
    return "; ".join((*found, last)) + ". It holds when it sees nothing, and when time is up without a pass."


def stage_commands(book: Book, view: StageView) -> list[str]:
    """
    What people type at a stage, if all goes well.
    """
    commands = book.commands
    found = [commands.status, commands.evidence]
    if view.stage.advance == "approve":
        found.append(commands.approve)
    return found


def before(book: Book) -> list[str]:
    """
    What is typed until the plan runs.
    """
    commands = book.commands
    signed = [commands.sign] if book.plan.team.reviewers else []
    return [commands.validate, *signed, *preflight_commands(book), commands.start]


def preflight_commands(book: Book) -> list[str]:
    """
    The lines of the checklist `preflight` that people confirm.
    """
    return [
        book.commands.check("preflight", number, evidence=item.evidence)
        for number, item in enumerate(book.plan.checklists.get("preflight", ()), 1)
        if item.manual is not None
    ]


def always(book: Book) -> list[str]:
    """
    What may be typed at any time.
    """
    commands = book.commands
    return [
        *(commands.watch, commands.hold, commands.resume, commands.advance),
        *(commands.rollback, commands.abort, commands.kill),
    ]


def back(book: Book, view: StageView) -> list[str]:
    """
    What is typed to go back from a stage.
    """
    commands = book.commands
    if view.stage.rollback is None:
        return [commands.abort] if view.is_live else [commands.hold, commands.abort]
    return [commands.rollback, *(commands.rollback_route(name) for name in view.stage.routes)]
