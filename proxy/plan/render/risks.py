"""
What can go wrong, and whether what stands against it is there.
"""

from proxy.plan.model import Risk
from proxy.plan.render.book import Book
from proxy.plan.render.judged import rule
from proxy.plan.render.markdown import Markdown, escape, link, listed

PAGES = {
    "gate": "checkpoints.md#gates",
    "guard": "monitoring.md#guards",
    "checklist": "cutover-checklist.md",
    "route": "consistency.md#what-is-copied",
}


def by_weight(book: Book) -> list[Risk]:
    """
    The heaviest first.
    """
    return sorted(book.plan.risks, key=lambda risk: -risk.likelihood * risk.impact)


def controls(book: Book, risk: Risk) -> Markdown:
    """
    What stands against it, each with where it is told of.
    """
    return listed(_control(book, name) for name in risk.control)


def _control(book: Book, control: str) -> Markdown:
    kind, _, name = control.partition(":")
    view = book.view(name) if kind == "stage" else None
    page = f"runbook.md#{view.anchor}" if view is not None else PAGES.get(kind, "plan.md")
    return link(f"{kind} {name}", page)


def now(book: Book, risk: Risk) -> str:
    """
    What is known of what stands against it: a gate's result, a guard's level, a checklist's lines.
    """
    if book.running is None:
        return "planned"
    said = [word for name in risk.control if (word := _now(book, name))]
    return "; ".join(said) or "planned"


def _now(book: Book, control: str) -> str:
    assert book.running is not None
    kind, _, name = control.partition(":")
    match kind:
        case "gate" if name in book.running.outcomes:
            return f"{name}: {book.running.outcomes[name].result}"
        case "guard" if name in book.running.guards:
            return f"{name}: {'tripped' if book.running.guards[name].share >= 1 else 'quiet'}"
        case "stage":
            view = book.view(name)
            return f"{name}: {view.state.replace('_', ' ')}" if view is not None and view.state else ""
        case "checklist":
            lines = book.plan.checklists.get(name, ())
            done = sum(1 for key, (ok, _, _) in book.running.checks.items() if ok and key.startswith(f"{name}/"))
            return f"{name}: {done} of {len(lines)} done"
        case _:
            return ""


def at(book: Book, likelihood: int, impact: int) -> list[str]:
    """
    The risks at one place of the matrix.
    """
    return [risk.id for risk in book.plan.risks if (risk.likelihood, risk.impact) == (likelihood, impact)]


def defended(book: Book, by: str) -> Markdown:
    """
    What a gate or guard that defends something shared does.
    """
    kind, _, name = by.partition(":")
    judged = (book.plan.gates if kind == "gate" else book.plan.guards).get(name)
    return rule(judged) if judged is not None else escape("–")
