"""
A gate on one number that a query gives: what must hold, and what the last readings say together.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any, Final, Literal, Self, cast

from proxy.gates.outcome import Outcome
from proxy.gates.persistence import Look, Looks, Persisted, Persistence, looked, persisted
from proxy.gates.promql import Reading
from proxy.gates.wording import span

Comparison = Literal["<", "<=", ">", ">="]
COMPARE: Final = {"<": lt, "<=": le, ">": gt, ">=": ge}
NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
CONDITION: Final = re.compile(
    rf"\s*(<=|>=|<|>)\s*(?:({NUMBER})|({NUMBER})\s*\*\s*baseline|baseline(?:\s*\*\s*({NUMBER}))?)\s*"
)
# Longer ones aren't looked at.
LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    What must hold: a comparison with a number, or with so many times a baseline.
    """

    comparison: Comparison
    number: float
    times_baseline: bool

    def bound(self, baseline: float | None) -> float | None:
        """
        The number to compare with; None as long as there is no baseline and one is needed.
        """
        if not self.times_baseline:
            return self.number
        return None if baseline is None else self.number * baseline

    def __str__(self) -> str:
        """
        As it could be written.
        """
        return f"{self.comparison} {self.number:g}" + (" * baseline" if self.times_baseline else "")


def parse_condition(text: str) -> Condition:
    """
    `"< 0.5"` or `"<= 1.2 * baseline"`. Raises `ValueError` saying what would be right.
    """
    match = CONDITION.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise ValueError(f'"{text[:LONGEST]}" is no condition; write such as "< 0.5" or "<= 1.2 * baseline"')
    comparison, plain, before, after = match.groups()
    number = float(plain or before or after or 1.0)
    if not isfinite(number):
        raise ValueError(f'"{text}" compares with infinity; write a number')
    return Condition(comparison=cast("Comparison", comparison), number=number, times_baseline=plain is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """
    A gate (or a guard) on one number; asked every so many seconds.
    """

    name: str
    condition: Condition
    persistence: Persistence = field(default_factory=Persistence)
    every: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEvidence:
    """
    The last readings, and the baseline, which once taken stays for the whole plan.
    """

    looks: Looks = field(default_factory=Looks)
    baseline: float | None = None

    def take_baseline(self, reading: Reading) -> Self:
        """
        Keep the value as the baseline, if there is none yet and this is one: frozen, so that a slow leak can't move it.
        """
        if self.baseline is not None or reading.kind != "value":
            return self
        return replace(self, baseline=reading.value)

    def anew(self) -> Self:
        """
        For another evidence epoch: the baseline stays.
        """
        return replace(self, looks=Looks())

    def as_values(self) -> dict[str, Any]:
        """
        As values that JSON has.
        """
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `as_values` made, also after JSON. Raises `TypeError` or `KeyError` for anything else.
        """
        return cls(looks=Looks.from_values(values["looks"]), baseline=values["baseline"])


def judge_query(spec: QuerySpec, before: QueryEvidence, reading: Reading) -> tuple[Outcome, QueryEvidence]:
    """
    Add one reading, and say what the last ones mean. A query that a gate can't use is an error at once.
    """
    bound = spec.condition.bound(before.baseline)
    evidence = replace(before, looks=looked(spec.persistence, before.looks, _look(spec, reading, bound)))
    found = persisted(spec.persistence, evidence.looks)
    outcome = Outcome(
        gate=spec.name,
        result="error" if reading.kind == "misconfigured" else found.result,
        sentence=_told(spec, before.baseline, bound, reading, found, evidence.looks.errors),
        n=len(evidence.looks.recent),
        bad=found.bad,
        estimate=reading.value,
        budget=bound,
        pass_ratio=found.pass_ratio,
        fail_ratio=found.fail_ratio,
        needed=found.missing,
        eta=found.missing * spec.every,
    )
    return outcome, evidence


def _look(spec: QuerySpec, reading: Reading, bound: float | None) -> Look:
    if reading.value is None:
        return "no data" if reading.kind == "no data" else "error"
    if bound is None:
        return "no data"
    return "good" if COMPARE[spec.condition.comparison](reading.value, bound) else "bad"


def _told(
    spec: QuerySpec, baseline: float | None, bound: float | None, reading: Reading, found: Persisted, errors: int
) -> str:
    must = f"{reading.value:.4g}, must be {spec.condition}" if reading.value is not None else reading.why
    if reading.value is not None and spec.condition.times_baseline:
        must += " (there is none yet)" if bound is None else f" ({bound:.4g}; the baseline is {baseline:.4g})"
    if errors:
        return f"{must}, {errors} times in a row" if errors > 1 else must
    (needed, window), (fatal, fatal_window) = spec.persistence.pass_of, spec.persistence.fail_of
    if found.result == "fail":
        return f"{must}: {found.bad} of the last {fatal_window} answers were not, {fatal} fail"
    good = f"{found.good} of the last {window} answers were" if reading.value is not None else "no data never passes"
    wait = f"; needs {found.missing} more good ones, {span(found.missing * spec.every)}" if found.missing else ""
    return f"{must}: {good}{wait}" if found.result == "pass" else f"{must}: {good}, {needed} pass{wait}"
