"""
The checklists of a plan on one page, and the countdown to the first clients on new.
"""

from dataclasses import dataclass

from proxy.plan.check_stages import window_of
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.people import may
from proxy.plan.render.tasks import Task, checked
from proxy.plan.render.words import duration

FIRST = "preflight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """
    One checklist: when it is due, and its lines.
    """

    title: str
    when: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """
    One line of the countdown.
    """

    when: str
    what: str
    owner: str


def preflight(book: Book) -> tuple[Task, ...]:
    """
    What has to be done before the start.
    """
    at = book.stages[0].planned.entered.expected
    return checked(book.plan, book.commands, book.running, FIRST, letter="P", after="–", at=at)


def checklists(book: Book) -> tuple[Checklist, ...]:
    """
    All of them, in the order in which they are due.
    """
    found = []
    if FIRST in book.plan.checklists:
        found.append(Checklist(title="Preflight", when="Before the plan starts.", tasks=preflight(book)))
    for view in book.stages:
        for name, words in ((view.stage.checklist, "entered"), (view.stage.verify, "left")):
            if name:
                tasks = tuple(task for task in view.tasks if task.id.startswith(_ids(view, words)))
                found.append(
                    Checklist(title=f"{name}, stage {view.number}", when=f"Before {view.name} is {words}.", tasks=tasks)
                )
    return tuple(found)


def _ids(view: StageView, words: str) -> str:
    return f"{view.number}.{1 if words == 'entered' else 4}."


def first_live(book: Book) -> StageView | None:
    """
    The first stage at which new answers clients.
    """
    return next((view for view in book.stages if view.is_live), None)


def countdowns(book: Book) -> tuple[tuple[StageView, tuple[Counted, ...]], ...]:
    """
    What leads up to the first clients on new, and to each stage that people are told of before.
    """
    first = first_live(book)
    found = [view for view in book.stages if view is first or _notices(book, view)]
    return tuple((view, _countdown(book, view)) for view in found)


def _notices(book: Book, view: StageView) -> list[tuple[float, str]]:
    window = window_of(book.plan, view.stage)
    told = window.notice.items() if window is not None else ()
    return sorted(((ahead, channel) for channel, spans in told for ahead in spans), reverse=True)


def _countdown(book: Book, view: StageView) -> tuple[Counted, ...]:
    entering = [task for task in view.tasks if task.id.startswith(_ids(view, "entered"))]
    least = view.settle + view.stage.observe.least
    decider = ", ".join(may(book.plan, "advance")[:1])
    return (
        *(_counted(f"T − {duration(ahead)}", f"Notice to {to} goes out") for ahead, to in _notices(book, view)),
        *(_counted("T − 1 h", task.what, task.owner) for task in entering),
        _counted("T − 15 min", "Go or no-go, by everybody above", decider),
        _counted("T", f"Shift to {view.name}"),
        _counted(f"T + {duration(view.settle)}", "Gates begin to gather evidence"),
        _counted(f"T + {duration(least)}", "The earliest end of the stage"),
    )


def _counted(when: str, what: str, owner: str = "Parallax") -> Counted:
    return Counted(when=when, what=what, owner=owner)
