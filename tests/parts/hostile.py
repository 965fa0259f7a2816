"""
Pairs of answers that want to cost a comparer its time, its memory or its life, and what may come of each.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.compare.answer import Answer
from proxy.compare.bodies.base import MOST_VALUES
from proxy.compare.judge import Book, Judgement, judge
from proxy.compare.rules import Rule
from proxy.comparer import Clock, TookTooLong
from tests.parts.judged import answer, book

# Larger than what a body may decode into, four times.
BOMB = 64 * 2**20
# As much as a body may decode into, nearly.
MUCH = 15 * 2**20
# As many values as a body may have, nearly.
MOST = MOST_VALUES - 10
LATE = "took too long"
LONG = (
    *("half a million members,", "half a million other", "half a million fractions", "half a million objects"),
    *("600,000 elements", "a million other lines", "many documents", "documents 1,000 deep", "many exponents, by"),
    *("a set of thousands", "ignore_values (", "rewrite ("),
)
XML = "application/xml"
FORM = "application/x-www-form-urlencoded"

Pair = tuple[Answer, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    `make` makes the two answers; `may` are the verdicts and reasons that are right. `LATE` is among them where a busy
    machine may need longer than a pair may take. `long` ones cost a second or two of a processor.
    """

    name: str
    make: Callable[[], Pair]
    may: frozenset[str]
    rules: Sequence[Rule] = ()
    long: bool = False

    def book(self) -> Book:
        """
        What the pair is judged by.
        """
        return book(*self.rules)


def settle(case: Case, clock: Clock, taken: Callable[[Judgement, Pair], None] | None = None) -> str:
    """
    What comes of a case, as a comparer does it. What diverges may be `taken` for a sample.
    """
    old, new = case.make()
    by = case.book()
    try:
        clock.start()
        judgement = judge(old, new, by)
        clock.since = 0.0
    except TookTooLong:
        # First of all: letting go of what was read may take as long as until the clock looks again.
        clock.since = 0.0
        return LATE
    if taken is not None and judgement.verdict == "divergent":
        taken(judgement, (old, new))
    return judgement.verdict or judgement.reason or "nothing"


def large(old: bytes, new: bytes, media: str = "application/json") -> Pair:
    """
    Two bodies that come packed, or they would be too long to be kept.
    """
    return tuple(answer(gzip.compress(one, 1), media, coding="gzip") for one in (old, new))  # type: ignore[return-value]


def small(old: bytes | str, new: bytes | str, media: str = "application/json") -> Pair:
    """
    Two bodies as they are.
    """
    return answer(old, media), answer(new, media)


def case(name: str, make: Callable[[], Pair], *may: str, rules: Sequence[Rule] = ()) -> Case:
    """
    One case.
    """
    return Case(name=name, make=make, may=frozenset(may), rules=rules, long=name.startswith(LONG))
