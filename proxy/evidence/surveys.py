"""
What rules do with the pairs that come, looked at in a sample of them: where each applies, and what it hides.

A comparer looks at one pair each `EVERY` seconds at most, of one endpoint at most one each `PAUSE`, and rests for
`REST` times as long as a look has taken: a twentieth of its time at most, whatever the bodies. It looks apart from
judging, so that no verdict depends on it. Callers bring the time.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from proxy.compare.answer import Answer
from proxy.compare.difference import Part
from proxy.compare.judge import Book
from proxy.compare.survey import Survey

EVERY: Final = 0.2
PAUSE: Final = 1.0
REST: Final = 19.0
# Endpoints whose pauses are remembered, and rules that are told of in one second.
REMEMBERED: Final = 2048
MOST: Final = 1000


class Waiting(NamedTuple):
    """
    A pair that is to be looked at: two bodies of mirror.max_body at most.
    """

    book: Book
    old: Answer
    new: Answer


class Surveys:
    """
    `note` a pair that it `wants`, look at the `next` one when there is time, say what was `found`, `take` what to tell.
    """

    def __init__(self) -> None:
        self._waiting: Waiting | None = None
        # By endpoint: not before.
        self._pauses: dict[str, float] = {}
        self._rests = 0.0
        self._rules = ""
        self._pairs: Counter[str] = Counter()
        self._met: Counter[tuple[str, int]] = Counter()
        self._hides: dict[tuple[str, int], set[Part]] = {}

    def start(self, rules: str) -> None:
        """
        Other rules may be in force; `rules` is their digest.
        """
        if rules != self._rules:
            self._rules = rules
            self._waiting = None
            self._clear()

    def wants(self, endpoint: str, now: float) -> bool:
        """
        Would a pair of this endpoint be taken?
        """
        return self._waiting is None and now >= self._rests and now >= self._pauses.get(endpoint, 0.0)

    def note(self, waiting: Waiting, now: float) -> None:
        """
        Take a pair, for which `wants` was true.
        """
        self._waiting = waiting
        self._pauses.pop(waiting.book.endpoint, None)
        self._pauses[waiting.book.endpoint] = now + PAUSE
        if len(self._pauses) > REMEMBERED:
            del self._pauses[next(iter(self._pauses))]

    def next(self) -> Waiting | None:
        """
        The pair that waits, if one does.
        """
        waiting, self._waiting = self._waiting, None
        return waiting

    def found(self, endpoint: str, survey: Survey | None, seconds: float, now: float) -> None:
        """
        What was seen in a pair, in so many seconds; None: nothing, since that went wrong.
        """
        self._rests = now + max(EVERY, REST * seconds)
        if survey is None:
            return
        # Of a pair that was not seen whole, only what was met is certain.
        self._pairs[endpoint] += survey.whole
        for rule in survey.met:
            if len(self._met) < MOST or (endpoint, rule) in self._met:
                self._met[endpoint, rule] += 1
        for rule, parts in survey.hides.items():
            if len(self._hides) < MOST or (endpoint, rule) in self._hides:
                self._hides.setdefault((endpoint, rule), set()).update(parts)

    def take(self, redacted: Callable[[str], str]) -> dict[str, Any]:
        """
        What was seen since the last time, as JSON can carry it. `redacted` takes secrets out of patterns.
        """
        told = {
            "rules": self._rules,
            "pairs": dict(self._pairs),
            "met": [[*key, times] for key, times in self._met.items()],
            "hides": [
                [*key, [[redacted(pattern), int(kind)] for pattern, kind in sorted(parts)]]
                for key, parts in self._hides.items()
            ],
        }
        self._clear()
        return told

    def _clear(self) -> None:
        self._pairs.clear()
        self._met.clear()
        self._hides.clear()
