"""
A source that is asked again and again, and answers yes or no: so many of the last must agree before that counts.

One answer of a metric or a hook is no count of events, and nobody knows its chance of error; so this is patience, not
statistics. A look without data takes a place among the last, so nothing passes across a gap; a look that failed takes
none, as it is repeated, but nothing passes on it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from proxy.gates.outcome import Result

Look = Literal["good", "bad", "no data", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """
    (how many, of how many of the last) pass, or fail; and how many failed looks in a row are an error.
    """

    pass_of: tuple[int, int] = (10, 10)
    fail_of: tuple[int, int] = (3, 10)
    errors: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """
    The last looks, the newest at the end, without those that failed; and how many have failed since.
    """

    recent: tuple[Look, ...] = ()
    errors: int = 0

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `dataclasses.asdict` made of it, also after JSON.
        """
        return cls(recent=tuple(values["recent"]), errors=values["errors"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Persisted:
    """
    What the last looks say together: `good` and `bad` are how many of those that count, `missing` how many more good
    ones in a row would pass.
    """

    result: Result
    good: int
    bad: int
    missing: int
    pass_ratio: float
    fail_ratio: float


def looked(spec: Persistence, before: Looks, look: Look) -> Looks:
    """
    One more look.
    """
    if look == "error":
        return replace(before, errors=before.errors + 1)
    kept = max(spec.pass_of[1], spec.fail_of[1])
    return Looks(recent=(*before.recent, look)[-kept:])


def persisted(spec: Persistence, looks: Looks) -> Persisted:
    """
    Enough bad ones fail, too many errors in a row are one, and enough good ones pass if the newest look has data.
    """
    (needed, window), (fatal, fatal_window) = spec.pass_of, spec.fail_of
    good, bad = _last(looks, window).count("good"), _last(looks, fatal_window).count("bad")
    result: Result = "inconclusive"
    if bad >= fatal:
        result = "fail"
    elif looks.errors >= spec.errors:
        result = "error"
    elif good >= needed and not looks.errors and looks.recent[-1] != "no data":
        result = "pass"
    return Persisted(
        result=result,
        good=good,
        bad=bad,
        missing=0 if result == "pass" else _missing(looks, needed, window),
        pass_ratio=good / needed,
        fail_ratio=bad / fatal,
    )


def _last(looks: Looks, window: int) -> tuple[Look, ...]:
    return looks.recent[-window:]


def _missing(looks: Looks, needed: int, window: int) -> int:
    """
    Each good look pushes the oldest out of the window: it may have been good too.
    """
    for more in range(1, needed):
        if (*looks.recent, *["good"] * more)[-window:].count("good") >= needed:
            return more
    return needed
