"""
What people wait for: the milestones that stages name, or else those that every migration has.
"""

from dataclasses import dataclass

from proxy.plan.render.book import Book, StageView


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """
    `enters`: it is reached when the stage is entered, otherwise when it is left.
    """

    name: str
    view: StageView
    enters: bool


def milestones(book: Book) -> tuple[Milestone, ...]:
    """
    In order. Those that a plan doesn't have are left out.
    """
    stages = book.stages
    found = [Milestone(name="The first copies go to new", view=stages[0], enters=True)]
    live = [view for view in stages if view.is_live]
    if live:
        found.append(Milestone(name="New answers its first clients", view=live[0], enters=True))
    for share, name in ((50.0, "New answers half of them"), (100.0, "New answers everybody")):
        view = next((view for view in stages if view.exposure.weight >= share), None)
        if view is not None and view is not found[-1].view:
            found.append(Milestone(name=name, view=view, enters=True))
    last = next((view for view in stages if not view.stage.reversible), None)
    if last is not None:
        found.append(Milestone(name="The point of no return", view=last, enters=True))
    everything = (*found, *_named(book), Milestone(name="The plan is finished", view=stages[-1], enters=False))
    return tuple(sorted(everything, key=_expected))


def _expected(one: Milestone) -> float:
    return (one.view.planned.entered if one.enters else one.view.planned.left).expected


def _named(book: Book) -> tuple[Milestone, ...]:
    # A milestone that stages name is reached when the last of them is left.
    last = {view.stage.milestone: view for view in book.stages if view.stage.milestone}
    return tuple(Milestone(name=name, view=view, enters=False) for name, view in last.items())
