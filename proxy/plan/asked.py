"""
Gates and guards of a plan whose source is somebody outside: what they were answered so far, and what that means.

A reading comes in when there is one; between two of them an outcome stays what it is. A guard is the same judge, which
trips where a gate would fail.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from proxy.gates.outcome import Outcome
from proxy.gates.persistence import Looks, Persistence
from proxy.gates.promql import Reading
from proxy.gates.query import QueryEvidence, QuerySpec, judge_query, parse_condition
from proxy.gates.trend import TrendEvidence, TrendSpec, judge_trend
from proxy.gates.webhook import Reply, WebhookSpec, judge_webhook
from proxy.plan.criteria import Gate, Guard, PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate


class Judge(Protocol):
    """
    One gate or guard that asks. `outcome` is None before the first answer, `errors` counts failed questions in a row.
    """

    outcome: Outcome | None

    @property
    def errors(self) -> int:
        """
        Questions that failed since one last succeeded.
        """

    def take(self, answer: Reading | Reply, at: float) -> None:
        """
        An answer, and when it came.
        """

    def anew(self) -> None:
        """
        Another evidence epoch.
        """

    def as_values(self) -> dict[str, Any]:
        """
        The evidence, as JSON.
        """

    def restore(self, values: Mapping[str, Any]) -> None:
        """
        Go on with the evidence of `as_values`. Raises KeyError, TypeError or ValueError for anything else.
        """


class QueryJudge:
    """
    One number of Prometheus, and what must hold of it. Its baseline is the first answer of all, and stays.
    """

    def __init__(self, spec: QuerySpec) -> None:
        self._spec = spec
        self._evidence = QueryEvidence()
        self.outcome: Outcome | None = None

    @property
    def errors(self) -> int:
        """
        See `Judge`.
        """
        return self._evidence.looks.errors

    def take(self, answer: Reading | Reply, at: float) -> None:
        """
        See `Judge`.
        """
        assert isinstance(answer, Reading)
        before = self._evidence.take_baseline(answer)
        self.outcome, self._evidence = judge_query(self._spec, before, answer)

    def anew(self) -> None:
        """
        See `Judge`.
        """
        self._evidence, self.outcome = self._evidence.anew(), None

    def as_values(self) -> dict[str, Any]:
        """
        See `Judge`.
        """
        return self._evidence.as_values()

    def restore(self, values: Mapping[str, Any]) -> None:
        """
        See `Judge`.
        """
        self._evidence = QueryEvidence.from_values(values)


class TrendJudge:
    """
    Whether one number of Prometheus grows.
    """

    def __init__(self, spec: TrendSpec) -> None:
        self._spec = spec
        self._evidence = TrendEvidence()
        self.outcome: Outcome | None = None

    @property
    def errors(self) -> int:
        """
        See `Judge`.
        """
        return self._evidence.errors

    def take(self, answer: Reading | Reply, at: float) -> None:
        """
        See `Judge`.
        """
        assert isinstance(answer, Reading)
        self.outcome, self._evidence = judge_trend(self._spec, self._evidence, at, answer)

    def anew(self) -> None:
        """
        See `Judge`.
        """
        self._evidence, self.outcome = TrendEvidence(), None

    def as_values(self) -> dict[str, Any]:
        """
        See `Judge`.
        """
        return self._evidence.as_values()

    def restore(self, values: Mapping[str, Any]) -> None:
        """
        See `Judge`.
        """
        self._evidence = TrendEvidence.from_values(values)


class HookJudge:
    """
    Somebody else's answer.
    """

    def __init__(self, spec: WebhookSpec) -> None:
        self._spec = spec
        self._looks = Looks()
        self.outcome: Outcome | None = None

    @property
    def errors(self) -> int:
        """
        See `Judge`.
        """
        return self._looks.errors

    def take(self, answer: Reading | Reply, at: float) -> None:
        """
        See `Judge`.
        """
        assert isinstance(answer, Reply)
        self.outcome, self._looks = judge_webhook(self._spec, self._looks, answer)

    def anew(self) -> None:
        """
        See `Judge`.
        """
        self._looks, self.outcome = Looks(), None

    def as_values(self) -> dict[str, Any]:
        """
        See `Judge`.
        """
        return asdict(self._looks)

    def restore(self, values: Mapping[str, Any]) -> None:
        """
        See `Judge`.
        """
        self._looks = Looks.from_values(values)


def judge_of(name: str, one: Gate | Guard, errors: int) -> Judge | None:
    """
    Who judges a gate or guard; None for one that asks nobody. So many `errors` in a row are one.
    """
    match one:
        case PromGate():
            kept = Persistence(pass_of=one.pass_, fail_of=one.fail, errors=errors)
            return QueryJudge(_query(name, one, kept))
        case PromGuard():
            return QueryJudge(_query(name, one, Persistence(pass_of=(1, 1), fail_of=one.fail, errors=errors)))
        case TrendGate() | TrendGuard():
            slope = one.slope
            return TrendJudge(
                TrendSpec(name=name, per_second=slope.per_second, relative=slope.relative, window=one.window)
            )
        case WebhookGate():
            kept = Persistence(pass_of=one.pass_, fail_of=one.fail, errors=errors)
            return HookJudge(WebhookSpec(name=name, persistence=kept, every=one.every))
        case _:
            return None


def _query(name: str, one: PromGate | PromGuard, kept: Persistence) -> QuerySpec:
    return QuerySpec(name=name, condition=parse_condition(one.condition), persistence=kept, every=one.every)
