"""
Gates and guards of a plan whose source is somebody outside: what they were answered so far, and what that means.

A reading comes in when there is one; between two of them an outcome stays what it is, over a restart too while it is
fresh. A guard is the same judge, which trips where a gate would fail.
"""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final, Protocol

from proxy.gates.outcome import Outcome
from proxy.gates.persistence import Looks, Persistence
from proxy.gates.promql import Reading
from proxy.gates.query import QueryEvidence, QuerySpec, judge_query, parse_condition
from proxy.gates.trend import TrendEvidence, TrendSpec, judge_trend
from proxy.gates.webhook import Reply, WebhookSpec, judge_webhook
from proxy.plan.criteria import Gate, Guard, PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate

# What was answered before a restart counts until so many questions would have been asked since.
FRESH: Final = 3.0


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


class Asked:
    """
    A gate or guard with its judge, and when it was answered last: seconds since the epoch.
    """

    def __init__(self, one: PromGate | PromGuard | TrendGate | TrendGuard | WebhookGate, judge: Judge) -> None:
        self._judge = judge
        self._at = 0.0
        self._fresh = FRESH * one.every
        # An outcome is of this question, and of no other by the same name.
        self._question = sha256(repr(one).encode()).hexdigest()[:16]

    @property
    def outcome(self) -> Outcome | None:
        """
        See `Judge`.
        """
        return self._judge.outcome

    @property
    def errors(self) -> int:
        """
        See `Judge`.
        """
        return self._judge.errors

    def take(self, answer: Reading | Reply, at: float) -> None:
        """
        See `Judge`.
        """
        self._at = at
        self._judge.take(answer, at)

    def anew(self) -> None:
        """
        See `Judge`.
        """
        self._judge.anew()

    def as_values(self) -> dict[str, Any]:
        """
        The evidence and the last outcome, as JSON.
        """
        outcome = None if self.outcome is None else self.outcome.as_values()
        said = {"at": self._at, "question": self._question, "outcome": outcome}
        return {"evidence": self._judge.as_values(), "said": said}

    def restore(self, values: Mapping[str, Any], now: float) -> None:
        """
        Go on with what `as_values` made, with its outcome as long as that is fresh: a restart of ours makes nothing of
        somebody else's answer untrue, and voids no approval. Raises KeyError, TypeError or ValueError for anything
        else.
        """
        self._judge.restore(values["evidence"])
        said = values["said"]
        self._at = float(said["at"])
        is_fresh = 0.0 <= now - self._at < self._fresh
        if is_fresh and said["question"] == self._question and said["outcome"] is not None:
            self._judge.outcome = Outcome.from_values(said["outcome"])


def asked_of(name: str, one: Gate | Guard, errors: int) -> Asked | None:
    """
    A gate or guard that asks somebody; None for one that asks nobody. So many `errors` in a row are one.
    """
    judge = _judge_of(name, one, errors)
    if judge is None or not isinstance(one, PromGate | PromGuard | TrendGate | TrendGuard | WebhookGate):
        return None
    return Asked(one, judge)


def _judge_of(name: str, one: Gate | Guard, errors: int) -> Judge | None:
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
