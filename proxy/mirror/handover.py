"""
Pairs that aren't byte-equal, from here to their verdicts: what waits for a comparer, what each comparer has, and what
has waited too long. Pure: callers bring the time and move the bytes.

A pair waits here until a comparer takes it, so a comparer that is restarted costs time, and only those pairs that it
had. Its bytes stay in the budget until its end.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import orjson

from proxy.link.pairs import KEYED, NEW_CUT, OLD_CUT, RECHECK, TWIN, Said, Verdict, pack_cut, pack_pair
from proxy.metrics.books import DIVERGENT, EQUIVALENT, NOISE, WAIVED
from proxy.mirror.costly import SLICE, Costly
from proxy.mirror.heads import pack_head
from proxy.mirror.observation import Observation
from proxy.mirror.pair import Pair

# Seconds from hand-over to verdict.
DEADLINE: Final = 5.0
# Pairs are handed over in batches of so many bytes, or after 5 ms (`net/comparer.py`).
BATCH: Final = 64 * 1024
# Seconds after which pairs wait long.
LATE: Final = 0.5
# Microseconds that are much for one pair.
MUCH: Final = SLICE * 1e6
# Seconds for which an endpoint is kept away whose pairs keep costing too much.
KEPT_AWAY: Final = 60.0

VERDICTS: Final = {
    int(Said.EQUIVALENT): EQUIVALENT,
    int(Said.NOISE): NOISE,
    int(Said.WAIVED): WAIVED,
    int(Said.DIVERGENT): DIVERGENT,
}
TOO_SLOW: Final = int(Said.TOO_SLOW)
REASONS: Final = {int(Said.UNDECODABLE): "undecodable", int(Said.BODY_TOO_LARGE): "body_too_large"}


class Share:
    """
    What one comparer has and hasn't answered, by id, the oldest first. `costly` is what those of endpoints that are
    served last will cost (seconds), `heard` when it said something, or got something after it had nothing.
    """

    __slots__ = ("costly", "heard", "pairs")

    def __init__(self) -> None:
        self.pairs: dict[int, Pair] = {}
        self.costly: dict[int, float] = {}
        self.heard = 0.0


class Handover:
    """
    `active` says that there are comparers at all, `limit` how many pairs may be unanswered; `now` moves with `tick`.
    `on_first` is called when something waits again, `on_batch` when a batch of it does, `on_slow` with an endpoint that
    is kept away because its pairs keep costing too much.
    """

    __slots__ = (
        "_kept_away", "_number", "_shares", "_size", "_waiting", "active", "costly", "limit", "now", "on_batch",
        "on_first", "on_slow", "unanswered",
    )  # fmt: skip

    def __init__(self, limit: int = 4096) -> None:
        self.active = False
        self.limit = limit
        self.now = 0.0
        self.unanswered = 0
        self.on_first: Callable[[], None] = lambda: None
        self.on_batch: Callable[[], None] = lambda: None
        self.on_slow: Callable[[str], None] = lambda _: None
        self.costly = Costly()
        self._waiting: deque[Pair] = deque()
        self._size = 0
        self._number = 0
        self._shares: list[Share] = []
        # Endpoints whose pairs have killed a comparer or keep costing too much, and until when none is handed over.
        self._kept_away: dict[str, float] = {}

    # In...

    def take(self, pair: Pair) -> None:
        """
        A complete pair that bytes can't settle.
        """
        if self._kept_away and self._kept_away.get(pair.page.name, 0.0) > self.now:
            pair.drop("judge_error")
        elif self.unanswered >= self.limit:
            pair.drop("queue_full")
        elif self.costly.names and pair.page.name in self.costly.names:
            self._take_costly(pair)
        else:
            pair.since = self.now
            self.unanswered += 1
            before = self._size
            self._size = size = before + pair.held
            self._waiting.append(pair)
            if size >= BATCH > before:
                self.on_batch()
            elif len(self._waiting) == 1:
                self.on_first()

    def _take_costly(self, pair: Pair) -> None:
        pair.since = self.now
        if not self.costly.takes(pair):
            pair.drop("queue_full")
            return
        self.unanswered += 1
        if len(self.costly.waiting) == 1:
            self.on_first()

    # ... to the comparers...

    @property
    def waits(self) -> bool:
        """
        Whether there is anything to give.
        """
        return bool(self._waiting or self.costly.waiting)

    def has_for(self, share: Share) -> bool:
        """
        Whether there is anything to give to this comparer now.
        """
        return bool(self._waiting) or (bool(self.costly.waiting) and sum(share.costly.values()) < SLICE)

    def open(self) -> Share:
        """
        A comparer is there.
        """
        share = Share()
        share.heard = self.now
        self._shares.append(share)
        return share

    def give(self, share: Share) -> list[bytes]:
        """
        A batch of what has waited longest, as bytes for this comparer, which has it from now on. What is served last
        comes when nothing else waits.
        """
        pieces: list[bytes] = []
        waiting, size = self._waiting, 0
        if not share.pairs:
            share.heard = self.now
        if not waiting:
            return self._give_costly(share)
        while waiting and size < BATCH:
            pair = waiting.popleft()
            self._number = number = self._number + 1
            share.pairs[number] = pair
            self._size -= pair.held
            size += pair.held
            pieces += _message(pair, number)
        return pieces

    def _give_costly(self, share: Share) -> list[bytes]:
        pieces: list[bytes] = []
        costly, seconds, size = self.costly, sum(share.costly.values()), 0
        while costly.waiting and seconds < SLICE and size < BATCH:
            pair, cost = costly.next()
            self._number = number = self._number + 1
            share.pairs[number], share.costly[number] = pair, cost
            seconds += cost
            size += pair.held
            pieces += _message(pair, number)
        return pieces

    # ... and out.

    def answered(self, share: Share, verdicts: Iterable[Verdict]) -> None:
        """
        A comparer has said something of pairs that it had; what it hadn't, or hasn't any more, is nobody's.
        """
        pairs, costly, spent = share.pairs, share.costly, self.costly.spent
        share.heard = self.now
        slow = False
        for number, said, kinds, signature, _, cost in verdicts:
            pair = pairs.pop(number, None)
            if pair is None:
                continue
            self.unanswered -= 1
            if costly:
                costly.pop(number, None)
            if said == TOO_SLOW:
                pair.drop("judge_error")
                self._overran(pair.page.name, cost)
            else:
                spent(pair.page.name, cost)
            if cost > MUCH:
                self.costly.mark(pair.page.name)
                slow = True
            if said == TOO_SLOW:
                continue
            verdict = VERDICTS.get(said)
            if verdict is None:
                pair.drop(REASONS.get(said, "judge_error"))
            else:
                pair.conclude(verdict, kinds, signature)
        if slow:
            self._sort()

    def _overran(self, endpoint: str, cost: int) -> None:
        if self.costly.overran(endpoint, cost) and self._kept_away.get(endpoint, 0.0) <= self.now:
            self.quarantine(endpoint, self.now + KEPT_AWAY)
            self.on_slow(endpoint)

    def close(self, share: Share) -> None:
        """
        A comparer is gone, and what it had with it.
        """
        self._shares.remove(share)
        self.unanswered -= len(share.pairs)
        for pair in share.pairs.values():
            pair.drop("comparer_lost")
        share.pairs.clear()
        share.costly.clear()

    def quarantine(self, endpoint: str, until: float) -> None:
        """
        Pairs of this endpoint kill comparers, or cost too much: none of them is handed over until then.
        """
        self._kept_away = {name: end for name, end in self._kept_away.items() if end > self.now}
        self._kept_away[endpoint] = until
        self._drop_waiting("judge_error", lambda pair: pair.page.name == endpoint)

    def tick(self, now: float) -> list[Share]:
        """
        Called by the worker's one timer: what has waited too long ends. Returns the comparers that owe something and
        have been silent for as long.
        """
        self.now = now
        overdue = now - DEADLINE
        while self._waiting and self._waiting[0].since < overdue:
            self._forget(self._waiting.popleft(), "comparer_lost")
        for pair in self.costly.overdue(now):
            self._end(pair, "queue_full")
        if self._shares and self.costly.look(now, late=self._is_late(now)):
            self._sort()
        silent = [share for share in self._shares if share.pairs and share.heard < overdue]
        for share in self._shares:
            if share not in silent:
                self._expire(share, overdue)
        return silent

    def _expire(self, share: Share, overdue: float) -> None:
        """
        End what a comparer that goes on answering will answer too late.
        """
        while share.pairs and next(iter(share.pairs.values())).since < overdue:
            number = next(iter(share.pairs))
            share.costly.pop(number, None)
            self._end(share.pairs.pop(number), "comparer_lost")

    def drop_waiting(self, reason: str) -> None:
        """
        End what no comparer has yet.
        """
        self._drop_waiting(reason, lambda _: True)

    def drop_all(self, reason: str) -> None:
        """
        End everything.
        """
        self.drop_waiting(reason)
        for share in self._shares:
            self.unanswered -= len(share.pairs)
            for pair in share.pairs.values():
                pair.drop(reason)
            share.pairs.clear()
            share.costly.clear()

    def _drop_waiting(self, reason: str, chosen: Callable[[Pair], bool]) -> None:
        waiting, self._waiting = self._waiting, deque()
        for pair in waiting:
            if chosen(pair):
                self._forget(pair, reason)
            else:
                self._waiting.append(pair)
        for pair in self.costly.take_out(chosen):
            self._end(pair, reason)

    def _is_late(self, now: float) -> bool:
        """
        Whether something has waited long for its verdict, here or at a comparer.
        """
        late = now - LATE
        if self._waiting and self._waiting[0].since < late:
            return True
        return any(pair.since < late for share in self._shares for pair in _first(share))

    def _sort(self) -> None:
        """
        More endpoints are served last: what waits of them steps aside.
        """
        waiting, self._waiting = self._waiting, deque()
        for pair in waiting:
            if pair.page.name not in self.costly.names:
                self._waiting.append(pair)
                continue
            self._size -= pair.held
            if not self.costly.takes(pair):
                self._end(pair, "queue_full")

    def _forget(self, pair: Pair, reason: str) -> None:
        self._size -= pair.held
        self._end(pair, reason)

    def _end(self, pair: Pair, reason: str) -> None:
        self.unanswered -= 1
        pair.drop(reason)


def _first(share: Share) -> Iterable[Pair]:
    return (share.pairs[number] for number in list(share.pairs)[:1])


def _message(pair: Pair, number: int) -> list[bytes]:
    old, new = (pair.live, pair.shadow) if pair.live_side == 0 else (pair.shadow, pair.live)
    request, key = pair.request, pair.key()
    assert old.head is not None
    assert new.head is not None
    context = orjson.dumps(
        {
            "method": request.method.decode("latin-1"),
            "target": request.target.decode("latin-1"),
            "id": request.request_id.decode("latin-1"),
            "live": pair.live_side,
            "key": key.decode("latin-1"),
            "connected": [old.connected, new.connected],
            "ms": [(old.at - old.sent) * 1000, (new.at - new.sent) * 1000],
        }
    )
    flags = (
        (TWIN if pair.is_twin else RECHECK if pair.is_recheck else 0)
        | (OLD_CUT if old.digest is not None else 0)
        | (NEW_CUT if new.digest is not None else 0)
        | (KEYED if key else 0)
    )
    endpoint, route = pair.page.name.encode(), b"" if pair.way is None else pair.way.name.encode()
    heads = pack_head(old.head), pack_head(new.head)
    contents = old.body() if old.digest is None else _cut(old), new.body() if new.digest is None else _cut(new)
    return pack_pair((number, flags, endpoint, route, context, heads[0], contents[0], heads[1], contents[1]))


def _cut(side: Observation) -> bytes:
    assert side.digest is not None
    return pack_cut(side.size, side.digest.digest())
