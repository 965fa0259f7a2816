"""
Which endpoints have killed comparers, and for how long no pair of theirs is judged. Pure: the caller tells the time.
"""

from dataclasses import dataclass
from typing import Final

# Seconds: the first time, doubled with each further death, at most.
FIRST: Final = 60.0
LONGEST: Final = 3600.0
# Endpoints that are remembered; metrics know 200 by default.
MOST: Final = 1000


@dataclass(slots=True)
class Sentence:
    """
    How often an endpoint has killed, and until when it is kept away.
    """

    deaths: int = 0
    until: float = 0.0


class Quarantines:
    """
    An endpoint that has let comparers live for `LONGEST` after its last quarantine begins anew.
    """

    def __init__(self) -> None:
        self._sentences: dict[str, Sentence] = {}

    def died(self, endpoint: str, now: float) -> float:
        """
        A comparer died with a pair of this endpoint in hand. Returns the seconds for which no further one is judged.
        """
        self._forget(now)
        sentence = self._sentences.pop(endpoint, None) or Sentence()
        sentence.deaths += 1
        seconds = min(FIRST * 2.0 ** min(sentence.deaths - 1, 16), LONGEST)
        sentence.until = now + seconds
        # Last, so that the first is the one to forget.
        self._sentences[endpoint] = sentence
        if len(self._sentences) > MOST:
            del self._sentences[next(iter(self._sentences))]
        return seconds

    def active(self, now: float) -> dict[str, float]:
        """
        The endpoints that are kept away, and for how many seconds more.
        """
        return {
            endpoint: sentence.until - now for endpoint, sentence in self._sentences.items() if sentence.until > now
        }

    def _forget(self, now: float) -> None:
        self._sentences = {
            endpoint: sentence for endpoint, sentence in self._sentences.items() if sentence.until + LONGEST > now
        }
