"""
The plan as a model: every key of a migration.yaml, its kind, its default and what it means. Gates and guards are in
`criteria`, people in `people`.

What must hold between keys is in `check`. Routes, cohorts, sticky keys and where data lies belong to the configuration;
a plan refers to them by name.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from proxy.plan.criteria import Gate, Guard
from proxy.plan.kinds import CommandLine, Control, Controls, HttpUrl, NameList, Secret, Sentence, Span, SpanOfTime
from proxy.plan.people import Comms, Team
from proxy.plan.times import ClosedDays, SomeDays, StartDate, WeeklyTimes, Zone
from proxy.settings.kinds import Kind, Percent, Seconds
from proxy.settings.routes import Name
from proxy.settings.section import Section

OptionalName = Annotated[Name | None, Kind(words="name", show=lambda value: "null" if value is None else str(value))]
# What Parallax looks at by itself, for checklists.
Automatic = Literal["sides_answer", "rate", "workers", "store", "clock", "mirroring"]


class Rollback(Section):
    """
    Where a stage goes back to.
    """

    to: Name = Field(description="an earlier stage", examples=["shadow"])
    within: Seconds = Field(30.0, gt=0, description="in which all workers must have it")


class Approvals(Section):
    """
    Who must agree before a stage is left.
    """

    count: int = Field(1, ge=1, le=20, description="different people")
    must_include: NameList = Field((), description="roles of which one person each must be among them")


class Stage(Section):
    """
    One step. What it doesn't say of weight, mirror, routes and cohorts stays as the stage before has it.
    """

    name: Name = Field(description="in commands, metrics and documents", examples=["live-10"])
    title: str = Field("", description="for people")
    milestone: str = Field("", description="for documents: stages of one milestone belong together")
    success: Sentence = Field(
        description="what will be true when it is passed, in a sentence", examples=["New answers as old does"]
    )
    weight: Percent | None = Field(None, description="new's share; null: as before, at first 0")
    mirror: Percent | None = Field(None, description="share of reads that is copied; null: as before, at first 100")
    routes: dict[Name, Percent] = Field({}, description="new's share of routes, by name")
    cohorts: dict[Name, Percent] = Field({}, description="new's share of cohorts, by name")
    settle: Seconds | None = Field(None, ge=0, description="during which nothing is judged; null: the default")
    observe: SpanOfTime = Field(Span(600.0, 86_400.0), description="how long, at least and at most: 2h..2d")
    gates: NameList = Field((), description="which must all pass")
    advance: Literal["auto", "approve"] = Field("auto", description="what leads on, once all gates have passed")
    approvals: Approvals = Field(Approvals(count=1, must_include=()), description="with advance: approve")
    rollback: Rollback | None = Field(None, description="for each stage at which new answers clients")
    window: OptionalName = Field(None, description="in which it may be entered; null: the one called default, if any")
    checklist: OptionalName = Field(None, description="that must be done before it is entered")
    verify: OptionalName = Field(None, description="checklist that must be done before it is left")
    reversible: bool = Field(True, description="false: the point of no return")


class Defaults(Section):
    """
    For stages that don't say it themselves.
    """

    settle: Seconds = Field(120.0, ge=0, description="after a shift, during which nothing is judged")
    attempts: int = Field(3, ge=1, le=100, description="at each stage, before a person has to resume")
    cooldown: Seconds = Field(14_400.0, ge=0, description="after a rollback")
    pins: int = Field(3000, ge=1, description="pairs of an endpoint without the signature that caused a rollback")
    errors: int = Field(4, ge=1, description="failed questions in a row after which the plan holds")


class Window(Section):
    """
    When it may advance. Deny is stronger than allow; none to allow means always.
    """

    allow: WeeklyTimes = Field((), description="times of the week, such as Mon-Thu 09:00-16:00")
    deny: ClosedDays = Field((), description="2027-03-25, 2027-03-25..2027-04-02 or last-day-of-month")
    fit: Seconds = Field(0.0, ge=0, description="that must be left of it when a stage is entered")
    notice: dict[Name, tuple[Annotated[Seconds, Field(gt=0)], ...]] = Field(
        {}, description="how long before, by channel: [7d, 24h, 1h]"
    )


class Freeze(Section):
    """
    Days on which nothing advances.
    """

    dates: SomeDays = Field(description="first..last, or one date", examples=["2027-12-20..2028-01-03"])
    why: Sentence = Field(description="for people", examples=["end of the year"])


class Shared(Section):
    """
    What old and new both use.
    """

    what: Sentence = Field(description="for people", examples=["the orders database"])
    owner: Name = Field(description="a role, or without roles a name", examples=["data"])
    budget: Sentence = Field(description="how much more of it may be used", examples=["20 % more reads"])
    watch: Sentence = Field(description="the query that shows it", examples=["pg_stat_activity_count"])
    by: Control = Field(description="what defends it: gate:NAME or guard:NAME", examples=["gate:dbload"])


class Risk(Section):
    """
    What could go wrong, and what is there against it.
    """

    id: Name = Field(description="in documents", examples=["R1"])
    what: Sentence = Field(description="for people", examples=["Copies slow old down"])
    likelihood: int = Field(ge=1, le=5, description="1 (hardly) to 5 (surely)", examples=[3])
    impact: int = Field(ge=1, le=5, description="1 (hardly noticed) to 5 (severe)", examples=[4])
    control: Controls = Field(
        description="gate:NAME, guard:NAME, checklist:NAME, stage:NAME or route:NAME", examples=["[guard:old-fails]"]
    )
    owner: OptionalName = Field(None, description="a role")


class Item(Section):
    """
    One line of a checklist: done by Parallax (auto, or a command), or by a person.
    """

    auto: Automatic | None = Field(None, description="what Parallax looks at itself")
    cmd: CommandLine = Field(None, description="a program, run without a shell; exit code 0 is good")
    manual: Sentence | None = Field(None, description="what a person does")
    title: str = Field("", description="for people")
    timeout: Seconds = Field(60.0, gt=0, description="for a program")
    owner: OptionalName = Field(None, description="a role, for what a person does")
    evidence: bool = Field(False, description="a note or link has to be given")


class Expect(Section):
    """
    How much traffic there is.
    """

    rate: float = Field(gt=0, allow_inf_nan=False, description="requests a second", examples=[200])
    routes: dict[Name, Percent] = Field({}, description="share of each route")
    keys: int | None = Field(
        None, ge=1, description="sticky keys that come in a minute; null: each request has its own"
    )


class Prometheus(Section):
    """
    Who is asked.
    """

    url: HttpUrl = Field(description="of its API", examples=["http://prometheus:9090"])
    timeout: Seconds = Field(10.0, gt=0, description="for one answer")
    token: Secret = Field(None, description="what it is asked with")


def _some(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    if not stages:
        raise ValueError("has none; write one or more, each with a name and what success is")
    return stages


class Plan(Section):
    """
    A migration.
    """

    plan: Name = Field(description="its name", examples=["orders"])
    title: str = Field("", description="for people")
    owner: str = Field("", description="whose migration it is")
    ticket: str = Field("", description="where it is filed")
    timezone: Zone = Field("UTC", description="of windows and documents")
    config: str = Field("parallax.yaml", description="the configuration it belongs to, relative to this file")
    start: StartDate = Field(None, description="the date it is meant to start, for documents: 2027-03-01")
    expect: Expect = Field(description="how much traffic there is")
    prometheus: Prometheus | None = Field(None, description="needed by sources promql and trend")
    defaults: Defaults = Field(Defaults())
    gates: dict[Name, Gate] = Field({}, description="by name")
    guards: dict[Name, Guard] = Field({}, description="by name")
    stages: Annotated[tuple[Stage, ...], AfterValidator(_some)] = Field(
        description="in order", examples=["[{name: shadow, success: New answers as old does}]"]
    )
    windows: dict[Name, Window] = Field({}, description="by name; default is for stages that name none")
    freezes: tuple[Freeze, ...] = Field((), description="days on which nothing advances")
    team: Team = Field(Team())
    comms: Comms = Field(Comms())
    shared: tuple[Shared, ...] = Field((), description="what old and new both use")
    risks: tuple[Risk, ...] = Field((), description="what could go wrong")
    checklists: dict[Name, tuple[Item, ...]] = Field(
        {}, description="by name; preflight is done before the start, the others where stages name them"
    )

    def stage(self, name: str) -> Stage | None:
        """
        The stage of this name.
        """
        return next((stage for stage in self.stages if stage.name == name), None)
