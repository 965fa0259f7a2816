"""
Two sequences of names side by side: which elements are the same ones, when some were added or taken away.

By anchors, as in "patience diff": names that both have exactly once, as many of them as keep their order; then the same
between them. Takes time in proportion to the lengths (times their logarithm), whatever the sequences.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

# Longer ones are only compared from both ends.
LONGEST: Final = 50_000
# Anchors within gaps between anchors within gaps …
MOST_ROUNDS: Final = 16
# Without anchors, gaps of so many times so many elements are looked at as a table.
TABLE: Final = 2_500
# Cells of all tables together.
CELLS: Final = 200_000


class Gap(NamedTuple):
    """
    Elements from `start` to `end` on the one side are in the place of those on the other.
    """

    start: int
    end: int
    other_start: int
    other_end: int


def gaps(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Gap]:
    """
    Where the sequences differ, in order; what lies between gaps is the same on both sides. Of several ways to put them
    side by side it is the same one whichever is the old one.
    """
    if len(old) > len(new):
        return [Gap(gap.other_start, gap.other_end, gap.start, gap.end) for gap in gaps(new, old)]
    whole = _trimmed(old, new, Gap(0, len(old), 0, len(new)))
    if max(whole.end - whole.start, whole.other_end - whole.other_start) > LONGEST:
        return [whole]
    cells = CELLS
    waiting = [(whole, 0)]
    found: list[Gap] = []
    while waiting:
        gap, rounds = waiting.pop()
        if gap.start == gap.end or gap.other_start == gap.other_end or rounds == MOST_ROUNDS:
            if gap.start < gap.end or gap.other_start < gap.other_end:
                found.append(gap)
            continue
        anchors = _anchors(old, new, gap)
        area = (gap.end - gap.start) * (gap.other_end - gap.other_start)
        if not anchors and area <= min(TABLE, cells):
            cells -= area
            anchors = _table(old, new, gap)
        if not anchors:
            found.append(gap)
            continue
        waiting += [(_trimmed(old, new, between), rounds + 1) for between in _between(gap, anchors)]
    return sorted(found)


def _trimmed(old: Sequence[Hashable], new: Sequence[Hashable], gap: Gap) -> Gap:
    """
    Without what both begin and end with.
    """
    start, end, other_start, other_end = gap
    while start < end and other_start < other_end and old[start] == new[other_start]:
        start += 1
        other_start += 1
    while start < end and other_start < other_end and old[end - 1] == new[other_end - 1]:
        end -= 1
        other_end -= 1
    return Gap(start, end, other_start, other_end)


def _between(gap: Gap, anchors: Sequence[tuple[int, int]]) -> Iterator[Gap]:
    ends = [(gap.start - 1, gap.other_start - 1), *anchors, (gap.end, gap.other_end)]
    for (one, other), (next_one, next_other) in pairwise(ends):
        yield Gap(one + 1, next_one, other + 1, next_other)


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable], gap: Gap) -> list[tuple[int, int]]:
    """
    Places of names that both sides of a gap have exactly once: the longest chain of them that rises on both.
    """
    ours = Counter(old[gap.start : gap.end])
    theirs = Counter(new[gap.other_start : gap.other_end])
    places = {new[index]: index for index in range(gap.other_start, gap.other_end) if theirs[new[index]] == 1}
    pairs = [
        (index, places[old[index]])
        for index in range(gap.start, gap.end)
        if ours[old[index]] == 1 and old[index] in places
    ]
    return _rising(pairs)


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    The longest selection in which the second numbers rise too (patience sorting).
    """
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, other) in enumerate(pairs):
        pile = bisect_left(tails, other)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tails):
            tails.append(other)
            ends.append(number)
        else:
            tails[pile] = other
            ends[pile] = number
    chain = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _table(old: Sequence[Hashable], new: Sequence[Hashable], gap: Gap) -> list[tuple[int, int]]:
    """
    The longest common subsequence of a small gap.
    """
    ours, theirs = old[gap.start : gap.end], new[gap.other_start : gap.other_end]
    rows = [[0] * (len(theirs) + 1)]
    for one in reversed(ours):
        below, row = rows[-1], [0] * (len(theirs) + 1)
        for at in range(len(theirs) - 1, -1, -1):
            row[at] = below[at + 1] + 1 if one == theirs[at] else max(below[at], row[at + 1])
        rows.append(row)
    rows.reverse()
    chain = []
    one_at = other_at = 0
    while one_at < len(ours) and other_at < len(theirs):
        if ours[one_at] == theirs[other_at]:
            chain.append((gap.start + one_at, gap.other_start + other_at))
            one_at += 1
            other_at += 1
        elif rows[one_at + 1][other_at] >= rows[one_at][other_at + 1]:
            one_at += 1
        else:
            other_at += 1
    return chain
