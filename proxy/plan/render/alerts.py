"""
Alert rules for Prometheus, made from a plan's guards, and the queries that show old and new side by side.

Guards act by themselves; alerts tell people. Those made from what workers count, or from a query of the plan, also work
while control is dead.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from proxy.plan.criteria import BlindGuard, EventGuard, Guard, PromGuard, TrendGuard
from proxy.plan.model import Plan
from proxy.plan.render.book import Book
from proxy.plan.render.words import duration, share

# What an alert asks for is what the condition rules out.
OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*")
DIVERGENT = 'sum(increase(parallax_comparisons_total{verdict="divergent"}[5m]))'
FAILED = 'sum(increase(parallax_failed_total{side="new"}[5m]))'
COMPARED = "clamp_min(sum(increase(parallax_comparisons_total[5m])), 1)"


@dataclass(frozen=True, slots=True)
class Alert:
    """
    One rule. `lasting` is how long the query has to give something before it is told.
    """

    name: str
    query: str
    lasting: str
    severity: str
    summary: str
    guard: str = ""


def alerts(plan: Plan) -> tuple[Alert, ...]:
    """
    All rules of a plan: two for each guard, more for guards whose reading Prometheus has too, and some of the plan.
    """
    found = [alert for name, guard in plan.guards.items() for alert in _of_guard(plan, name, guard)]
    return (*found, *_of_plan(plan))


def _of_guard(plan: Plan, name: str, guard: Guard) -> list[Alert]:
    level = f"parallax_guard_evidence_ratio{_labels(plan=plan.plan, guard=name)}"
    does = {"rollback": "rolls back", "hold": "holds", "mirror_off": "switches copies off and holds"}[guard.on_trip]
    tripped, half = f"guard {name} has tripped: the plan {does}", f"guard {name} is half way to tripping"
    return [
        Alert("ParallaxGuardTripped", f"max_over_time({level}[2m]) >= 1", "0s", "critical", tripped, name),
        Alert("ParallaxGuardRising", f"{level} > 0.5", "1m", "warning", half, name),
        *_by_itself(name, guard),
    ]


def _by_itself(name: str, guard: Guard) -> list[Alert]:
    """
    The same question put to Prometheus, where it can answer it.
    """
    match guard:
        case EventGuard() if not guard.routes and " ".join(guard.event.split()) == "mismatch":
            query, lasting = f"({DIVERGENT} + {FAILED}) / {COMPARED} > {guard.max:.10g}", "5m"
            said = f"old and new differ in more than {share(guard.max)} of all comparisons"
        case PromGuard() if (match := CONDITION.fullmatch(guard.condition)) is not None:
            query = f"{_whole(guard.query)} {OPPOSITE[match[1]]} {match[2]}"
            lasting, said = _spell(guard.fail.needed * guard.every), f"what guard {name} asks for isn't so"
        case TrendGuard():
            asked = f"{_whole(guard.query)}[{_spell(guard.window)}:{_spell(max(guard.window / 60, 1))}]"
            grows = f"deriv({asked})" + (f" / avg_over_time({asked})" if guard.slope.relative else "")
            query, lasting = f"{grows} > {guard.slope.per_second:.6g}", _spell(guard.every * 5)
            said = f"what guard {name} watches grows faster than it may"
        case BlindGuard():
            query, lasting = "sum(rate(parallax_eligible_total[1m])) == 0", _spell(guard.no_data_for)
            said = f"no traffic has been seen for {duration(guard.no_data_for)}"
        case _:
            return []
    return [Alert("ParallaxGuardQuery", query, lasting, "warning", said, name)]


def _whole(query: str) -> str:
    # A comment at its end must not swallow what follows.
    return f"({query}\n)" if "#" in query else f"({query})"


def _of_plan(plan: Plan) -> tuple[Alert, ...]:
    held = f"parallax_plan_state{_labels(plan=plan.plan, state='held')} == 1"
    # A rollback may be over before Prometheus asks twice.
    back = f"max_over_time(parallax_plan_state{_labels(plan=plan.plan, state='rolled_back')}[5m]) == 1"
    unseen = f"absent(parallax_plan_stage{_labels(plan=plan.plan)})"
    ejected = 'max(parallax_ejected{side="new"}) == 1'
    return (
        Alert("ParallaxPlanHeld", held, "10m", "warning", "the plan holds: a person has to look"),
        Alert("ParallaxPlanRolledBack", back, "0s", "critical", "the plan has rolled back: new has less than it had"),
        Alert("ParallaxPlanUnseen", unseen, "5m", "warning", "the plan isn't started, or control is down"),
        Alert("ParallaxKilled", "max(parallax_killed) == 1", "0s", "critical", "all on old, nothing is copied"),
        Alert("ParallaxNewEjected", ejected, "1m", "warning", "new's connections fail: old answers its share"),
    )


def rules_file(book: Book) -> str:
    """
    What Prometheus loads.
    """
    rules = [_rule(alert) for alert in alerts(book.plan)]
    values = {"groups": [{"name": f"parallax-{book.plan.plan}", "rules": rules}]}
    head = f"# Alerts of plan {book.plan.plan}, version {book.digest[:12]}. Written by `parallax plan render`.\n"
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)


def _rule(alert: Alert) -> dict[str, Any]:
    labels = {"severity": alert.severity} | ({"guard": alert.guard} if alert.guard else {})
    # Prometheus expands {{ }} in annotations: what a plan calls its guards must not begin any.
    summary = alert.summary.replace("{{", "{ {")
    annotations = {"summary": summary, "runbook": "runbook.md#at-any-time"}
    return {
        "alert": alert.name,
        "expr": alert.query,
        "for": alert.lasting,
        "labels": labels,
        "annotations": annotations,
    }


def _labels(**labels: str) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()) + "}"


def _spell(seconds: float) -> str:
    # Prometheus has no fractions.
    return f"{max(round(seconds), 1)}s"
