"""
Gates and guards in words and in numbers.
"""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from proxy.gates.outcome import Outcome
from proxy.plan.criteria import (
    BlindGuard,
    CompletenessGate,
    EventGate,
    EventGuard,
    Gate,
    Guard,
    PromGate,
    PromGuard,
    TrendGate,
    TrendGuard,
)
from proxy.plan.kinds import Multiple, Repeated, Slope
from proxy.plan.render.markdown import Markdown, celled, escape
from proxy.plan.render.words import count, duration, number, share

LOOKED_AT = {
    "pairs": "pairs",
    "served": "what clients get from new",
    "old": "old's answers",
    "new": "new's answers",
}
# How a code span is written where the sentence goes: tables have a way of their own.
Spelled = Callable[[object], Markdown]
# The events that most plans have, as one says them.
COMMON = {
    "mismatch": "the two answers differ",
    "old_ok & new_error": "old answers well and new doesn't",
    "new_error": "new answers with an error, or not at all",
    "old_error": "old answers with an error, or not at all",
}


def bad(event: str, spelled: Spelled) -> Markdown:
    """
    What counts as bad, in words if it is an event that has some.
    """
    words = COMMON.get(" ".join(event.split()))
    return Markdown(f"{escape(words)} ({spelled(event)})" if words else spelled(event))


def where(routes: tuple[str, ...]) -> str:
    """
    Which routes are looked at.
    """
    return "of all routes" if not routes else f"of {'routes' if len(routes) > 1 else 'route'} {', '.join(routes)}"


def slope(value: Slope) -> str:
    """
    The most that something may grow by: an hour, or a day where that is next to nothing.
    """
    hourly, least = value.per_second * 3600.0, 0.001 if value.relative else 1.0
    each, unit = (hourly, "an hour") if abs(hourly) >= least else (24.0 * hourly, "a day")
    return f"{share(each) if value.relative else number(each)} {unit}"


def of_last(repeated: Repeated) -> str:
    """
    3 of the last 10.
    """
    return f"{repeated.needed} of the last {repeated.of}" if repeated.of > 1 else "the first"


def rates(multiples: tuple[Multiple, ...], budget: float) -> str:
    """
    The rates that a guard is built to notice soon.
    """
    return ", ".join(share(multiple.of(budget)) for multiple in multiples)


def rule(judged: Gate | Guard, spelled: Spelled = celled) -> Markdown:
    """
    What a gate asks for, or a guard watches for, as a sentence.
    """
    match judged:
        case EventGate() | EventGuard():
            return _events(judged, spelled)
        case CompletenessGate():
            return escape(f"At least {share(judged.min)} of what could be compared has been compared.")
        case PromGate():
            return Markdown(
                f"{spelled(judged.query)} is {spelled(judged.condition)}, in {of_last(judged.pass_)} answers of"
                f" Prometheus, one every {duration(judged.every)}."
            )
        case TrendGate() | TrendGuard():
            return Markdown(
                f"{spelled(judged.query)} grows by {slope(judged.slope)} at the most, over {duration(judged.window)}."
            )
        case PromGuard():
            return Markdown(
                f"{spelled(judged.query)} stays {spelled(judged.condition)}; Prometheus is asked every"
                f" {duration(judged.every)}, and it trips when {of_last(judged.fail)} answers are bad."
            )
        case BlindGuard():
            return escape(f"Traffic is heard of at least every {duration(judged.no_data_for)}.")
        case _:
            return escape(f"{_address(judged.url)} says yes; asked every {duration(judged.every)}.")


def _address(url: str) -> str:
    # Who asks may have to show a key in the URL, which is nobody's business.
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _events(judged: EventGate | EventGuard, spelled: Spelled) -> Markdown:
    more = ""
    if isinstance(judged, EventGate):
        more += "; each sticky key counts once a minute" if judged.unit == "key/60s" else ""
        more += "; every route by itself" if judged.per == "route" else ""
    elif judged.distinct_keys > 1:
        more = f"; it trips once {judged.distinct_keys} different sticky keys are hit"
    said = bad(judged.event, spelled)
    first = Markdown(said[:1].upper() + said[1:])
    return Markdown(
        f"{first} in at most {share(judged.max)} of {LOOKED_AT[judged.of]}, {escape(where(judged.routes))}{more}."
    )


def numbers(judged: Gate | Guard) -> str:
    """
    The figures that it is judged by.
    """
    match judged:
        case EventGate():
            said = f"budget {share(judged.max)}, false alarm {share(judged.alpha)}, false pass {share(judged.beta)}"
            covered = f", coverage {number(judged.coverage)} %" if judged.per == "route" else ""
            return f"{said}, at least {count(judged.min)}{covered}"
        case EventGuard():
            soon = rates(judged.detect, judged.max)
            return f"budget {share(judged.max)}, notices {soon}; one false alarm in {count(judged.false_alarm_every)}"
        case CompletenessGate():
            return f"at least {share(judged.min)}"
        case TrendGate() | TrendGuard():
            return f"{slope(judged.slope)}, over {duration(judged.window)}, asked every {duration(judged.every)}"
        case PromGuard():
            return f"{judged.condition}, trips with {of_last(judged.fail)}"
        case BlindGuard():
            return f"{duration(judged.no_data_for)} without data"
        case _:
            return f"passes with {of_last(judged.pass_)}, fails with {of_last(judged.fail)}"


def kind(judged: Gate | Guard) -> str:
    """
    What it reads.
    """
    return {
        "pairs": "what workers count",
        "completeness": "the books",
        "promql": "Prometheus",
        "trend": "Prometheus, over time",
        "webhook": "a webhook",
        "blind": "that anything is heard",
    }[judged.source]


def interval(outcome: Outcome) -> str:
    """
    Where what was measured may lie.
    """
    return "–" if outcome.interval is None else " to ".join(map(share, outcome.interval))
