"""
Events: what workers count. Of so many opportunities (pairs, or answers of one side), how many were bad?

An event travels with the table, as text, and is compiled where it is counted. Which words it may use depends on what it
is an event of. Pure, standard library only: workers import it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, Self

from proxy.gates.expressions import Expression, compile_expression

Of = Literal["pairs", "served", "old", "new"]
Unit = Literal["request", "key/60s"]

# `ok`: a complete answer below 500; `error`: anything else. `mismatch`: judged divergent, where old was ok. `failed`:
# no complete answer; of a pair, exactly one was none.
_OLD: Final = {"old_ok": "old_ok", "old_error": "!old_ok", "old_ms": "old_ms"}
_NEW: Final = {"new_ok": "new_ok", "new_error": "!new_ok", "new_ms": "new_ms"}
_OF_OLD: Final = {"ok": "old_ok", "error": "!old_ok", "ms": "old_ms", "failed": "failed", **_OLD}
_OF_NEW: Final = {"ok": "new_ok", "error": "!new_ok", "ms": "new_ms", "failed": "failed", **_NEW}
WORDS: Final[dict[Of, dict[str, str]]] = {
    "pairs": {**_OLD, **_NEW, "mismatch": "mismatch", "failed": "failed"},
    "served": _OF_NEW,
    "old": _OF_OLD,
    "new": _OF_NEW,
}


@lru_cache(maxsize=256)
def compile_event(expression: str, of: Of = "pairs") -> Expression:
    """
    What is bad, of pairs, of the answers that new `served` to clients, or of all answers of `old` or `new`. Raises
    ValueError: a sentence with the column, and what would be right.
    """
    return compile_expression(expression, WORDS[of])


def armed(ids: Iterable[str]) -> str:
    """
    The name of all events of a table together, as its digest names its configuration; "" for none.
    """
    listed = list(ids)
    return sha256(" ".join(listed).encode()).hexdigest()[:16] if listed else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """
    One event to be counted, made by `event`. `routes` are those that count, () for all; `per_route`: each is counted by
    itself too. `unit`: every opportunity counts, or a sticky key once in 60 s, which is bad if anything of it was.
    `id` is of all this, so that equal events are one, and a changed one begins at 0.
    """

    id: str
    expression: str
    of: Of = "pairs"
    routes: tuple[str, ...] = ()
    per_route: bool = False
    unit: Unit = "request"

    @classmethod
    def from_values(cls, raw: Mapping[str, Any]) -> Self:
        """
        The spec that `dataclasses.asdict` made these values of.
        """
        return cls(**{**raw, "routes": tuple(raw["routes"])})


def event(
    expression: str,
    *,
    of: Of = "pairs",
    routes: tuple[str, ...] = (),
    per_route: bool = False,
    unit: Unit = "request",
) -> EventSpec:
    """
    The spec of an event, with the one spelling of its expression. Raises ValueError as `compile_event` does.
    """
    text = compile_event(expression, of).text
    named = tuple(sorted(set(routes)))
    parts = (text, of, "\n".join(named), "route" if per_route else "all", unit)
    digest = sha256("\n\n".join(parts).encode()).hexdigest()[:16]
    return EventSpec(id=digest, expression=text, of=of, routes=named, per_route=per_route, unit=unit)
