"""
The plan as a model: every key of a migration.yaml, its kind, its default and what it means.

What must hold between keys is in `check`. Routes, cohorts, sticky keys and where data lies belong to parallax.yaml; a
plan refers to them by name.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from proxy.plan.kinds import (
    Multiples,
    NameList,
    Repeated,
    RepeatedTimes,
    SlopePerTime,
    Span,
    SpanOfTime,
    WeeklyTimes,
    parse_multiples,
)
from proxy.settings.kinds import Name, Percent, Seconds
from proxy.settings.section import Section

OnTrip = Literal["rollback", "hold", "mirror_off"]
Move = Literal["start", "approve", "hold", "resume", "advance", "rollback", "abort", "amend", "force", "note"]
EventName = Literal[
    "stage_start", "stage_passed", "approval_wanted", "hold", "resume", "rollback", "rolled_back", "window_notice",
    "finished", "aborted", "forced",
]  # fmt: skip
Audience = Literal["engineers", "stakeholders", "status", "executive"]

# Gates and guards...


class EventGate(Section):
    """
    How often something happens, against a budget: judged by pairs, or by one side's answers.
    """

    source: Literal["pairs"] = Field("pairs", description="events are counted by the workers")
    event: str = Field(description="what is bad, such as mismatch, or new_ms > 1.1 * old_ms + 2")
    of: Literal["pairs", "served", "old", "new"] = Field("pairs", description="what is looked at: pairs, or one side")
    routes: NameList = Field((), description="of parallax.yaml; none: all")
    per: Literal["all", "route"] = Field("all", description="route: every route must pass by itself")
    unit: Literal["request", "key/60s"] = Field("request", description="key/60s: each key counts once a minute")
    max: float = Field(gt=0, lt=1, description="the budget: the share that may be bad")
    alpha: float = Field(0.001, gt=0, lt=0.5, description="chance of failing new although it is within the budget")
    beta: float = Field(0.05, gt=0, lt=0.5, description="chance of passing new although it is over the budget")
    min: int = Field(500, ge=1, description="opportunities before anything is said")
    coverage: Percent = Field(95.0, description="of the traffic that must have been judged, with per: route")
    on_fail: Literal["rollback", "hold"] = Field("rollback", description="what a failure does at a live stage")


class CompletenessGate(Section):
    """
    How much of what could be compared has been.
    """

    source: Literal["completeness"]
    min: float = Field(0.95, gt=0, le=1, description="the least share")
    on_fail: Literal["rollback", "hold"] = Field("hold")


class PromGate(Section):
    """
    One number of Prometheus, asked again and again.
    """

    source: Literal["promql"]
    query: str = Field(description="an instant query that gives one number")
    condition: str = Field(description='what must hold, such as "< 0.5" or "<= 1.2 * baseline"')
    every: Seconds = Field(30.0, ge=0.1, description="between two questions")
    pass_: RepeatedTimes = Field(Repeated(10, 10), alias="pass", description="so many good answers of the last")
    fail: RepeatedTimes = Field(Repeated(3, 10), description="so many bad answers of the last")
    on_fail: Literal["rollback", "hold"] = Field("hold")


class TrendGate(Section):
    """
    Whether a number of Prometheus grows.
    """

    source: Literal["trend"]
    query: str = Field(description="an instant query that gives one number")
    slope: SlopePerTime = Field(description="the most it may grow by, such as 5%/h")
    window: Seconds = Field(7200.0, gt=0, description="that is looked at")
    every: Seconds = Field(60.0, ge=0.1, description="between two questions")
    on_fail: Literal["rollback", "hold"] = Field("hold")


class WebhookGate(Section):
    """
    Somebody else's answer.
    """

    source: Literal["webhook"]
    url: str = Field(description="is sent a POST")
    every: Seconds = Field(30.0, ge=0.1, description="between two questions")
    timeout: Seconds = Field(10.0, gt=0)
    pass_: RepeatedTimes = Field(Repeated(1, 1), alias="pass", description="so many good answers of the last")
    fail: RepeatedTimes = Field(Repeated(1, 1), description="so many bad answers of the last")
    on_fail: Literal["rollback", "hold"] = Field("hold")


def _source(value: Any) -> str:
    """
    Which kind of gate or guard it is.
    """
    if isinstance(value, dict):
        return str(value.get("source", "pairs"))
    return str(getattr(value, "source", "pairs"))


Gate = Annotated[
    Annotated[EventGate, Tag("pairs")]
    | Annotated[CompletenessGate, Tag("completeness")]
    | Annotated[PromGate, Tag("promql")]
    | Annotated[TrendGate, Tag("trend")]
    | Annotated[WebhookGate, Tag("webhook")],
    Discriminator(_source),
]


class EventGuard(Section):
    """
    Notices when something begins to happen more often than its budget allows.
    """

    source: Literal["pairs"] = Field("pairs")
    event: str = Field(description="what is bad, as in a gate")
    of: Literal["pairs", "served", "old", "new"] = Field("pairs", description="as in a gate")
    routes: NameList = Field((), description="of parallax.yaml; none: all")
    max: float = Field(gt=0, lt=1, description="the budget")
    detect: Multiples = Field(
        parse_multiples(["2x", "4x", "10x", "40x", 0.6]), description="rates that it is to notice soon"
    )
    false_alarm_every: float = Field(5e6, ge=1000, description="opportunities between two false alarms, at the least")
    distinct_keys: int = Field(1, ge=1, le=100, description="different sticky keys that must have been hit")
    on_trip: OnTrip = Field("rollback")
    mirror_off: bool = Field(False, description="switch copies off too")


class TrendGuard(Section):
    """
    Trips when a number of Prometheus grows.
    """

    source: Literal["trend"]
    query: str = Field(description="an instant query that gives one number")
    slope: SlopePerTime = Field(description="the most it may grow by")
    window: Seconds = Field(7200.0, gt=0)
    every: Seconds = Field(60.0, ge=0.1)
    on_trip: OnTrip = Field("hold")
    mirror_off: bool = Field(False)


class PromGuard(Section):
    """
    Trips when a number of Prometheus isn't as it should be.
    """

    source: Literal["promql"]
    query: str
    condition: str
    every: Seconds = Field(30.0, ge=0.1)
    fail: RepeatedTimes = Field(Repeated(3, 10))
    on_trip: OnTrip = Field("hold")
    mirror_off: bool = Field(False)


class BlindGuard(Section):
    """
    Trips when nothing is heard of traffic any more.
    """

    source: Literal["blind"]
    no_data_for: Seconds = Field(90.0, gt=0)
    on_trip: Literal["hold"] = Field("hold")


Guard = Annotated[
    Annotated[EventGuard, Tag("pairs")]
    | Annotated[TrendGuard, Tag("trend")]
    | Annotated[PromGuard, Tag("promql")]
    | Annotated[BlindGuard, Tag("blind")],
    Discriminator(_source),
]

# ... stages...


class Rollback(Section):
    """
    Where a stage goes back to.
    """

    to: Name = Field(description="an earlier stage")
    within: Seconds = Field(30.0, gt=0, description="in which all workers must have it")


class Approvals(Section):
    """
    Who must agree before a stage is left.
    """

    count: int = Field(1, ge=1, le=20)
    must_include: NameList = Field((), description="roles of which one person each must be among them")


class Stage(Section):
    """
    One step. What it doesn't say of weight, mirror, routes and cohorts stays as the stage before has it.
    """

    name: Name
    title: str = Field("", description="for people")
    success: str = Field(description="what will be true when it is passed, in a sentence")
    weight: Percent | None = Field(None, description="new's share")
    mirror: Percent | None = Field(None, description="share of reads that is copied")
    routes: dict[str, Percent] = Field({}, description="new's share of routes, by name")
    cohorts: dict[str, Percent] = Field({}, description="new's share of cohorts, by name")
    settle: Seconds | None = Field(None, description="during which nothing is judged; null: the default")
    observe: SpanOfTime = Field(Span(600.0, 86_400.0), description="how long, at least and at most: 2h..2d")
    gates: NameList = Field(())
    advance: Literal["auto", "approve"] = Field("auto", description="what leads on, once all gates have passed")
    approvals: Approvals = Field(Approvals(count=1, must_include=()))
    rollback: Rollback | None = Field(None, description="for each stage at which new answers clients")
    window: Name | None = Field(None, description="in which it may be entered; null: the one called default, if any")
    checklist: Name | None = Field(None, description="that must be done before it is entered")
    verify: Name | None = Field(None, description="checklist that must be done before it is left")
    reversible: bool = Field(True, description="false: the point of no return")


class Defaults(Section):
    """
    For stages that don't say it themselves.
    """

    settle: Seconds = Field(120.0, ge=0)
    attempts: int = Field(3, ge=1, le=100, description="at each stage, before a person has to resume")
    cooldown: Seconds = Field(14_400.0, ge=0, description="after a rollback")
    pins: int = Field(3000, ge=1, description="pairs of an endpoint without the signature that caused a rollback")
    errors: int = Field(4, ge=1, description="failed questions in a row after which the plan holds")


# ... when...


class Window(Section):
    """
    When it may advance. Deny is stronger than allow; none to allow means always.
    """

    allow: tuple[WeeklyTimes, ...] = Field((), description="times of the week, such as Mon-Thu 09:00-16:00")
    deny: tuple[str, ...] = Field((), description="dates: 2027-03-25, 2027-03-25..2027-04-02 or last-day-of-month")
    fit: Seconds = Field(0.0, ge=0, description="that must be left of it when a stage is entered")
    notice: dict[str, tuple[Seconds, ...]] = Field({}, description="how long before, by channel: [7d, 24h, 1h]")


class Freeze(Section):
    """
    Days on which nothing advances.
    """

    dates: str = Field(description="2027-12-20..2028-01-03, or one date")
    why: str = Field(description="for people")


# ... who, and what they are told...


class Role(Section):
    """
    People by the names of their tokens.
    """

    who: NameList
    deputies: NameList = Field(())
    may: tuple[Move, ...] = Field(description="what they may do")


class Team(Section):
    """
    Roles, and what holds between them. Without roles, any operator may do anything.
    """

    roles: dict[str, Role] = Field({})
    author: Name | None = Field(None, description="who wrote this plan")
    approve_not_own_change: bool = Field(True, description="who started or amended doesn't approve")
    force_needs: NameList = Field((), description="roles that must agree to a force, one person each")
    reviewers: NameList = Field((), description="roles that must have signed this plan before it starts")
    acknowledge: Seconds = Field(600.0, gt=0, description="after which deputies are told too")


class Channel(Section):
    """
    Where messages go: an Apprise URL, or a webhook of one's own. Secrets as env:NAME or file:PATH.
    """

    apprise: str | None = None
    webhook: str | None = None
    secret: str | None = Field(None, description="what webhooks are signed with: env:NAME or file:PATH")
    audience: Audience = Field("engineers")


class Comms(Section):
    """
    Who is told what.
    """

    channels: dict[str, Channel] = Field({})
    on: dict[EventName, NameList] = Field({}, description="channels by event")
    must_deliver: tuple[EventName, ...] = Field((), description="undelivered, the next advance waits")
    templates: str | None = Field(None, description="folder with templates of one's own")
    contact: str = Field("", description="whom readers may ask")
    next_update: Seconds = Field(3600.0, gt=0, description="by when readers hear again")


# ... what can go wrong...


class Shared(Section):
    """
    What old and new both use.
    """

    what: str
    owner: Name = Field(description="a role")
    budget: str = Field(description="how much more of it may be used, in words")
    watch: str = Field(description="the query that shows it")
    by: str = Field(description="what defends it: gate:NAME or guard:NAME")


class Risk(Section):
    """
    What could go wrong, and what is there against it.
    """

    id: Name
    what: str
    likelihood: int = Field(ge=1, le=5)
    impact: int = Field(ge=1, le=5)
    control: tuple[str, ...] = Field(description="gate:NAME, guard:NAME, checklist:NAME, stage:NAME or route:NAME")
    owner: Name | None = None


class Item(Section):
    """
    One line of a checklist: done by Parallax (`auto`, or a command), or by a person.
    """

    auto: Literal["sides_answer", "rate", "workers", "store", "clock", "mirroring"] | None = Field(
        None, description="what Parallax looks at itself"
    )
    cmd: str | tuple[str, ...] | None = Field(None, description="a command, run without a shell")
    manual: str | None = Field(None, description="what a person does")
    title: str = Field("", description="for people")
    timeout: Seconds = Field(60.0, gt=0, description="for a command")
    owner: Name | None = Field(None, description="a role, for what is manual")
    evidence: bool = Field(False, description="a note or link has to be given")


class Expect(Section):
    """
    How much traffic there is.
    """

    rate: float = Field(gt=0, description="requests a second")
    routes: dict[str, Percent] = Field({}, description="share of each route")


class Prometheus(Section):
    """
    Who is asked.
    """

    url: str
    timeout: Seconds = Field(10.0, gt=0)
    token: str | None = Field(None, description="env:NAME or file:PATH")


class Plan(Section):
    """
    A migration.
    """

    plan: Name = Field(description="its name")
    title: str = ""
    owner: str = ""
    ticket: str = ""
    timezone: str = Field("UTC", description="of windows and documents")
    config: str = Field("parallax.yaml", description="the configuration it belongs to, relative to this file")
    start: str | None = Field(None, description="the date it is meant to start, for documents: 2027-03-01")
    expect: Expect
    prometheus: Prometheus | None = None
    defaults: Defaults = Defaults()
    gates: dict[str, Gate] = Field({})
    guards: dict[str, Guard] = Field({})
    stages: tuple[Stage, ...] = Field(min_length=1)
    windows: dict[str, Window] = Field({})
    freezes: tuple[Freeze, ...] = ()
    team: Team = Team()
    comms: Comms = Comms()
    shared: tuple[Shared, ...] = ()
    risks: tuple[Risk, ...] = ()
    checklists: dict[str, tuple[Item, ...]] = Field(
        {}, description="preflight is done before the start, the others where stages name them"
    )

    def stage(self, name: str) -> Stage | None:
        """
        The stage of this name.
        """
        return next((stage for stage in self.stages if stage.name == name), None)
