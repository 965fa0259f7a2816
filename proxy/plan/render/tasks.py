"""
What has to be done at each stage, as rows of a runbook: numbered, in order, with owners and dates.
"""

from dataclasses import dataclass
from typing import Literal

from proxy.plan.model import Item, Plan, Stage
from proxy.plan.render.commands import Commands
from proxy.plan.render.people import may, quorum, responsible
from proxy.plan.render.running import Running
from proxy.plan.render.schedule import Planned, settling
from proxy.plan.render.words import duration, percent

Status = Literal["", "done", "failed", "under way"]
OURS = "Parallax"
AUTOMATIC = {
    "sides_answer": "Old and new answer",
    "rate": "There is half to twice the traffic that the plan expects",
    "workers": "Every worker goes by the table in force",
    "store": "The store can be written",
    "clock": "The clock hasn't jumped",
    "mirroring": "Copies are made and compared",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """
    One row. Times are as in `schedule`; `command` is what is typed, if anything is.
    """

    id: str
    what: str
    after: str
    owner: str
    begin: float | None
    end: float | None
    success: str
    command: str = ""
    began: float | None = None
    ended: float | None = None
    status: Status = ""
    notes: str = ""


def title(item: Item) -> str:
    """
    A line of a checklist, for people.
    """
    if item.title:
        return item.title
    if item.auto is not None:
        return AUTOMATIC[item.auto]
    return item.manual or " ".join(item.cmd or ())


def items(plan: Plan, name: str | None) -> tuple[Item, ...]:
    """
    The lines of a checklist.
    """
    return plan.checklists.get(name, ()) if name else ()


def checked(
    plan: Plan,
    commands: Commands,
    running: Running | None,
    name: str | None,
    *,
    letter: str,
    after: str,
    at: float | None,
) -> tuple[Task, ...]:
    """
    The lines of a checklist as rows: `letter` begins their ids, all come after the task `after`.
    """
    return tuple(
        _of_item(item, f"{name}/{number}", commands, running, f"{letter}{number}", after, at, plan)
        for number, item in enumerate(items(plan, name), 1)
    )


def _of_item(
    item: Item,
    key: str,
    commands: Commands,
    running: Running | None,
    name: str,
    after: str,
    at: float | None,
    plan: Plan,
) -> Task:
    checklist, _, number = key.partition("/")
    done = running.checks.get(key) if running is not None else None
    by_hand = item.manual is not None
    proof = "a note or link is given" if item.evidence else "somebody says so"
    return Task(
        id=name,
        what=title(item),
        after=after,
        owner=item.owner or (", ".join(may(plan, "advance")[:1]) if by_hand else OURS),
        begin=at,
        end=at,
        success=proof if by_hand else f"exit code 0 within {duration(item.timeout)}" if item.cmd else "it is so",
        command=commands.check(checklist, int(number), evidence=item.evidence) if by_hand else "",
        status="" if done is None else "done" if done[0] else "failed",
        notes="" if done is None else " ".join(part for part in (done[1], done[2]) if part),
    )


def stage_tasks(
    plan: Plan, commands: Commands, running: Running | None, number: int, planned: Planned | None
) -> tuple[Task, ...]:
    """
    Everything of one stage, in order. Ids begin with its number: 3.1 is the first task of the third stage.
    """
    stage = plan.stages[number - 1]
    entered, left = (planned.entered.expected, planned.left.expected) if planned is not None else (None, None)
    walked = running.stages.get(stage.name) if running is not None else None
    began, ended = (walked.entered, walked.left) if walked is not None else (None, None)
    before = f"{number - 1}.9" if number > 1 else "–"
    first = checked(plan, commands, running, stage.checklist, letter=f"{number}.1.", after=before, at=entered)
    settle = None if entered is None else entered + settling(plan, stage)
    least, most = map(duration, stage.observe)
    observing = f"Settle ({duration(settling(plan, stage))}), then observe for {least} to {most}"
    enter = Task(
        id=f"{number}.2", what=f"Shift: {wanted(stage)}", after=first[-1].id if first else before, owner=OURS,
        begin=entered, end=entered, began=began, ended=began, status="done" if began is not None else "",
        success="every worker has it" + (f" within {duration(stage.rollback.within)}" if stage.rollback else ""),
    )  # fmt: skip
    observe = Task(
        id=f"{number}.3", what=observing, after=enter.id, owner=responsible(plan, stage), begin=settle, end=left,
        began=began, ended=ended, status="done" if ended is not None else "under way" if began is not None else "",
        success=f"all gates have passed: {', '.join(stage.gates)}" if stage.gates else stage.success,
    )  # fmt: skip
    verify = checked(plan, commands, running, stage.verify, letter=f"{number}.4.", after=observe.id, at=left)
    leave = Task(
        id=f"{number}.9", what="Leave the stage", after=verify[-1].id if verify else observe.id,
        owner=", ".join(may(plan, "approve")) if stage.advance == "approve" else OURS, begin=left, end=left,
        began=ended, ended=ended, status="done" if ended is not None else "", success=stage.success,
        command=commands.approve if stage.advance == "approve" else "",
        notes=f"agreed to by {quorum(plan, stage)}" if stage.advance == "approve" else "",
    )  # fmt: skip
    return (*first, enter, observe, *verify, leave)


def wanted(stage: Stage) -> str:
    """
    What a stage changes, in a few words.
    """
    parts = [f"new answers {percent(stage.weight)}"] if stage.weight is not None else []
    parts += [f"{percent(stage.mirror)} of reads are copied"] if stage.mirror is not None else []
    parts += [f"{percent(share)} of route {name}" for name, share in stage.routes.items()]
    parts += [f"{percent(share)} of cohort {name}" for name, share in stage.cohorts.items()]
    return ", ".join(parts) or "nothing changes"
