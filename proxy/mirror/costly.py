"""
What judging costs by endpoint, so that one endpoint whose pairs are slow to judge doesn't take the verdicts of all
others. Pure: callers bring the time.

While pairs wait long, those endpoints that take most of the comparers' time wait apart and are served last, a little at
a time and as many as have a chance; so does, at once, one of which a single pair took long. An endpoint whose pairs
keep costing too much is named, to be kept away.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from proxy.mirror.pair import Pair

# Seconds from one look at the costs to the next; what was spent counts half as much after each.
EVERY: Final = 1.0
# Who takes most: as many endpoints as leave this share of the time to all others.
OTHERS: Final = 0.25
# Below so many seconds spent, endpoints aren't what pairs wait for.
BUSY: Final = 0.1
# Seconds of judging that one comparer has at once of endpoints that are served last, unless one pair takes longer.
SLICE: Final = 0.1
# Seconds of judging that may wait apart, and for how long a pair may: half of a pair's deadline, so that who is
# served in the end is heard in time.
ROOM: Final = 2.0
PATIENCE: Final = 2.5
# Pairs on end that cost too much until their endpoint is kept away.
STRIKES: Final = 3


class Costly:
    """
    `names` has the endpoints that are served last, with what one pair of each costs (seconds); their pairs are in
    `waiting`, with `memory` bytes at most.
    """

    __slots__ = ("_looked", "_size", "_spent", "_strikes", "_wanted", "memory", "names", "waiting")

    def __init__(self) -> None:
        self.memory = 16 * 2**20
        self.names: dict[str, float] = {}
        self.waiting: deque[Pair] = deque()
        # Bytes and expected seconds of what waits.
        self._size = 0
        self._wanted = 0.0
        # By endpoint: microseconds, and pairs. As many as there are pages in the books.
        self._spent: dict[str, list[float]] = {}
        self._strikes: dict[str, int] = {}
        self._looked = 0.0

    def spent(self, endpoint: str, microseconds: int) -> None:
        """
        A pair was judged.
        """
        known = self._spent.get(endpoint)
        if known is None:
            known = self._spent[endpoint] = [0.0, 0.0]
        known[0] += microseconds
        known[1] += 1.0
        if self._strikes:
            self._strikes.pop(endpoint, None)

    def overran(self, endpoint: str, microseconds: int) -> bool:
        """
        A pair cost more than a pair may. True if that is so again and again: then none should be handed over for a
        while, and the next one that costs too much is enough.
        """
        strikes = self._strikes.get(endpoint, 0) + 1
        self.spent(endpoint, microseconds)
        self._strikes[endpoint] = min(strikes, STRIKES - 1)
        return strikes >= STRIKES

    def mark(self, endpoint: str) -> None:
        """
        One pair alone has cost more than `SLICE`: others aren't to wait until that is looked at.
        """
        spent, pairs = self._spent[endpoint]
        self.names[endpoint] = spent / pairs / 1e6

    def takes(self, pair: Pair) -> bool:
        """
        Whether a pair of one of `names` may wait. What could not be judged in time anyway may not; the first may.
        """
        cost = self.names.get(pair.page.name, 0.0)
        if self.waiting and (self._wanted + cost > ROOM or self._size + pair.held > self.memory):
            return False
        self._wanted += cost
        self._size += pair.held
        self.waiting.append(pair)
        return True

    def next(self) -> tuple[Pair, float]:
        """
        What has waited longest, and what it will cost.
        """
        pair = self.waiting.popleft()
        cost = self.names.get(pair.page.name, 0.0)
        self._left(pair)
        return pair, cost

    def overdue(self, now: float) -> Iterator[Pair]:
        """
        Take out what has waited too long.
        """
        while self.waiting and self.waiting[0].since < now - PATIENCE:
            pair = self.waiting.popleft()
            self._left(pair)
            yield pair

    def take_out(self, chosen: Callable[[Pair], bool]) -> list[Pair]:
        """
        Take out these of those that wait.
        """
        out = [pair for pair in self.waiting if chosen(pair)]
        self.waiting = deque(pair for pair in self.waiting if not chosen(pair))
        for pair in out:
            self._left(pair)
        return out

    def look(self, now: float, *, late: bool) -> bool:
        """
        Once in `EVERY` seconds: who takes most? `late`: pairs that were handed over wait long. True if endpoints are
        served last that were not before.
        """
        if now - self._looked < EVERY:
            return False
        self._looked = now
        before = self.names
        if late:
            # The slow ones stay: of those that had no turn meanwhile nothing was heard.
            self.names = {name: cost for name, cost in before.items() if cost > SLICE} | self._most()
        elif not self.waiting:
            self.names = {}
        # Those that are no longer asked for are forgotten: half a microsecond is none.
        self._spent = {name: [one[0] / 2, one[1] / 2] for name, one in self._spent.items() if one[0] > 1.0}
        return bool(self.names.keys() - before.keys())

    def _most(self) -> dict[str, float]:
        rest = total = sum(spent for spent, _ in self._spent.values())
        most: dict[str, float] = {}
        if total < BUSY * 1e6:
            return most
        for name, (spent, pairs) in sorted(self._spent.items(), key=lambda one: -one[1][0]):
            if rest <= total * OTHERS:
                break
            rest -= spent
            most[name] = spent / pairs / 1e6
        return most

    def _left(self, pair: Pair) -> None:
        self._size -= pair.held
        # What a pair was expected to cost may have changed meanwhile: without any, nothing is wanted.
        left = self._wanted - self.names.get(pair.page.name, 0.0)
        self._wanted = max(0.0, left) if self.waiting else 0.0
