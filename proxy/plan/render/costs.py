"""
What a defect of new costs clients at a stage, before a guard has taken it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.plan.blast import DEFECTS, REACTION, Blast, blasts
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.words import duration, number, share

COLUMNS = tuple(share(defect) for defect in DEFECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """
    One guard, and in words what happens for each defect of `COLUMNS`.
    """

    guard: str
    said: tuple[str, ...]


def costs(book: Book, view: StageView) -> tuple[Cost, ...]:
    """
    The rows of the blast-radius table for a stage; none where nobody is on new, or no guard rolls back.
    """
    found: dict[str, list[str]] = {}
    for one in blasts(book.plan, book.facts):
        if one.stage == view.name:
            found.setdefault(one.guard, []).append(_say(one))
    return tuple(Cost(guard=guard, said=tuple(said)) for guard, said in _known(found).items())


def _known(found: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    return {guard: said for guard, said in found.items() if len(said) == len(COLUMNS)}


def _say(one: Blast) -> str:
    if one.opportunities is None:
        return "may pass unnoticed"
    after = "–" if one.seconds is None else duration(one.seconds + REACTION)
    return after if one.users is None else f"{after}, {number(float(f'{one.users:.2g}'))} bad"
