"""
Two observations of one exchange, on their way to a verdict or a skip reason; whichever comes first, once.

A pair holds what both sides answered, within the budget, until both have ended. Byte-equal answers (status, compared
fields, content) are settled here: `identical`.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Protocol

from proxy.metrics.books import DIVERGENT, FAILED, IDENTICAL, Page
from proxy.mirror.budget import Budget
from proxy.wire.answer import AnswerHead
from proxy.wire.forward import has_content
from proxy.wire.request import RequestHead

# Answers to a request's validators (RFC 9110 §13): if one side gives one, and the other not, nothing can be said.
CONDITIONAL = frozenset({206, 304, 412})


class Observation:
    """
    What one side did: `head` None without an answer, `cause` why it is not complete, `sent` and `at` clock readings.
    """

    __slots__ = ("at", "cause", "content", "done", "head", "paused", "sent", "size")

    def __init__(self) -> None:
        self.head: AnswerHead | None = None
        self.content: list[bytes] = []
        self.size = 0
        self.sent = 0.0
        self.at = 0.0
        self.done = False
        self.paused = False
        self.cause: str | None = None

    def body(self) -> bytes:
        """
        The whole content.
        """
        return self.content[0] if len(self.content) == 1 else b"".join(self.content)


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


class Pairs:
    """
    What the pairs of one worker share: the budget, `max_body` (bytes a side), those `open`, and who looks at divergent
    ones before their bytes are let go.
    """

    __slots__ = ("budget", "max_body", "on_divergent", "open")

    def __init__(self, budget: Budget, max_body: int, on_divergent: "Callable[[Pair], None]") -> None:
        self.budget = budget
        self.max_body = max_body
        self.on_divergent = on_divergent
        self.open: set[Pair] = set()

    def under(self, max_body: int) -> "Pairs":
        """
        For pairs under another limit, which keep to it; all else is shared, so that nothing is lost count of.
        """
        pairs = Pairs(self.budget, max_body, self.on_divergent)
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
    `live_side` is 0 (old) or 1 (new); `settled` turns true exactly once, and with it one entry in the books is made.
    """

    __slots__ = ("_held", "_pairs", "live", "live_side", "page", "request", "settled", "shadow", "shadow_leg")

    def __init__(self, pairs: Pairs, request: RequestHead, page: Page, live_side: int) -> None:
        self.request = request
        self.page = page
        self.live_side = live_side
        self.live = Observation()
        self.shadow = Observation()
        self.shadow_leg: Shadow | None = None
        self.settled = False
        self._pairs = pairs
        self._held = 0
        pairs.open.add(self)

    def hold(self, size: int) -> bool:
        """
        Take `size` bytes from the budget for this pair; refused, the pair is dropped and False comes back.
        """
        if self.settled:
            return False
        if self._pairs.budget.take(size):
            self._held += size
            return True
        self.drop("memory_budget")
        return False

    def keep(self, observation: Observation, data: bytes) -> None:
        """
        Keep a piece of one side's content, or drop the pair when it is over `mirror.max_body` or the budget.
        """
        size = len(data)
        observation.size += size
        if observation.size > self._pairs.max_body:
            self._overran(observation)
        elif self.hold(size):
            observation.content.append(data)

    def _overran(self, observation: Observation) -> None:
        """
        One side's content is over `mirror.max_body`.
        """
        if observation is self.shadow and self.live.done and self.shadow_leg is not None:
            self.shadow_leg.overran()
        self.drop("body_too_large")

    def announced(self, head: AnswerHead) -> None:
        """
        An answer's head came: what it says of its length or kind may settle that there is nothing to compare.
        """
        if head.stream:
            self.drop("streaming")
        elif head.length > self._pairs.max_body and has_content(head, self.request.method == b"HEAD"):
            self.drop("body_too_large")

    def ended(self, observation: Observation, cause: str | None) -> None:
        """
        One side has ended; with the second, the pair is settled.
        """
        observation.done = True
        observation.cause = cause
        if self.live.done and self.shadow.done and not self.settled:
            self._settle()

    def drop(self, reason: str) -> None:
        """
        End without a verdict, for `reason`; the shadow leg is stopped.
        """
        if self.settled:
            return
        self.page.skip(self.live_side, reason)
        leg = self.shadow_leg
        self._release()
        if leg is not None:
            leg.stop()

    def _settle(self) -> None:
        """
        The verdict, as far as bytes can tell.
        """
        live, shadow, page, side = self.live, self.shadow, self.page, self.live_side
        if live.cause is not None or shadow.cause is not None:
            if live.cause is not None and shadow.cause is not None:
                page.skip(side, "both_failed")
            else:
                page.judged(side, FAILED)
                page.failed[side if live.cause is not None else 1 - side] += 1
        elif live.head is None or shadow.head is None:
            page.skip(side, "judge_error")
        else:
            if not live.paused and not shadow.paused:
                delta = (shadow.at - shadow.sent) - (live.at - live.sent)
                page.compared(side, delta if side == 0 else -delta)
            if same_bytes(live, shadow):
                page.judged(side, IDENTICAL)
            elif self.request.validators and (live.head.status in CONDITIONAL) != (shadow.head.status in CONDITIONAL):
                page.skip(side, "conditional")
            else:
                page.judged(side, DIVERGENT)
                self._pairs.on_divergent(self)
        self._release()

    def _release(self) -> None:
        """
        Let go of everything, so that no cycle is left to collect.
        """
        self.settled = True
        self._pairs.open.discard(self)
        self._pairs.budget.give(self._held)
        self._held = 0
        self.live.content = self.shadow.content = []
        self.shadow_leg = None


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


def same_bytes(one: Observation, other: Observation) -> bool:
    """
    Same status, same compared fields (their order by name aside), same content.
    """
    if one.head is None or other.head is None or one.head.status != other.head.status or one.size != other.size:
        return False
    mine, theirs = one.head.significant, other.head.significant
    if mine != theirs and sorted(mine, key=itemgetter(0)) != sorted(theirs, key=itemgetter(0)):
        return False
    return one.content == other.content or one.body() == other.body()
