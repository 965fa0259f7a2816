"""
What goes on at a stage by itself, what has to be so before, and what is typed.
"""

from proxy.plan.check_names import DEFAULT
from proxy.plan.check_stages import window_of
from proxy.plan.criteria import BlindGuard, Gate, Guard
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.people import agreeing, may
from proxy.plan.render.tasks import title
from proxy.plan.render.words import duration, plural

HOLDS = "no: it holds, and a person looks"
# Commands, and what each is for. Not as comments beside them: not every shell knows those where one types.
Typed = tuple[tuple[str, str], ...]


def guards(book: Book) -> list[tuple[str, Guard]]:
    """
    All guards, in the plan's order.
    """
    return list(book.plan.guards.items())


def failing(gate: Gate, view: StageView) -> str:
    """
    What a failure of a gate does at a stage.
    """
    return _leads(view) if gate.on_fail == "rollback" and _leads(view) else HOLDS


def tripping(guard: Guard, view: StageView) -> str:
    """
    What a guard that trips does at a stage.
    """
    if guard.on_trip == "rollback" and _leads(view):
        return _leads(view) + (", without copies" if _quiets(guard) else "")
    return "no: it switches copies off and holds" if _quiets(guard) and view.is_copied else HOLDS


def acts(guard: Guard) -> str:
    """
    What a guard that trips does, wherever the plan is.
    """
    holds = "switches copies off and holds" if _quiets(guard) else "holds"
    if guard.on_trip != "rollback":
        return holds
    return f"rolls back where new answers clients{' and switches copies off' if _quiets(guard) else ''}, else {holds}"


def _quiets(guard: Guard) -> bool:
    return guard.on_trip == "mirror_off" or (not isinstance(guard, BlindGuard) and guard.mirror_off)


def _leads(view: StageView) -> str:
    """
    Where a stage leads back to by itself; "" if it doesn't.
    """
    back = view.stage.rollback
    return f"yes, by itself, to {back.to}" if back is not None and view.is_live and view.stage.reversible else ""


def preconditions(book: Book, view: StageView) -> str:
    """
    What has to be so before a stage is entered.
    """
    stage, plan = view.stage, book.plan
    found = [f"{book.stages[view.number - 2].name} is passed"] if view.number > 1 else ["the plan is started"]
    if stage.checklist:
        found.append(f"checklist {stage.checklist} is done")
    if not stage.reversible:
        found.append(f"agreed to by {agreeing(plan, stage)}")
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


def stage_commands(book: Book, view: StageView) -> Typed:
    """
    What people type at a stage, if all goes well.
    """
    commands = book.commands
    found = [(commands.status, "what the gates have seen"), (commands.evidence, "what differs, and where")]
    if view.stage.advance == "approve" or not view.stage.reversible:
        found.append((commands.approve, f"by {agreeing(book.plan, view.stage)}"))
    return tuple(found)


def before(book: Book) -> Typed:
    """
    What is typed until the plan runs.
    """
    commands, plan = book.commands, book.plan
    signed = [(commands.sign, f"by {', '.join(plan.team.reviewers)}")] if plan.team.reviewers else []
    done = [
        (commands.check("preflight", number, evidence=item.evidence), title(item))
        for number, item in enumerate(plan.checklists.get("preflight", ()), 1)
        if item.manual is not None
    ]
    started = (commands.start, f"by {', '.join(may(plan, 'start'))}")
    known = "have a Parallax that knows the plan; one that runs already learns of it when it is started first"
    return (
        (commands.validate, "nothing is wrong with it"),
        (commands.serve(plan.config), known),
        *signed,
        *done,
        started,
    )


def always(book: Book) -> Typed:
    """
    What may be typed at any time.
    """
    commands = book.commands
    return (
        (commands.watch, "where it is, live"),
        (commands.hold, "stay where it is; guards go on"),
        (commands.resume, "after a hold"),
        (commands.advance, "leave the stage before its least time is over; its gates must have passed"),
        (commands.rollback, "to the stage that this one goes back to"),
        (commands.abort, "everybody on old, nothing copied, the plan is over"),
        (commands.kill, "the same at once, whatever is broken"),
    )


def back(book: Book, view: StageView) -> Typed:
    """
    What is typed to go back from a stage.
    """
    commands, to = book.commands, view.stage.rollback
    over = (commands.abort, "everybody on old, nothing copied, the plan is over")
    if not view.stage.reversible and view.number > 1:
        before = book.stages[view.number - 2].name
        return ((commands.rollback_to(before), f"to {before} all the same; nobody promises that old can do it"),)
    if to is None:
        return (over,) if view.is_live else ((commands.hold, "stay where it is"), over)
    routes = ((commands.rollback_route(name), f"only route {name}") for name in view.stage.routes)
    return ((commands.rollback, f"to {to.to}"), *routes)


def after(book: Book) -> Typed:
    """
    What is looked at once a rollback is done.
    """
    commands = book.commands
    return (
        (commands.status, "rolled back, and why"),
        (commands.weights, "who answers whom, in every worker"),
        (commands.evidence, "what differed"),
    )


def without(book: Book) -> Typed:
    """
    What works without the plan.
    """
    commands, stages = book.commands, book.plan.stages
    routes = dict.fromkeys(name for stage in stages for name in stage.routes)
    cohorts = dict.fromkeys(name for stage in stages for name in stage.cohorts)
    return (
        (commands.kill, "everybody on old, nothing copied; stays until restored"),
        (commands.by_hand(routes, cohorts), "everybody on old, copies go on; the plan holds"),
    )
