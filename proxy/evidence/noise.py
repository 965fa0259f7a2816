"""
What is known of old's own differences: where it differs from itself, how often, and whether new differs there more.

Twin pairs (old against old) teach, for every place (path pattern and kind of difference) of an endpoint, how often old
differs from itself. A difference of new at such a place is noise, as long as new doesn't differ there more often than
old does: which is tested as long as it lasts (`proxy/gates/excess.py`), so that a place that is noisy half of the time
can't hide that it changed. One that did is accused, and counts again.

Noise never grows unattended: places are learned while learning is open; what twins show later is only proposed, until
somebody accepts it. All of it expires. Pure: callers tell the time, wall-clock seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from proxy.compare.difference import Kind
from proxy.compare.judging import Noisy
from proxy.gates.excess import Excess, Stretch

# The chance, for one place and for all time, that it is accused although new differs there no more often than old.
ALPHA: Final = 0.002
# A single difference between two reads of old may be a write that came in between.
LEAST: Final = 2
# Places that are kept; what is beyond is not noise.
MOST: Final = 5000

Spot = tuple[str, int]


class Place(NamedTuple):
    """
    One place: an endpoint, a path pattern and a kind of difference, as a number.
    """

    endpoint: str
    pattern: str
    kind: int


@dataclass(slots=True, kw_only=True)
class Known:
    """
    What is known of one place: old differed from itself in `bad` of `n` twin pairs, new from old as `live` has it.

    `learned` is False while it is only proposed, `accused` is when it was, 0 for not. `held`: somebody has accepted how
    often new differs; that is what it is measured by from then on, and twins no longer change it. `version`: of the
    first judging table that has it, 0 for none; it means nothing to a successor.
    """

    bad: int = 0
    n: int = 0
    since: float
    last: float
    learned: bool
    held: bool = False
    accused: float = 0.0
    version: int = 0
    live: Excess = field(default_factory=Excess)

    @property
    def state(self) -> str:
        """
        In one word.
        """
        if self.accused:
            return "accused"
        if not self.learned:
            return "proposed"
        return "noise" if self.bad >= LEAST else "seen once"


@dataclass(slots=True, kw_only=True)
class Noise:
    """
    All places. `open_until`: what is found before is learned, later only proposed. `lasts`: a place that twins haven't
    shown for so many seconds expires. `frozen`: rates stay as they are, and nothing is learned.
    """

    open_until: float
    lasts: float
    frozen: bool = False
    endpoints: dict[str, dict[Spot, Known]] = field(default_factory=dict)
    count: int = 0

    def teach(self, endpoint: str, pairs: int, bad: Mapping[Spot, int], at: float) -> None:
        """
        `pairs` more twin pairs of an endpoint, and in how many of them each place differed.
        """
        places = self.endpoints.setdefault(endpoint, {}) if bad else self.endpoints.get(endpoint, {})
        for spot in bad:
            if spot not in places and self.count < MOST:
                self.count += 1
                learned = at < self.open_until and not self.frozen
                places[spot] = Known(since=at, last=at, learned=learned)
        for spot, known in places.items():
            times = bad.get(spot, 0)
            if times:
                known.last = at
            # With a frozen baseline a proposed place goes on counting: somebody may want to accept it.
            if not known.held and not (self.frozen and known.learned):
                known.bad += times
                known.n += pairs

    def watch(self, endpoint: str, pairs: int, bad: Mapping[Spot, int], at: float, *, version: int) -> list[Place]:
        """
        `pairs` more pairs of old and new of an endpoint, and in how many of them each place differed; every comparer
        judged by `version` or a later one then. Returns the places that are accused by it.
        """
        accused = []
        for spot, known in self.endpoints.get(endpoint, {}).items():
            # Comparers don't look for a place that they don't know yet: that they told nothing of it means nothing.
            if known.state != "noise" or not 0 < known.version <= version:
                continue
            known.live.add(bad.get(spot, 0), pairs)
            if known.live.says(ALPHA, known.bad, known.n):
                known.accused = at
                accused.append(Place(endpoint, *spot))
        return accused

    def put_in_force(self, version: int) -> None:
        """
        The judging table `version` has the places that are noise now, and no others.
        """
        for _, known in self.all():
            if known.state != "noise":
                known.version = 0
            elif not known.version:
                known.version = version

    # What people decide...

    def freeze(self) -> None:
        """
        Make what is known the baseline: rates stay as they are from now on, and nothing is learned any more.
        """
        self.frozen = True

    def learn(self, until: float) -> None:
        """
        Learn until then, whether frozen or not.
        """
        self.frozen = False
        self.open_until = until

    def accept(self, place: Place, at: float) -> None:
        """
        Somebody says that a proposed or accused place is noise; of an accused one, that it may go on as it did since.
        What is noise already stays as it is, with what was counted of new.

        Raises KeyError for one that isn't known.
        """
        known = self.endpoints[place.endpoint][place.pattern, place.kind]
        if known.accused:
            known.bad, known.n, known.held = known.live.bad, known.live.n, True
            known.accused, known.version, known.live = 0.0, 0, Excess()
        known.bad, known.n = max(known.bad, LEAST), max(known.n, LEAST)
        known.learned, known.last = True, at

    def forget(self, place: Place) -> None:
        """
        Somebody says that it isn't noise: it is only proposed again, as long as twins show it. Raises KeyError for one
        that isn't known.
        """
        known = self.endpoints[place.endpoint][place.pattern, place.kind]
        known.learned, known.held, known.accused, known.version, known.live = False, False, 0.0, 0, Excess()

    def expire(self, at: float) -> None:
        """
        Forget what twins haven't shown for long.
        """
        for endpoint, places in list(self.endpoints.items()):
            for spot in [spot for spot, known in places.items() if at - known.last > self.lasts]:
                del places[spot]
                self.count -= 1
            if not places:
                del self.endpoints[endpoint]

    # For who asks...

    def all(self) -> Iterator[tuple[Place, Known]]:
        """
        Every place, in order.
        """
        for endpoint, places in sorted(self.endpoints.items()):
            for spot, known in sorted(places.items()):
                yield Place(endpoint, *spot), known

    def noisy(self) -> tuple[Noisy, ...]:
        """
        The places whose differences are noise now.
        """
        return tuple(
            Noisy(endpoint=place.endpoint, pattern=place.pattern, kind=Kind(place.kind))
            for place, known in self.all()
            if known.state == "noise"
        )

    def listing(self) -> list[dict[str, Any]]:
        """
        Everything that is known, for people.
        """
        return [
            {
                "endpoint": place.endpoint,
                "path": place.pattern,
                "kind": Kind(place.kind).name.lower(),
                "state": known.state,
                "twins": known.n,
                "rate": _share(known.bad, known.n),
                "live": known.live.n,
                "live_rate": _share(known.live.bad, known.live.n),
                "held": known.held,
                "since": known.since,
                "last": known.last,
                "accused": known.accused or None,
                "expires": known.last + self.lasts,
            }
            for place, known in self.all()
        ]


def _share(bad: int, n: int) -> float | None:
    return round(bad / n, 6) if n else None


def dump(noise: Noise) -> dict[str, Any]:
    """
    What has to survive, as JSON can carry it.
    """
    return {
        "open_until": noise.open_until,
        "frozen": noise.frozen,
        "places": [[*place, asdict(known) | {"version": 0}] for place, known in noise.all()],
    }


def load(raw: Mapping[str, Any], lasts: float) -> Noise:
    """
    What `dump` made. Raises KeyError, TypeError or ValueError for anything else.
    """
    noise = Noise(open_until=float(raw["open_until"]), lasts=lasts, frozen=bool(raw["frozen"]))
    for endpoint, pattern, kind, known in raw["places"]:
        live = known.pop("live")
        stretches = [Stretch(**stretch) for stretch in live.pop("stretches")]
        places = noise.endpoints.setdefault(str(endpoint), {})
        places[str(pattern), int(Kind(kind))] = Known(**known, live=Excess(**live, stretches=stretches))
        noise.count += 1
    return noise
