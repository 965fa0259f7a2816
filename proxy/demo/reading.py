"""
What Parallax says about itself, per endpoint: `GET /admin/endpoints` as values. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Milliseconds = float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    The books of one endpoint so far. `old` and `new` are (p50, p99) in milliseconds; None: nothing measured.
    """

    endpoint: str
    eligible: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    old: tuple[Milliseconds, Milliseconds] | None = None
    new: tuple[Milliseconds, Milliseconds] | None = None

    @property
    def judged(self) -> int:
        """
        Exchanges that got a verdict.
        """
        return sum(self.verdicts.values())

    @property
    def settled(self) -> int:
        """
        Exchanges that ended in a verdict or a skip reason.
        """
        return self.judged + sum(self.skipped.values())

    @property
    def disagreed(self) -> int:
        """
        Exchanges in which new's answer was divergent or failed.
        """
        return self.verdicts.get("divergent", 0) + self.verdicts.get("failed", 0)

    @property
    def share(self) -> float:
        """
        `disagreed` out of `judged`, 0 to 1.
        """
        return self.disagreed / self.judged if self.judged else 0.0


def total(readings: Iterable[Reading]) -> Reading:
    """
    All endpoints together, without latencies.
    """
    eligible, verdicts, skipped = 0, dict[str, int](), dict[str, int]()
    for reading in readings:
        eligible += reading.eligible
        for into, counts in ((verdicts, reading.verdicts), (skipped, reading.skipped)):
            for key, count in counts.items():
                into[key] = into.get(key, 0) + count
    return Reading(endpoint="all", eligible=eligible, verdicts=verdicts, skipped=skipped)


def parse(answer: dict[str, Any]) -> tuple[Reading, ...]:
    """
    The readings in an answer of `GET /admin/endpoints`.
    """
    return tuple(
        Reading(
            endpoint=row["endpoint"],
            eligible=row["eligible"],
            verdicts=row["verdicts"],
            skipped=row["skipped"],
            old=_quantiles(row["latency_ms"]["old"]),
            new=_quantiles(row["latency_ms"]["new"]),
        )
        for row in answer["endpoints"]
    )


def _quantiles(latency: dict[str, float] | None) -> tuple[Milliseconds, Milliseconds] | None:
    return None if latency is None else (latency["p50"], latency["p99"])
