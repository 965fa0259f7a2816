"""
What a comparer saw since it last told: signatures with their counts, how often rules hid something, how often old
differed from itself. Sums only, bounded, emptied each second.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from proxy.compare.judge import Book, Judgement
from proxy.compare.signature import Signature
from proxy.evidence.surveys import Surveys

# Different things told in one second; what is beyond is counted as one.
MOST: Final = 1000
# Keys of one signature.
MOST_KEYS: Final = 100


@dataclass(slots=True)
class Sighting:
    """
    One signature, as seen since the last word.
    """

    signature: Signature
    verdict: str
    first: float
    last: float
    count: int = 0
    # By the digest of a sticky key: pairs of which old's answer was served, and new's.
    keys: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """
    `note` every judgement, `take` what to tell.
    """

    version: int = 0
    rules: str = ""
    signatures: dict[tuple[str, str], Sighting] = field(default_factory=dict)
    hidden: Counter[tuple[str, int]] = field(default_factory=Counter)
    noise: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    live: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    twins: Counter[str] = field(default_factory=Counter)
    samples: list[dict[str, Any]] = field(default_factory=list)
    surveys: Surveys = field(default_factory=Surveys)
    overflow: int = 0

    def start(self, version: int, rules: str) -> None:
        """
        Another judging table is in force; `rules` is the digest of those in it. With others, numbers mean others.
        """
        self.version = version
        if rules != self.rules:
            self.rules = rules
            self.hidden.clear()
        self.surveys.start(rules)

    def note(self, book: Book, judgement: Judgement, at: float, *, twin: bool = False) -> None:
        """
        One pair has been judged by `book`, `at` wall-clock seconds; a `twin` pair shows old's own differences, another
        one how often new differs where old is known to.
        """
        endpoint = book.endpoint
        if not twin:
            for rule, times in judgement.hidden.items():
                self._count(self.hidden, (endpoint, rule), times)
        if judgement.verdict is None:
            return
        if twin:
            self._count(self.twins, endpoint)
            for place in judgement.parts:
                self._count(self.noise, (endpoint, *book.told(place)))
            return
        self._count(self.pairs, endpoint)
        if book.noise:
            for place in {book.told(part) for part in judgement.parts}.intersection(book.noise):
                self._count(self.live, (endpoint, *place))
        if judgement.signature is not None:
            self._sight(judgement.signature, judgement.verdict, at)

    def hit(self, signature: str, key: str, live: int) -> None:
        """
        A divergent pair with this signature, which was noted, was of this key (by its digest).
        """
        sighting = self.signatures.get((signature, "divergent"))
        if sighting is None:
            return
        served = sighting.keys.get(key)
        if served is None:
            if len(sighting.keys) >= MOST_KEYS:
                self.overflow += 1
                return
            served = sighting.keys[key] = [0, 0]
        served[live] += 1

    def _sight(self, signature: Signature, verdict: str, at: float) -> None:
        sighting = self.signatures.get((signature.id, verdict))
        if sighting is None:
            if len(self.signatures) >= MOST:
                self.overflow += 1
                return
            sighting = self.signatures[signature.id, verdict] = Sighting(signature, verdict, at, at)
        sighting.count += 1
        sighting.last = at

    def _count(self, counter: "Counter[Any]", key: Any, times: int = 1) -> None:
        if key in counter or len(counter) < MOST:
            counter[key] += times
        else:
            self.overflow += times

    def take(self, redacted: Callable[[str], str] = str) -> bytes:
        """
        What was seen as JSON, which is forgotten then. `redacted` takes secrets out of patterns: names of members can
        be some.
        """
        told = orjson.dumps(
            {
                "version": self.version,
                "signatures": [
                    {
                        "id": one.signature.id,
                        "endpoint": one.signature.endpoint,
                        "severity": one.signature.severity,
                        "parts": [(redacted(pattern), kind) for pattern, kind in one.signature.parts],
                        "verdict": one.verdict,
                        "first": one.first,
                        "last": one.last,
                        "count": one.count,
                        "keys": one.keys,
                    }
                    for one in self.signatures.values()
                ],
                "hidden": [[*key, times] for key, times in self.hidden.items()],
                "noise": [[*key, times] for key, times in self.noise.items()],
                "live": [[*key, times] for key, times in self.live.items()],
                "pairs": dict(self.pairs),
                "twins": dict(self.twins),
                "samples": self.samples,
                "surveys": self.surveys.take(redacted),
                "overflow": self.overflow,
            }
        )
        for counter in (self.signatures, self.hidden, self.noise, self.live, self.pairs, self.twins):
            counter.clear()
        self.samples.clear()
        self.overflow = 0
        return told
