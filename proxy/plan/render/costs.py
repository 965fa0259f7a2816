"""
What a defect of new costs clients at a stage, before a guard has taken it back.
"""

from dataclasses import dataclass

from proxy.plan.blast import REACTION, blasts
from proxy.plan.render.book import Book, StageView
from proxy.plan.render.words import count, duration, number, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """
    One guard and one defect, in words.
    """

    guard: str
    defect: str
    evidence: str
    time: str
    hit: str


def costs(book: Book, view: StageView) -> tuple[Cost, ...]:
    """
    The rows of the blast-radius table for a stage; none where nobody is on new, or no guard rolls back.
    """
    return tuple(
        Cost(
            guard=one.guard,
            defect=share(one.defect),
            evidence="it may not be noticed" if one.opportunities is None else count(one.opportunities),
            time="–" if one.seconds is None else duration(one.seconds + REACTION),
            hit="–" if one.users is None else number(float(f"{one.users:.2g}")),
        )
        for one in blasts(book.plan, book.facts)
        if one.stage == view.name
    )
