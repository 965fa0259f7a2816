"""
What is known of old's own differences: where it differs from itself, how often, and whether new differs there more.

Twin pairs (old against old) teach, for every place (path pattern and kind of difference) of an endpoint, how often old
differs from itself. A difference of new at such a place is noise, as long as new doesn't differ there more often than
old does: which is tested as long as it lasts (`Betting` against an upper bound of old's rate), so that a place that is
noisy half of the time can't hide that it changed. One that did is accused, and counts again.

Noise never grows unattended: places are learned while learning is open; what twins show later is only proposed, until
somebody accepts it. All of it expires.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.compare.difference import Kind
from proxy.compare.judging import Noisy
from proxy.gates.statistics import Betting, upper_bound

# Of the 1 % that a false accusation may have: for old's rate being higher than its bound, and for new's test.
BOUND_ALPHA: Final = 0.002
TEST_ALPHA: Final = 0.008
# A single difference between two reads of old may be a write that came in between.
LEAST: Final = 2
# Places that are kept; what is beyond is not noise.
MOST: Final = 5000

Place = tuple[str, str, int]


@dataclass(slots=True, kw_only=True)
class Known:
    """
    One place: old differed from itself in `bad` of `n` twin pairs; new, since `budget` was set, in `live_bad` of
    `live`.
    Times are wall-clock seconds; `learned` is False while it is only proposed.
    """

    bad: int
    n: int
    since: float
    last: float
    learned: bool
    live_bad: int = 0
    live: int = 0
    budget: float = 1.0
    accused_at: float = 0.0

    @property
    def rate(self) -> float:
        """
        How often old differs from itself here.
        """
        return self.bad / self.n if self.n else 0.0


@dataclass(slots=True, kw_only=True)
class Noise:
    """
    All places. `open_until`: what is found before is learned, later only proposed. A place that twins haven't shown for
    `lasts` seconds expires.
    """

    open_until: float
    lasts: float
    frozen: bool = False
    twins: dict[str, int] = field(default_factory=dict)
    places: dict[Place, Known] = field(default_factory=dict)

    def teach(self, endpoint: str, pairs: int, bad: Mapping[tuple[str, int], int], at: float) -> None:
        """
        `pairs` more twin pairs of an endpoint, and in how many of them each place differed.
        """
        if self.frozen:
            self._propose(endpoint, bad, at)
            return
        before = self.twins.get(endpoint, 0)
        total = self.twins[endpoint] = before + pairs
        for (pattern, kind), times in bad.items():
            place = (endpoint, pattern, kind)
            known = self.places.get(place)
            if known is None:
                if len(self.places) >= MOST:
                    continue
                known = self.places[place] = Known(bad=0, n=0, since=at, last=at, learned=at < self.open_until)
            known.bad += times
            known.last = at
        doubled = before.bit_length() != total.bit_length()
        for place, known in self.places.items():
            if place[0] == endpoint:
                known.n = total
                if known.learned and doubled:
                    self._set_budget(known)

    def _propose(self, endpoint: str, bad: Mapping[tuple[str, int], int], at: float) -> None:
        """
        With a frozen baseline, rates stay as they are; that a place is still noisy keeps it from expiring.
        """
        for (pattern, kind), times in bad.items():
            known = self.places.get((endpoint, pattern, kind))
            if known is not None:
                known.last = at
            elif len(self.places) < MOST:
                twins = self.twins.get(endpoint, 0)
                self.places[endpoint, pattern, kind] = Known(bad=times, n=twins, since=at, last=at, learned=False)

    def _set_budget(self, known: Known) -> None:
        """
        A bound holds for one look, so it is only renewed when there are twice as many pairs, and the test starts anew.
        """
        known.budget = upper_bound(known.bad, known.n, BOUND_ALPHA)
        known.live = known.live_bad = 0

    def freeze(self) -> None:
        """
        Make what is known the baseline: rates stay as they are from now on, and nothing is learned any more.
        """
        self.frozen = True
        for known in self.places.values():
            if known.learned:
                self._set_budget(known)

    def accept(self, place: Place, at: float) -> None:
        """
        Somebody says that a proposed or accused place is noise. Raises KeyError for one that isn't known.
        """
        known = self.places[place]
        known.learned, known.accused_at, known.last = True, 0.0, at
        self._set_budget(known)

    def forget(self, place: Place) -> None:
        """
        Somebody says that it isn't. Raises KeyError for one that isn't known.
        """
        del self.places[place]

    def watch(self, endpoint: str, pairs: int, bad: Mapping[tuple[str, int], int], at: float) -> list[Place]:
        """
        `pairs` more pairs of old and new of an endpoint, and in how many of them each place differed. Returns
        the places that are accused by it.
        """
        accused = []
        for place, known in self.places.items():
            if place[0] != endpoint or not known.learned or known.accused_at:
                continue
            known.live += pairs
            known.live_bad += bad.get((place[1], place[2]), 0)
            if known.budget < 1.0 and Betting(known.budget, "above", bad=known.live_bad, n=known.live).says(TEST_ALPHA):
                known.accused_at = at
                accused.append(place)
        return accused

    def expire(self, at: float) -> bool:
        """
        Forget what twins haven't shown for long. True if there was any.
        """
        old = [place for place, known in self.places.items() if at - known.last > self.lasts]
        for place in old:
            del self.places[place]
        return bool(old)

    def noisy(self) -> Iterable[Noisy]:
        """
        The places whose differences are noise now.
        """
        for (endpoint, pattern, kind), known in sorted(self.places.items()):
            if known.learned and not known.accused_at and known.bad >= LEAST:
                yield Noisy(endpoint=endpoint, pattern=pattern, kind=Kind(kind))

    def listing(self) -> list[dict[str, Any]]:
        """
        Everything that is known, for people.
        """
        return [
            {
                "endpoint": endpoint,
                "path": pattern,
                "kind": Kind(kind).name.lower(),
                "state": _state(known),
                "twins": known.n,
                "rate": round(known.rate, 6),
                "budget": round(known.budget, 6),
                "live": known.live,
                "live_rate": round(known.live_bad / known.live, 6) if known.live else None,
                "since": known.since,
                "last": known.last,
                "expires": known.last + self.lasts,
            }
            for (endpoint, pattern, kind), known in sorted(self.places.items())
        ]


def _state(known: Known) -> str:
    if known.accused_at:
        return "accused"
    if not known.learned:
        return "proposed"
    return "noise" if known.bad >= LEAST else "seen once"
