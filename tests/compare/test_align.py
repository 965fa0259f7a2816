"""
Two sequences of names side by side.
"""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.align import LONGEST, Gap, gaps

NAMES = st.lists(st.integers(0, 6), max_size=40)


def kept(old: list[int], new: list[int]) -> list[tuple[int, int]]:
    """
    The indices of elements that are taken for the same ones.
    """
    at = other_at = 0
    pairs: list[tuple[int, int]] = []
    for gap in [*gaps(old, new), Gap(len(old), len(old), len(new), len(new))]:
        pairs += zip(range(at, gap.start), range(other_at, gap.other_start), strict=True)
        at, other_at = gap.end, gap.other_end
    return pairs


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("abc", "abc", []),
        ("abc", "xabc", [Gap(0, 0, 0, 1)]),
        ("abc", "ac", [Gap(1, 2, 1, 1)]),
        ("abcd", "xabCd", [Gap(0, 0, 0, 1), Gap(2, 3, 3, 4)]),
        ("aabb", "aab", [Gap(3, 4, 3, 3)]),
        ("", "ab", [Gap(0, 0, 0, 2)]),
        ("abab", "babab", [Gap(0, 0, 0, 1)]),
        ("ab", "cd", [Gap(0, 2, 0, 2)]),
    ],
)
def test_gaps_are_where_elements_were_added_taken_away_or_changed(old: str, new: str, found: list[Gap]) -> None:
    """
    And nowhere else.
    """
    assert gaps(old, new) == found


@given(NAMES, NAMES)
def test_what_lies_between_gaps_is_the_same_and_in_order(old: list[int], new: list[int]) -> None:
    """
    Gaps are in order, don't touch, and aren't empty on both sides.
    """
    found = gaps(old, new)

    assert all(old[one] == new[other] for one, other in kept(old, new))
    assert all(one.end <= other.start and one.other_end <= other.other_start for one, other in pairwise(found))
    assert all(gap.start < gap.end or gap.other_start < gap.other_end for gap in found)


@given(NAMES, NAMES)
def test_neither_sequence_is_preferred(old: list[int], new: list[int]) -> None:
    """
    With old and new changed the same elements find each other, so that signatures stay what they are.
    """
    if len(old) != len(new):
        assert kept(new, old) == [(other, one) for one, other in kept(old, new)]


@given(NAMES, st.data())
def test_one_element_more_is_one_gap(names: list[int], data: st.DataObject) -> None:
    """
    Wherever it stands, and whatever it is.
    """
    at = data.draw(st.integers(0, len(names)))
    more = [*names[:at], data.draw(st.integers(0, 9)), *names[at:]]

    (gap,) = gaps(names, more)

    assert (gap.end - gap.start, gap.other_end - gap.other_start) == (0, 1)


def test_long_ones_without_anything_in_common_are_one_gap() -> None:
    """
    Beyond the bound only both ends are looked at.
    """
    old, new = [-1, *range(LONGEST + 1), -2], [-1, *range(LONGEST, -1, -1), 7, -2]

    assert gaps(old, new) == [Gap(1, LONGEST + 2, 1, LONGEST + 3)]


def test_many_repeated_names_are_put_side_by_side_within_bounds() -> None:
    """
    Names that are nowhere unique: tables of small gaps only, then no more.
    """
    random = Random(7)
    old = [random.randrange(3) for _ in range(20_000)]
    new = [random.randrange(3) for _ in range(20_001)]

    assert all(old[one] == new[other] for one, other in kept(old, new))
