"""
Counts of two origins, put together so that whichever comes late accuses nobody.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.compare.difference import Kind
from proxy.errors import LinkError
from proxy.evidence.noise import Spot
from proxy.evidence.tally import DELAY, Counted, Judged, Tally
from proxy.metrics.books import IDENTICAL, Page

ENDPOINT = "GET /a"
SPOT: Spot = ("$.at", int(Kind.VALUE))


def judged(*, pairs: int = 0, bad: int = 0, twins: int = 0, twins_bad: int = 0, version: int = 1) -> dict[str, Any]:
    """
    What a comparer saw of the one endpoint: so many pairs, so many of which differed at the one place.
    """
    return {
        "version": version,
        "pairs": {ENDPOINT: pairs} if pairs else {},
        "twins": {ENDPOINT: twins} if twins else {},
        "live": [[ENDPOINT, *SPOT, bad]] if bad else [],
        "noise": [[ENDPOINT, *SPOT, twins_bad]] if twins_bad else [],
    }


def pages(*, identical: int = 0, same_twins: int = 0) -> dict[str, Page]:
    """
    Workers' totals so far.
    """
    page = Page(ENDPOINT)
    page.verdicts[0][IDENTICAL] = identical
    page.twins[0] = same_twins
    return {ENDPOINT: page}


class Sums:
    """
    All that came out of a tally.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self.pairs = [0, 0]
        self.bad: list[Counter[Spot]] = [Counter(), Counter()]

    def look(self, totals: Mapping[str, Page]) -> None:
        """
        Add what there is now, twins first.
        """
        twins, live = self.tally.look(totals, 1)
        for which, counted in [(0, twins), *((1, one.counted) for one in live)]:
            for one in counted.values():
                self.pairs[which] += one.pairs
                self.bad[which].update(one.bad)


def test_in_the_end_every_pair_counts_once() -> None:
    """
    Those of comparers and those of workers, from the first look on.
    """
    sums = Sums()
    sums.look(pages(identical=1000, same_twins=500))
    sums.tally.take(judged(pairs=3, bad=2, twins=5, twins_bad=4))
    sums.tally.take(judged(pairs=1, bad=1))
    sums.look(pages(identical=1010, same_twins=520))
    for _ in range(DELAY):
        sums.look(pages(identical=1010, same_twins=520))

    assert sums.pairs == [25, 14]
    assert [dict(bad) for bad in sums.bad] == [{SPOT: 4}, {SPOT: 3}]


def test_what_workers_counted_before_the_first_look_is_left_out() -> None:
    """
    Comparers told it to a predecessor.
    """
    sums = Sums()
    for _ in range(DELAY + 2):
        sums.look(pages(identical=1000, same_twins=1000))

    assert sums.pairs == [0, 0]


def test_a_delay_never_accuses_new() -> None:
    """
    Of old and new, pairs that are the same count first; of old and its twin, those that differ.
    """
    tally = Tally()
    for _ in range(DELAY):
        tally.look(pages(), 1)
    tally.take(judged(pairs=10, bad=10, twins=10, twins_bad=10))
    twins, live = tally.look(pages(identical=90, same_twins=90), 1)

    assert twins == {ENDPOINT: Counted(10, {SPOT: 10})}
    assert live == [Judged(1, {ENDPOINT: Counted(90, {})})]
    later = [tally.look(pages(identical=90, same_twins=90), 1) for _ in range(DELAY)]
    assert [found for found, _ in later if found] == [{ENDPOINT: Counted(90, {})}]
    assert [found for _, [(_, found)] in later if found] == [{ENDPOINT: Counted(10, {SPOT: 10})}]


def test_pairs_count_for_the_oldest_table_that_any_comparer_judged_by_then() -> None:
    """
    The same ones for that of now, the different ones, which come late, for that of when they were judged; for none
    while no comparer is there to find what differs.
    """
    tally = Tally()
    for _ in range(DELAY):
        tally.look(pages(), 4)
    found = []
    for turn, (everywhere, versions) in enumerate(
        [(4, (4, 4)), (4, (4, 5)), (5, (4, 5)), (5, (5, 5)), (0, ()), (5, ())]
    ):
        for version in versions:
            tally.take(judged(pairs=1, bad=1, version=version))
        _, live = tally.look(pages(identical=10 * (turn + 1)), everywhere)
        found.append([(one.version, one.counted[ENDPOINT]) for one in live if one.counted])
    for _ in range(DELAY):
        _, live = tally.look(pages(identical=60), 5)
        found.append([(one.version, one.counted[ENDPOINT]) for one in live if one.counted])

    same, different = Counted(10, {}), Counted(2, {SPOT: 2})
    assert found[:DELAY] == [[(4, same)]] * DELAY
    assert found[DELAY:] == [
        [(5, same), (4, different)],
        [(0, same), (4, different)],
        [(5, same), (4, different)],
        [(5, different)],
        [],
        [],
    ]


def test_totals_that_shrink_are_no_pairs() -> None:
    """
    A worker's totals may be forgotten when it is long dead.
    """
    sums = Sums()
    for identical in (100, 40, 45):
        sums.look(pages(identical=identical))

    assert sums.pairs[1] == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {**judged(), "twins": []},
        {**judged(), "pairs": {"GET /a": "many"}},
        {**judged(), "live": [["GET /a", "$.at", 4]]},
        {**judged(), "noise": 7},
        {**judged(), "version": None},
        {**judged(), "noise": [["GET /a", "$.at", None, 1]]},
    ],
)
def test_what_has_another_shape_is_refused_whole(wrong: dict[str, Any]) -> None:
    """
    Nothing of it counts.
    """
    tally = Tally()
    tally.look(pages(), 1)
    with pytest.raises(LinkError):
        tally.take(wrong)

    assert all(not one.counted for _, live in [tally.look(pages(), 1) for _ in range(DELAY + 1)] for one in live)
