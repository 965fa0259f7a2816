"""
Points in time as documents say them: on the plan's clock, or as so long after the start of a plan without a date.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from proxy.plan.render.book import Book, StageView
from proxy.plan.render.schedule import Dates
from proxy.plan.render.words import drift, duration, moment, offset

# Seconds, of a whole plan.
SHORT: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Times:
    """
    For one book; `seconds` where a plan is so short that they matter.
    """

    zone: ZoneInfo
    planned_dated: bool
    present_dated: bool
    seconds: bool

    def planned(self, at: float | None) -> str:
        """
        What was forecast before the start.
        """
        return moment(at, self.zone, seconds=self.seconds) if self.planned_dated else offset(at)

    def when(self, at: float | None) -> str:
        """
        What is forecast now.
        """
        return moment(at, self.zone, seconds=self.seconds) if self.present_dated else offset(at)

    def happened(self, at: float | None) -> str:
        """
        What has been.
        """
        return moment(at, self.zone, seconds=self.seconds)

    def actual(self, view: StageView, which: str) -> str:
        """
        When a stage was entered or left.
        """
        return self.happened(been(view, which))

    def late(self, view: StageView, which: str) -> str:
        """
        How that compares to the forecast; "" if there is nothing to compare.
        """
        at = been(view, which)
        if at is None or not self.planned_dated:
            return ""
        dates: Dates = view.planned.entered if which == "entered" else view.planned.left
        return drift(at - dates.expected)

    def took(self, view: StageView) -> str:
        """
        How long a stage lasted.
        """
        entered, left = been(view, "entered"), been(view, "left")
        return duration(left - entered) if entered is not None and left is not None else "–"


def times(book: Book) -> Times:
    """
    As this book says them.
    """
    short = book.stages[-1].planned.left.latest - book.stages[0].planned.entered.earliest < SHORT
    return Times(book.zone, book.begin is not None, book.is_dated, short)


def been(view: StageView, which: str) -> float | None:
    """
    When a stage was `entered` or `left`, if it was.
    """
    if view.walked is None:
        return None
    return view.walked.entered if which == "entered" else view.walked.left


def spell(book: Book) -> tuple[float | None, float | None]:
    """
    When the plan was started, and when the last thing happened.
    """
    running = book.running
    if running is None or not running.history:
        return None, None
    return running.started, running.history[-1].at
