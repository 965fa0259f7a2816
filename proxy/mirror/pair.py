"""
Two observations of one exchange, on their way to a verdict or a skip reason; whichever comes first, once.

A pair holds what both sides answered, within the budget, until both have ended; of content that is too long for that,
length and SHA-256. Byte-equal answers (status, compared
fields, content) are settled here: `identical`. The others go to whoever judges, and are settled by what he says.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from proxy.gates.tally import Tally
from proxy.metrics.books import DIVERGENT, FAILED, IDENTICAL, Page
from proxy.mirror.budget import Budget
from proxy.mirror.counting import UNJUDGED, count_copy, count_pair
from proxy.mirror.observation import Observation, same_bytes
from proxy.routing.ways import Way
from proxy.wire.answer import AnswerHead
from proxy.wire.forward import has_content
from proxy.wire.request import RequestHead

# Content up to here is read at all, unless mirror.max_body is more: SHA-256 takes 0.6 ms a MiB where the processor
# helps, and 2 ms where it doesn't.
LONGEST = 64 * 2**20
# How much longer than the live answer the copy's may be and still be read at full speed, in bytes.
SLACK = 65536
# Answers to a request's validators (RFC 9110 §13): if one side gives one, and the other not, nothing can be said.
CONDITIONAL = frozenset({206, 304, 412})


class Judge(Protocol):
    """
    Who judges pairs that aren't byte-equal; not `active`, they are divergent.
    """

    active: bool

    def take(self, pair: "Pair") -> None:
        """
        A complete pair; sooner or later `conclude` or `drop` is called on it.
        """

    def drop_waiting(self, reason: str) -> None:
        """
        End what nobody has begun with.
        """


class Nobody:
    """
    A judge of nothing.
    """

    active = False

    def take(self, pair: "Pair") -> None:
        """
        Never called.
        """

    def drop_waiting(self, reason: str) -> None:
        """
        There is nothing.
        """


class Shadow(Protocol):
    """
    The shadow leg as a pair sees it.
    """

    def stop(self) -> None:
        """
        End the copy without an observation.
        """

    def overran(self) -> None:
        """
        The copy's answer is over the limit where the live one was not.
        """

    def live_went_on(self) -> None:
        """
        The live answer, which the copy's must not be far ahead of, is longer now, or complete.
        """


class Pairs:
    """
    What the pairs of one worker share: the budget, `max_body` (bytes a side), those `open`, who judges them, who counts
    events of them, and who looks at divergent ones, and at their signature (0: none), before their bytes are let go.
    """

    __slots__ = ("budget", "judge", "max_body", "on_divergent", "open", "tally")

    def __init__(
        self, budget: Budget, max_body: int, on_divergent: "Callable[[Pair, int], None]", judge: Judge | None = None
    ) -> None:
        self.budget = budget
        self.max_body = max_body
        self.on_divergent = on_divergent
        self.judge: Judge = judge or Nobody()
        self.open: set[Pair] = set()
        self.tally = Tally()

    def under(self, max_body: int) -> "Pairs":
        """
        For pairs under another limit, which keep to it; all else is shared, so that nothing is lost count of.
        """
        pairs = Pairs(self.budget, max_body, self.on_divergent, self.judge)
        pairs.open, pairs.tally = self.open, self.tally
        return pairs

    def of_twins(self) -> "Pairs":
        """
        For pairs with a twin: the same, but nobody looks at them, and no event is counted of them.
        """
        pairs = Pairs(self.budget, self.max_body, lambda _pair, _signature: None, self.judge)
        pairs.open = self.open
        return pairs

    def drop_all(self, reason: str) -> None:
        """
        End every open pair without a verdict, for `reason`.
        """
        for pair in list(self.open):
            pair.drop(reason)


class Pair:
    """
    `live_side` is 0 (old) or 1 (new); `settled` turns true exactly once, and with it one entry in the books is made;
    until then `held` bytes are taken from the budget. `address` is the client's, `way` what its route makes of the
    request, `lines` are those that were added to it; `later`: the copy waits for the live answer; `paired`: the two
    latencies can be compared.
    """

    __slots__ = (
        "_pairs", "address", "held", "later", "lines", "live", "live_side", "page", "paired", "request", "settled",
        "shadow", "shadow_leg", "since", "twin", "way",
    )  # fmt: skip

    # Coarse seconds: when it was handed over, if it was.
    since: float
    lines: bytes
    # Both sides are old.
    is_twin = False
    # It was judged before, and both sides were asked again.
    is_recheck = False

    def __init__(self, pairs: Pairs, request: RequestHead, page: Page, live_side: int) -> None:
        self.request = request
        self.page = page
        self.live_side = live_side
        self.address = b""
        self.way: Way | None = None
        self.live = Observation()
        self.shadow = Observation()
        self.shadow_leg: Shadow | None = None
        self.twin: TwinPair | None = None
        self.settled = self.later = self.paired = False
        self._pairs = pairs
        self.held = 0
        pairs.open.add(self)

    def key(self) -> bytes:
        """
        What the client is known by, b"" if by nothing.
        """
        if self.way is None or self.way.find is None:
            return b""
        return self.way.find(self.request, self.address)

    def hold(self, size: int) -> bool:
        """
        Take `size` bytes from the budget for this pair; refused, the pair is dropped and False comes back.
        """
        if self.settled:
            return False
        if self._pairs.budget.take(size):
            self.held += size
            return True
        self.drop("memory_budget")
        return False

    def keep(self, observation: Observation, data: bytes) -> None:
        """
        Keep a piece of one side's content, or drop the pair when it is over the budget. Over `mirror.max_body`, only
        length and digest are kept.
        """
        size = len(data)
        observation.size += size
        if observation.size > self._pairs.max_body or observation.digest is not None:
            self._digest(observation, data)
        elif self.hold(size):
            observation.content.append(data)

    def _digest(self, observation: Observation, data: bytes) -> None:
        """
        A piece of content of which there is too much to keep. A copy's answer may not outgrow the live one then: it
        could be endless.
        """
        if observation.digest is None:
            observation.digest = sha256()
            for piece in observation.content:
                observation.digest.update(piece)
            kept = observation.size - len(data)
            observation.content = []
            self.held -= kept
            self._pairs.budget.give(kept)
        observation.digest.update(data)
        live = self.live
        if observation.size > max(LONGEST, self._pairs.max_body):
            self._overran(observation)
        elif observation is live:
            self._went_on()
        elif live.done and observation.size > live.size + SLACK:
            self._overran(observation)

    def _went_on(self) -> None:
        if self.shadow_leg is not None:
            self.shadow_leg.live_went_on()

    def _overran(self, observation: Observation) -> None:
        """
        One side's content is longer than is read.
        """
        if observation is self.shadow and self.live.done and self.shadow_leg is not None:
            self.shadow_leg.overran()
        self.drop("body_too_large")

    def announced(self, observation: Observation, head: AnswerHead) -> None:
        """
        An answer's head came: what it says of its length or kind may settle that there is nothing to compare, or to
        keep.
        """
        if head.stream:
            self.drop("streaming")
        elif head.length > self._pairs.max_body and has_content(head, self.request.method == b"HEAD"):
            if head.length > LONGEST:
                self.drop("body_too_large")
            else:
                observation.digest = sha256()

    def ended(self, observation: Observation, cause: str | None) -> None:
        """
        One side has ended; with the second, the pair is settled.
        """
        observation.done = True
        observation.cause = cause
        copies = self._pairs.tally.copies
        if copies is not None and observation is self.shadow and (sheets := copies[1 - self.live_side]):
            count_copy(sheets, self, observation)
        if observation is self.live and (self.later or self.shadow.digest is not None):
            self._went_on()
        if self.live.done and self.shadow.done and not self.settled:
            self._settle()

    def drop(self, reason: str) -> None:
        """
        End without a verdict, for `reason`; the shadow leg is stopped.
        """
        if self.settled:
            return
        self.page.skip(self.live_side, reason)
        if (sheet := self._pairs.tally.pairs) is not None and self.live.done and self.shadow.done:
            count_pair(sheet, self, UNJUDGED)
        leg, twin = self.shadow_leg, self.twin
        self._release()
        if leg is not None:
            leg.stop()
        if twin is not None:
            twin.drop(reason)

    def _settle(self) -> None:
        """
        The verdict, as far as bytes can tell.
        """
        live, shadow, page, side = self.live, self.shadow, self.page, self.live_side
        verdict = UNJUDGED
        if self.twin is not None:
            self.twin.observe(shadow if side else live)
            self.twin = None
        if live.cause is not None or shadow.cause is not None:
            if live.cause is not None and shadow.cause is not None:
                page.skip(side, "both_failed")
            else:
                page.judged(side, verdict := FAILED)
                page.failed[side if live.cause is not None else 1 - side] += 1
        elif live.head is None or shadow.head is None:
            page.skip(side, "judge_error")
        else:
            if self.later:
                page.leave_unpaired(side, "later")
            elif live.paused or shadow.paused:
                page.leave_unpaired(side, "paused")
            elif live.connected is not shadow.connected and (live.head if live.connected else shadow.head).reusable:
                page.leave_unpaired(side, "connect")
            else:
                self.paired = True
                old, new = (live, shadow) if side == 0 else (shadow, live)
                page.compared(side, old.at - old.sent, new.at - new.sent)
            if same_bytes(live, shadow):
                page.judged(side, verdict := IDENTICAL)
            elif self.request.validators and (live.head.status in CONDITIONAL) != (shadow.head.status in CONDITIONAL):
                page.skip(side, "conditional")
            elif self._pairs.judge.active:
                self._hand_over()
                return
            else:
                page.judged(side, verdict := DIVERGENT)
                self._pairs.on_divergent(self, 0)
        if (sheet := self._pairs.tally.pairs) is not None:
            count_pair(sheet, self, verdict)
        self._release()

    def _hand_over(self) -> None:
        """
        Bytes can't tell. Nothing is under way any more that others would have to end.
        """
        self._pairs.open.discard(self)
        self.shadow_leg = None
        self._pairs.judge.take(self)

    def conclude(self, verdict: int, kinds: int, signature: int) -> None:
        """
        The verdict, from whoever it was handed over to; `kinds` is a mask.
        """
        page = self.page
        page.judged(self.live_side, verdict)
        if kinds:
            page.differed(kinds)
        if (sheet := self._pairs.tally.pairs) is not None:
            count_pair(sheet, self, verdict)
        if verdict == DIVERGENT:
            self._pairs.on_divergent(self, signature)
        self._release()

    def _release(self) -> None:
        """
        Let go of everything, so that no cycle is left to collect.
        """
        self.settled = True
        self._pairs.open.discard(self)
        self._pairs.budget.give(self.held)
        self.held = 0
        self.live.content = self.shadow.content = []
        self.shadow_leg = self.twin = None


class TwinPair(Pair):
    """
    What old answered, as "live", and what its twin did, as "shadow", when both had the same request at the same time.
    Its page is one of twins (`metrics.books.Page.twins`): it is no exchange, and no verdict of one.
    """

    __slots__ = ()

    is_twin = True

    def observe(self, old: Observation) -> None:
        """
        The exchange has ended, and so has old's answer. What is kept of it is kept once, and counted twice.
        """
        live = self.live
        if old.cause is not None or not self.hold(0 if old.digest is not None else old.size):
            self.drop("both_failed")
            return
        live.head, live.content, live.digest, live.size = old.head, old.content, old.digest, old.size
        live.sent, live.at, live.paused = old.sent, old.at, old.paused
        self.ended(live, None)


class RecheckPair(TwinPair):
    """
    What old and new answer to a request that they have answered before. Its page is a `metrics.books.RecheckPage`.
    """

    __slots__ = ()

    is_twin = False
    is_recheck = True


class Unkept(Pair):
    """
    A pair whose contents are let go as they come, because the worker has too much to do. There is nothing to compare,
    so it ends as `memory_budget`, failed or not: if only failures were told, they would seem to be all there is.
    """

    __slots__ = ()

    def keep(self, observation: Observation, data: bytes) -> None:
        """
        Count a piece of one side's content.
        """
        observation.size += len(data)
        if observation.size > self._pairs.max_body:
            self._overran(observation)

    def _settle(self) -> None:
        self.page.skip(self.live_side, "memory_budget")
        self._release()
