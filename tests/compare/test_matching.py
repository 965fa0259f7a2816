"""
Partners: as many as possible, and who is left over doesn't depend on who asks.
"""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.matching import Asking, Effort, Exhausted, Matching

MOST = 5
Pairs = frozenset[tuple[int, int]]
GRAPHS = st.frozensets(st.tuples(st.integers(0, MOST - 1), st.integers(0, MOST - 1)))


def matched(graph: Pairs, known: Pairs = frozenset(), *, size: int = MOST) -> Pairs:
    """
    Who belongs together, of those that may.
    """
    asking = Asking(lambda one, other: (one, other) in graph, 1, Effort())
    matching = Matching(range(size), range(size), sorted(known), asking)
    matching.take_free()
    matching.improve()
    return frozenset(matching.pairs)


def firsts(graph: Pairs) -> tuple[list[int], list[int]]:
    """
    Who should have partners on either side: all ways are tried, and those preferred that stand first.
    """
    ways = [frozenset(enumerate(way)) & graph for way in permutations(range(MOST))]
    most = max(map(len, ways))
    best = [way for way in ways if len(way) == most]
    return min(sorted(one for one, _ in way) for way in best), min(sorted(other for _, other in way) for way in best)


@given(GRAPHS, st.randoms(use_true_random=False).map(lambda random: random.sample(range(MOST), MOST)))
def test_as_many_as_possible_have_partners_and_those_that_stand_first(graph: Pairs, order: list[int]) -> None:
    """
    On either side, wherever it began.
    """
    known = frozenset(enumerate(order)) & graph

    pairs = matched(graph, known)

    assert pairs <= graph
    assert (sorted(one for one, _ in pairs), sorted(other for _, other in pairs)) == firsts(graph)


def test_a_partner_changes_hands_through_any_number_of_others() -> None:
    """
    The last one fits only where the first one is, and so on.
    """
    size = 200
    graph = frozenset((one, other) for one in range(size) for other in (one - 1, one) if 0 <= other < size - 1)
    known = frozenset((one, one) for one in range(size - 1))
    graph |= {(0, size - 1)}

    pairs = matched(graph, known, size=size)

    assert pairs == {(0, size - 1), *((one, one - 1) for one in range(1, size))}


def test_looking_ends_with_the_effort() -> None:
    """
    What was found until then stands, whatever was asked before.
    """
    effort = Effort()
    effort.left = 50
    asking = Asking(lambda one, other: one // 10 == other // 10, 1, effort)
    matching = Matching(range(100), range(100), [], asking)

    with pytest.raises(Exhausted):
        matching.take_free()

    assert [(one, other) for one, other in matching.pairs if one != other] == []
    assert 0 < len(matching.pairs) <= 50


def test_nobody_is_asked_twice() -> None:
    """
    However often an answer is needed.
    """
    asked: list[tuple[int, int]] = []

    def alike(one: int, other: int) -> bool:
        asked.append((one, other))
        return other <= one // 2

    matching = Matching(range(8), range(8), [], Asking(alike, 1, Effort()))
    matching.take_free()
    matching.improve()

    assert len(asked) == len(set(asked))
    assert len(matching.pairs) == 4


def test_where_everyone_finds_a_free_partner_no_others_are_asked() -> None:
    """
    Each pair costs one look.
    """
    effort = Effort()
    before = effort.left
    matching = Matching(range(50), range(50), [], Asking(lambda one, other: one == other, 1, effort))

    matching.take_free()
    matching.improve()

    assert (len(matching.pairs), before - effort.left) == (50, 50)
