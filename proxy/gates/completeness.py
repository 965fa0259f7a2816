"""
Has enough been compared? A gate that compares a tenth of what it could has proved a tenth of what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.gates.outcome import Outcome
from proxy.gates.wording import names, percent

# Skip reasons by which nothing was to be copied: configuration or the request said so. All others are gaps.
DELIBERATE: Final = frozenset({"off", "route", "method", "upgrade", "sampled_out", "streaming"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessSpec:
    """
    At least this share of what was to be compared must have been, of at least so many exchanges.
    """

    name: str
    share: float = 0.95
    least: int = 500


def judge_completeness(spec: CompletenessSpec, compared: int, eligible: int, skipped: Mapping[str, int]) -> Outcome:
    """
    `compared` exchanges have a verdict, of `eligible` ones; `skipped` counts the others by reason. All since the
    evidence epoch began.

    Too few compared is inconclusive and never a failure: it accuses Parallax, or its budgets, and not new.
    """
    wanted = eligible - sum(count for reason, count in skipped.items() if reason in DELIBERATE)
    if wanted <= 0:
        return Outcome(
            gate=spec.name, result="inconclusive", sentence="nothing was to be compared yet", budget=spec.share
        )
    share = min(1.0, compared / wanted)
    said = f"{compared:,} of {wanted:,} exchanges compared ({percent(share)}), at least {percent(spec.share)} must be"
    passed = share >= spec.share and wanted >= spec.least
    if wanted < spec.least:
        said += f"; judged from {spec.least:,} on"
    gaps = {reason: count for reason, count in skipped.items() if count and reason not in DELIBERATE}
    if gaps and share < spec.share:
        most_first = sorted(gaps, key=lambda reason: (-gaps[reason], reason))
        said += f"; missing by {names(tuple(f'{reason} {gaps[reason]:,}' for reason in most_first), 3)}"
    return Outcome(
        gate=spec.name,
        result="pass" if passed else "inconclusive",
        sentence=said,
        n=wanted,
        bad=max(0, wanted - compared),
        estimate=share,
        budget=spec.share,
        pass_ratio=share / spec.share * min(1.0, wanted / spec.least),
        needed=0 if passed else max(0, spec.least - wanted) or None,
    )
