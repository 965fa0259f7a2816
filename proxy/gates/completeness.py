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


# So many exchanges in a row without a comparison are no chance any more.
MISSED: Final = 20


def to_compare(eligible: int, skipped: Mapping[str, int]) -> int:
    """
    Of so many exchanges, those that were to be compared.
    """
    return eligible - sum(count for reason, count in skipped.items() if reason in DELIBERATE)


class Uncompared:
    """
    For how long exchanges that were to be compared have come, and none has been: then guards see no pairs.
    """

    def __init__(self) -> None:
        self._missed = 0
        self._since: float | None = None

    def note(self, compared: int, wanted: int, now: float) -> None:
        """
        What has come since the last time.
        """
        if compared > 0:
            self._missed, self._since = 0, None
        elif wanted > 0:
            self._missed += wanted
            self._since = now if self._since is None else self._since

    def seconds(self, now: float) -> float:
        """
        Since when, 0 while too few have come to say so.
        """
        return 0.0 if self._since is None or self._missed < MISSED else now - self._since


def judge_completeness(spec: CompletenessSpec, compared: int, eligible: int, skipped: Mapping[str, int]) -> Outcome:
    """
    `compared` exchanges have a verdict, of `eligible` ones; `skipped` counts the others by reason. All since the
    evidence epoch began.

    Too few compared is inconclusive and never a failure: it accuses Parallax, or its budgets, and not new.
    """
    wanted = to_compare(eligible, skipped)
    if wanted <= 0:
        return Outcome(
            gate=spec.name, result="inconclusive", sentence="nothing was to be compared yet", budget=spec.share
        )
    # A verdict may be counted before its exchange is, by what is in flight between two looks: never more than all.
    compared = min(compared, wanted)
    share = compared / wanted
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
        bad=wanted - compared,
        estimate=share,
        budget=spec.share,
        pass_ratio=share / spec.share * min(1.0, wanted / spec.least),
        needed=0 if passed else max(0, spec.least - wanted) or None,
    )
