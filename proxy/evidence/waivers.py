"""
Waivers: signatures that a named person has accepted, for a reason, until a date. Values and their reading; pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from proxy.compare.difference import Kind

SIGNATURE: Final = re.compile(r"[0-9a-f]{16}")
# What is accepted for longer should be changed, or become a rule.
LONGEST_DAYS: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """
    `until` is Unix time, `at` and `removed` are texts of the store's clock; `id` is 0 until it is kept.
    """

    id: int = 0
    signature: str
    endpoint: str
    parts: tuple[tuple[str, Kind], ...]
    until: float
    reason: str
    by: str
    at: str = ""
    removed: str | None = None

    def holds(self, now: float) -> bool:
        """
        Whether it counts at this time.
        """
        return self.removed is None and now < self.until

    def told(self, now: float) -> dict[str, Any]:
        """
        As the API tells it.
        """
        return {
            "id": self.id,
            "signature": self.signature,
            "endpoint": self.endpoint,
            "until": timestamp_of(self.until),
            "reason": self.reason,
            "by": self.by,
            "at": self.at,
            "removed": self.removed,
            "holds": self.holds(now),
        }


def in_force(waivers: Iterable[Waiver], now: float) -> dict[str, Waiver]:
    """
    The waivers that hold, by signature; of several, the one that was made last.
    """
    return {waiver.signature: waiver for waiver in waivers if waiver.holds(now)}


def parse_until(value: object, now: float) -> float:
    """
    Unix time of a date (its end, in UTC) or of a time with its zone. Raises `ValueError`.
    """
    remedy = "send a date such as 2026-12-24 (it ends with that day, UTC), or a time such as 2026-12-24T12:00:00Z"
    if not isinstance(value, str):
        raise ValueError(f"is no date; {remedy}")
    try:
        if len(value) <= 10:
            until = datetime.combine(date.fromisoformat(value) + timedelta(days=1), datetime.min.time(), UTC)
        else:
            until = datetime.fromisoformat(value)
        seconds = until.timestamp()
    except (OverflowError, ValueError):
        raise ValueError(f"is no date; {remedy}") from None
    if until.tzinfo is None:
        raise ValueError(f"has no zone; {remedy}")
    if seconds <= now:
        raise ValueError(f"is over already; {remedy}")
    if seconds > now + LONGEST_DAYS * 86_400:
        raise ValueError("is more than a year ahead; waive it for less, or write a rule")
    return seconds


def timestamp_of(seconds: float) -> str:
    """
    Unix time as text, UTC.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_parts(value: Any) -> tuple[tuple[str, Kind], ...]:
    """
    Parts as they travel: patterns and kinds. Raises `TypeError` or `ValueError`.
    """
    return tuple((str(pattern), Kind(kind)) for pattern, kind in value)


def shown_parts(parts: Iterable[tuple[str, Kind]]) -> list[Mapping[str, str]]:
    """
    Parts as people read them.
    """
    return [{"path": pattern, "kind": kind.name.lower()} for pattern, kind in parts]
