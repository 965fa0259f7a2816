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
from proxy.evidence.tally import DELAY, Counted, Tally
from proxy.metrics.books import IDENTICAL, Page

ENDPOINT = "GET /a"
SPOT: Spot = ("$.at", int(Kind.VALUE))


def judged(*, pairs: int = 0, bad: int = 0, twins: int = 0, twins_bad: int = 0) -> dict[str, Any]:
    """
    What a comparer saw of the one endpoint: so many pairs, so many of which differed at the one place.
    """
    return {
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
        for which, counted in enumerate(self.tally.look(totals)):
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
    tally.look(pages())
    tally.take(judged(pairs=10, bad=10, twins=10, twins_bad=10))
    twins, live = tally.look(pages(identical=90, same_twins=90))

    assert twins == {ENDPOINT: Counted(10, {SPOT: 10})}
    assert live == {ENDPOINT: Counted(90, {})}
    later = [tally.look(pages(identical=90, same_twins=90)) for _ in range(DELAY)]
    assert [found for found, _ in later if found] == [{ENDPOINT: Counted(90, {})}]
    assert [found for _, found in later if found] == [{ENDPOINT: Counted(10, {SPOT: 10})}]


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
        {**judged(), "noise": [["GET /a", "$.at", None, 1]]},
    ],
)
def test_what_has_another_shape_is_refused_whole(wrong: dict[str, Any]) -> None:
    """
    Nothing of it counts.
    """
    tally = Tally()
    tally.look(pages())
    with pytest.raises(LinkError):
        tally.take(wrong)

    assert tally.look(pages()) == ({}, {})
