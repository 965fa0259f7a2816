"""
What clients sent against what sides got: nothing may be lost, mixed up, doubled or copied that should not be.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.parts.load import Asked, Outcome
from tests.parts.sides import SIDES, Arrival

HARMLESS = (Outcome.RIGHT, Outcome.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """
    One request, and where it arrived: as itself and as a copy.
    """

    asked: Asked
    live: tuple[Arrival, ...] = ()
    copies: tuple[Arrival, ...] = ()

    def objections(self) -> list[str]:
        """
        What must never happen, whatever dies: an answer that isn't the request's own, a request that arrives twice, a
        copy of a write or at the side that answers.
        """
        asked, live, copies = self.asked, self.live, self.copies
        sides = [arrival.side for arrival in live]
        right = asked.outcome is Outcome.RIGHT
        return [
            f"{words}: {asked}, arrived {live}, copies {copies}"
            for broken, words in (
                (asked.outcome not in HARMLESS, f"was answered {asked.outcome}"),
                (right and sides != [asked.side], "answered, and arrived elsewhere or twice"),
                (len(live) > 1, "arrived twice"),
                (len(copies) > 1, "copied twice"),
                (bool(copies) and asked.method != "GET", "a write was copied"),
                (bool(copies) and copies[0].side in sides, "copied to the side that answers"),
            )
            if broken
        ]


def fates(asked: Iterable[Asked], arrivals: Iterable[Arrival]) -> list[Fate]:
    """
    Each request with its arrivals. An arrival that nobody sent is an AssertionError.
    """
    live: dict[int, list[Arrival]] = defaultdict(list)
    copies: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        (copies if arrival.copy else live)[arrival.number].append(arrival)
    found = [
        Fate(asked=one, live=tuple(live.pop(one.number, ())), copies=tuple(copies.pop(one.number, ()))) for one in asked
    ]
    assert not live, f"arrived, and nobody sent it: {live}"
    assert not copies, f"copied, and nobody sent it: {copies}"
    return found


def lost(asked: Iterable[Asked]) -> list[Asked]:
    """
    Those that were sent on an accepted connection and got no answer.
    """
    return [one for one in asked if one.outcome is Outcome.LOST]


def served(found: Iterable[Fate]) -> dict[str, int]:
    """
    How many arrived at each side, as themselves.
    """
    found = list(found)
    return {side: sum(arrival.side == side for fate in found for arrival in fate.live) for side in SIDES}
