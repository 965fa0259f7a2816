"""
Which elements of two arrays belong together, where one may belong to several: as many as possible get a partner
(augmenting paths, as Berge and Kuhn have it), and who is left over depends on the elements alone.

On both sides those that stand first have partners before those behind them, however many others have to change theirs
for that. Sets of elements that can all have partners at once are a matroid, so that says exactly which ones; and one
choice of partners does it for both sides (Mendelsohn and Dulmage). So it is the same whichever side is called old.
"""

from collections.abc import Callable, Sequence
from typing import Final

Mates = dict[int, int]
# Old and new elements, by what they are called here.
OLD: Final = 0
NEW: Final = 1
# Values looked at to find partners for elements that no name tells apart, in one pair of answers: half a second of it.
EFFORT: Final = 100_000
# Pairs that were asked about are looked up so many times faster than they are asked about.
LOOKED_UP: Final = 64


class Exhausted(Exception):
    """
    Enough was looked at.
    """


class Effort:
    """
    What may still be spent on trying.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = EFFORT

    def spend(self, cost: int) -> bool:
        """
        Whether there was enough left.
        """
        self.left -= cost
        return self.left >= 0


class Asking:
    """
    Asks whether an old and a new element are alike, each pair once, for so much of an effort.
    """

    __slots__ = ("_alike", "_answers", "_cost", "_effort")

    def __init__(self, alike: Callable[[int, int], bool], cost: int, effort: Effort) -> None:
        self._alike = alike
        self._cost = cost
        self._effort = effort
        self._answers: dict[tuple[int, int], bool] = {}

    def __call__(self, old: int, new: int) -> bool:
        """
        Are they? Raises `Exhausted`.
        """
        answer = self._answers.get((old, new))
        if answer is None:
            self.spend(self._cost)
            answer = self._answers[old, new] = self._alike(old, new)
        return answer

    def spend(self, cost: int) -> None:
        """
        Raises `Exhausted`.
        """
        if not self._effort.spend(cost):
            raise Exhausted


class Matching:
    """
    Partners of some old and new elements, by their indices; `known` have each other already.
    """

    def __init__(
        self, old: Sequence[int], new: Sequence[int], known: Sequence[tuple[int, int]], asking: Asking
    ) -> None:
        self._sides = old, new
        # Of either side's elements, those of the other.
        self._mates: tuple[Mates, Mates] = dict(known), {other: one for one, other in known}
        self._asking = asking

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """
        Who belongs together by now.
        """
        return list(self._mates[OLD].items())

    def take_free(self) -> None:
        """
        Each old element gets the first partner that nobody has. Raises `Exhausted`, as the next one.
        """
        for one in self._free(OLD):
            for other in self._free(NEW):
                if self._asking(one, other):
                    self._pair(OLD, one, other)
                    break

    def improve(self) -> None:
        """
        Let partners change hands, until nobody could have one who stands before somebody that has.
        """
        for side in (OLD, NEW):
            for one in self._free(side):
                self._displace(side, one)

    def _free(self, side: int) -> list[int]:
        return [index for index in self._sides[side] if index not in self._mates[side]]

    def _pair(self, side: int, one: int, other: int) -> None:
        self._mates[side][one] = other
        self._mates[1 - side][other] = one

    def _displace(self, side: int, one: int) -> None:
        """
        An element gets somebody's partner, who gets another's, and so on: up to one that nobody has, or else up to that
        of the last element that can be reached so, if it stands behind this one.
        """
        mates = self._mates[side]
        may_grow = side == OLD and len(mates) < len(self._sides[NEW])
        if not mates or not (may_grow or max(mates) > one):
            return
        came, end = self._reach(side, one)
        if end is not None:
            self._pair(side, *end)
            last = end[0]
        else:
            last = max(came, default=one)
            if last <= one:
                return
            del mates[last]
        while last in came:
            last, other = came[last]
            self._pair(side, last, other)

    def _reach(self, side: int, one: int) -> tuple[dict[int, tuple[int, int]], tuple[int, int] | None]:
        """
        Whose partners could change hands so that this element gets one: from whom each would be asked for which. And
        who would take which free one, if there is any.
        """
        came: dict[int, tuple[int, int]] = {}
        asking, unseen = [one], list(self._sides[1 - side])
        for asks in asking:
            self._asking.spend(1 + len(unseen) // LOOKED_UP)
            left = []
            for other in unseen:
                if not (self._asking(asks, other) if side == OLD else self._asking(other, asks)):
                    left.append(other)
                    continue
                owner = self._mates[1 - side].get(other)
                if owner is None:
                    return came, (asks, other)
                came[owner] = asks, other
                asking.append(owner)
            unseen = left
        return came, None
