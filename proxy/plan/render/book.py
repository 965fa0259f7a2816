"""
What all documents of one plan are made from: the plan, what parallax.yaml says, how far the plan has come, and when.
"""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from proxy.gates.outcome import Outcome
from proxy.plan.criteria import Gate
from proxy.plan.exposure import Exposure, is_live
from proxy.plan.facts import Facts
from proxy.plan.model import Plan, Stage
from proxy.plan.render.commands import Commands
from proxy.plan.render.markdown import anchor, file_name
from proxy.plan.render.running import Running, Walked
from proxy.plan.render.schedule import Planned
from proxy.plan.render.tasks import Task
from proxy.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """
    A gate at a stage: `outcome` while it is looked at there; `needed` opportunities and `takes` seconds, as expected;
    of `route`, the slowest, where routes are judged by themselves.
    """

    name: str
    gate: Gate
    outcome: Outcome | None
    needed: int | None
    takes: float | None
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """
    A stage with all that documents tell of it. `number` counts from 1; `planned` is the forecast before the start,
    `present` the one that goes by what has been.
    """

    number: int
    stage: Stage
    exposure: Exposure
    before: Exposure | None
    planned: Planned
    present: Planned
    walked: Walked | None
    settle: float
    gates: tuple[GateView, ...]
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        """
        As the plan has it.
        """
        return self.stage.name

    @property
    def title(self) -> str:
        """
        For people.
        """
        return self.stage.title or self.stage.name

    @property
    def heading(self) -> str:
        """
        The heading that documents give it.
        """
        return f"Stage {self.number}: {self.title}" if self.title == self.name else self._both

    @property
    def _both(self) -> str:
        return f"Stage {self.number}: {self.name}, {self.title}"

    @property
    def anchor(self) -> str:
        """
        Where that heading is.
        """
        return anchor(self.heading)

    @property
    def page(self) -> str:
        """
        The page about going back from it.
        """
        return f"rollback/{file_name(self.number, self.name)}.md"

    @property
    def is_live(self) -> bool:
        """
        Whether new answers clients at it.
        """
        return is_live(self.exposure)

    @property
    def is_copied(self) -> bool:
        """
        Whether new gets copies at it.
        """
        return self.exposure.mirror > 0

    @property
    def state(self) -> str:
        """
        passed, present, to_come, rolled_back; "" before the start.
        """
        return "" if self.walked is None else self.walked.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """
    Everything. `settings` is None where parallax.yaml wasn't there; `begin` None where the plan has no date: then all
    times are seconds after the start. `file` is how the plan's file is called.
    """

    plan: Plan
    digest: str
    file: str
    zone: ZoneInfo
    begin: float | None
    stages: tuple[StageView, ...]
    settings: Settings | None = field(default=None, repr=False)
    facts: Facts | None = None
    running: Running | None = None

    @property
    def title(self) -> str:
        """
        For people.
        """
        return self.plan.title or self.plan.plan

    @property
    def commands(self) -> Commands:
        """
        What is typed.
        """
        return Commands(file=self.file)

    @property
    def is_dated(self) -> bool:
        """
        Whether there are dates, and not only spans.
        """
        return self.begin is not None or self.has_begun

    @property
    def has_begun(self) -> bool:
        """
        Whether a stage was ever entered.
        """
        return self.running is not None and self.running.has_begun

    def view(self, name: str) -> StageView | None:
        """
        The stage of this name.
        """
        return next((view for view in self.stages if view.name == name), None)
