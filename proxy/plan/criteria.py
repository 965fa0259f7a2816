"""
Gates and guards as a plan has them: what must be so to go on, and what must not begin.

A gate is asked for a result, a guard trips. Both say by `source` what they read; without it, pairs of answers. What
must hold between keys is in `check`.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from proxy.plan.kinds import (
    Budget,
    HttpUrl,
    Many,
    Multiples,
    NameList,
    Repeated,
    RepeatedTimes,
    Sentence,
    SlopePerTime,
    parse_multiples,
)
from proxy.settings.kinds import Percent, Seconds
from proxy.settings.section import Section

OnFail = Literal["rollback", "hold"]
OnTrip = Literal["rollback", "hold", "mirror_off"]
# What is looked at: pairs of answers, answers of new that clients got, or every answer of one side.
Of = Literal["pairs", "served", "old", "new"]
EVENT_EXAMPLE = "old_ok & new_error"
QUERY_EXAMPLE = "max(rate(pg_stat_database_xact_commit[5m]))"


class EventGate(Section):
    """
    How often something happens, against a budget: judged by pairs, or by one side's answers.
    """

    source: Literal["pairs"] = Field("pairs", description="events are counted by the workers")
    event: Sentence = Field(
        description="what is bad, such as mismatch, or new_ms > 1.1 * old_ms + 2", examples=[EVENT_EXAMPLE]
    )
    of: Of = Field("pairs", description="what is looked at: pairs, served (new's answers to clients), old or new")
    routes: NameList = Field((), description="of the configuration; none: all")
    per: Literal["all", "route"] = Field("all", description="route: every route must pass by itself")
    unit: Literal["request", "key/60s"] = Field("request", description="key/60s: each sticky key counts once a minute")
    max: Budget = Field(description="the budget: the share that may be bad", examples=[0.002])
    alpha: float = Field(0.001, gt=0, lt=0.5, description="chance of failing new although it is within the budget")
    beta: float = Field(0.05, gt=0, lt=0.5, description="chance of passing new although it is over the budget")
    min: int = Field(500, ge=1, description="opportunities before anything is said")
    coverage: Percent = Field(95.0, description="of the traffic that must have been judged, with per: route")
    on_fail: OnFail = Field("rollback", description="what a failure does at a stage where new answers clients")


class CompletenessGate(Section):
    """
    How much of what could be compared has been.
    """

    source: Literal["completeness"]
    min: float = Field(0.95, gt=0, le=1, description="the least share")
    on_fail: OnFail = Field("hold", description="what a failure does")


class PromGate(Section):
    """
    One number of Prometheus, asked for again and again.
    """

    source: Literal["promql"]
    query: Sentence = Field(description="an instant query that gives one number", examples=[QUERY_EXAMPLE])
    condition: Sentence = Field(
        description='what must hold, such as "< 0.5" or "<= 1.2 * baseline"', examples=["'<= 1.2 * baseline'"]
    )
    every: Seconds = Field(30.0, ge=0.1, description="between two questions")
    pass_: RepeatedTimes = Field(Repeated(10, 10), alias="pass", description="so many good answers of the last")
    fail: RepeatedTimes = Field(Repeated(3, 10), description="so many bad answers of the last")
    on_fail: OnFail = Field("hold", description="what a failure does")


class TrendGate(Section):
    """
    Whether a number of Prometheus grows.
    """

    source: Literal["trend"]
    query: Sentence = Field(description="an instant query that gives one number", examples=[QUERY_EXAMPLE])
    slope: SlopePerTime = Field(description="the most it may grow by", examples=["5%/h"])
    window: Seconds = Field(7200.0, gt=0, description="that is looked at")
    every: Seconds = Field(60.0, ge=0.1, description="between two questions")
    on_fail: OnFail = Field("hold", description="what a failure does")


class WebhookGate(Section):
    """
    Somebody else's answer.
    """

    source: Literal["webhook"]
    url: HttpUrl = Field(description="is sent a POST", examples=["https://checks.example.org/orders"])
    every: Seconds = Field(30.0, ge=0.1, description="between two questions")
    timeout: Seconds = Field(10.0, gt=0, description="for one answer")
    pass_: RepeatedTimes = Field(Repeated(1, 1), alias="pass", description="so many good answers of the last")
    fail: RepeatedTimes = Field(Repeated(1, 1), description="so many bad answers of the last")
    on_fail: OnFail = Field("hold", description="what a failure does")


def source_of(value: Any) -> str:
    """
    Which kind of gate or guard it is.
    """
    found = value.get("source", "pairs") if isinstance(value, dict) else getattr(value, "source", "pairs")
    return found if isinstance(found, str) else repr(found)


Gate = Annotated[
    Annotated[EventGate, Tag("pairs")]
    | Annotated[CompletenessGate, Tag("completeness")]
    | Annotated[PromGate, Tag("promql")]
    | Annotated[TrendGate, Tag("trend")]
    | Annotated[WebhookGate, Tag("webhook")],
    Discriminator(source_of),
]


class EventGuard(Section):
    """
    Notices when something begins to happen more often than its budget allows.
    """

    source: Literal["pairs"] = Field("pairs", description="events are counted by the workers")
    event: Sentence = Field(description="what is bad, as in a gate", examples=[EVENT_EXAMPLE])
    of: Of = Field("pairs", description="as in a gate")
    routes: NameList = Field((), description="of the configuration; none: all")
    max: Budget = Field(description="the budget: the share that may be bad", examples=[0.005])
    detect: Multiples = Field(
        parse_multiples(["2x", "4x", "10x", "40x", 0.6]), description="rates that it is to notice soon"
    )
    false_alarm_every: Many = Field(5e6, ge=1000, description="opportunities between two false alarms, at the least")
    distinct_keys: int = Field(1, ge=1, le=100, description="different sticky keys that must have been hit")
    on_trip: OnTrip = Field("rollback", description="what it does: rollback, hold or mirror_off")
    mirror_off: bool = Field(False, description="switch copies off too")


class TrendGuard(Section):
    """
    Trips when a number of Prometheus grows.
    """

    source: Literal["trend"]
    query: Sentence = Field(description="an instant query that gives one number", examples=[QUERY_EXAMPLE])
    slope: SlopePerTime = Field(description="the most it may grow by", examples=["5%/h"])
    window: Seconds = Field(7200.0, gt=0, description="that is looked at")
    every: Seconds = Field(60.0, ge=0.1, description="between two questions")
    on_trip: OnTrip = Field("hold", description="what it does: rollback, hold or mirror_off")
    mirror_off: bool = Field(False, description="switch copies off too")


class PromGuard(Section):
    """
    Trips when a number of Prometheus isn't as it should be.
    """

    source: Literal["promql"]
    query: Sentence = Field(description="an instant query that gives one number", examples=[QUERY_EXAMPLE])
    condition: Sentence = Field(description="what must hold, as in a gate", examples=["'< 0.5'"])
    every: Seconds = Field(30.0, ge=0.1, description="between two questions")
    fail: RepeatedTimes = Field(Repeated(3, 10), description="so many bad answers of the last")
    on_trip: OnTrip = Field("hold", description="what it does: rollback, hold or mirror_off")
    mirror_off: bool = Field(False, description="switch copies off too")


class BlindGuard(Section):
    """
    Trips when nothing is heard of traffic any more, or nothing of it is compared.
    """

    source: Literal["blind"]
    no_data_for: Seconds = Field(90.0, gt=0, description="without an answer, or a comparison that was to be made")
    on_trip: Literal["hold"] = Field("hold", description="it can only hold: who sees nothing accuses nobody")


Guard = Annotated[
    Annotated[EventGuard, Tag("pairs")]
    | Annotated[TrendGuard, Tag("trend")]
    | Annotated[PromGuard, Tag("promql")]
    | Annotated[BlindGuard, Tag("blind")],
    Discriminator(source_of),
]
