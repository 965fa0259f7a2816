"""
What Parallax says about itself, as values: the books by endpoint, signatures, and what is known of noise. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.demo.planted import Parts

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """
    One class of differences: what it is made of, and in how many pairs it was seen, the `last` at that Unix time.
    """

    id: str
    endpoint: str
    parts: Parts
    count: int
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What was found besides counts. `noise` are the places that count as noise, by endpoint, and `in_force` says whether
    pairs are judged by that.
    """

    signatures: tuple[Signature, ...] = ()
    noise: Mapping[str, Parts] = field(default_factory=dict)
    in_force: bool = False


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


def parse_found(divergences: dict[str, Any], noise: dict[str, Any]) -> Found:
    """
    What answers of `GET /admin/divergences` and `GET /admin/noise` say.
    """
    known: dict[str, set[tuple[str, str]]] = {}
    for place in noise["places"]:
        if place["state"] == "noise":
            known.setdefault(place["endpoint"], set()).add((place["path"], place["kind"]))
    return Found(
        signatures=tuple(
            Signature(
                id=row["id"],
                endpoint=row["endpoint"],
                parts=frozenset((part["path"], part["kind"]) for part in row["parts"]),
                count=row["count"],
                last=row["last"],
            )
            for row in divergences["signatures"]
        ),
        noise={endpoint: frozenset(parts) for endpoint, parts in known.items()},
        in_force=noise["in_force"],
    )


def _quantiles(latency: dict[str, float] | None) -> tuple[Milliseconds, Milliseconds] | None:
    return None if latency is None else (latency["p50"], latency["p99"])
