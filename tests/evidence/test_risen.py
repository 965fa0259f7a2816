"""
What has become more frequent of late, and what was always there.
"""

from math import inf
from random import Random

import pytest

from proxy.evidence.risen import EVERY, MARKS, Mark, Rises


def story(*rates: float, pairs: int = 60, seed: int = 1, last: int = MARKS) -> float:
    """
    Evidence after so many pairs of one endpoint in each span of `EVERY` seconds, at these rates of one signature; only
    the last so many spans are of interest.
    """
    dice, rises, bad, n = Random(seed), Rises(), 0, 0
    for number, rate in enumerate(rates):
        rises.note(Mark(at=number * EVERY, counts={"s": bad} if bad else {}, judged={"e": n} if n else {}))
        bad += sum(dice.random() < rate for _ in range(pairs))
        n += pairs
    return rises.risen("s", "e", bad, n, last=last)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_what_was_always_there_has_not_risen(rate: float) -> None:
    """
    However frequent it is.
    """
    assert story(*[rate] * 20) == -inf


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.5), (0.1, 0.6), (0.0, 1.0), (0.3, 0.9)])
def test_what_comes_more_often_has_risen(before: float, after: float) -> None:
    """
    A few seconds after it began.
    """
    assert story(*[before] * 10, after) > 0


def test_what_is_gone_again_has_not_risen() -> None:
    """
    It was more frequent once, and is less so now.
    """
    assert story(*[0.5] * 10, *[0.0] * 5) == -inf


def test_what_rose_once_and_stays_did_not_rise_just_now() -> None:
    """
    It was there long before what a guard has tripped for.
    """
    assert story(*[0.0] * 8, *[0.8] * 10) > 0
    assert story(*[0.0] * 8, *[0.8] * 10, last=4) == -inf


def test_marks_are_chosen_by_the_pairs_since_then() -> None:
    """
    Two at least.
    """
    rises = Rises()
    for number in range(10):
        rises.note(Mark(at=number * EVERY, counts={}, judged={"e": number * 60, "f": number * 40}))

    assert [rises.marks_within(1000, pairs) for pairs in (0, 300, 350, 5000)] == [2, 3, 3, 10]


def test_by_chance_hardly_anything_rises() -> None:
    """
    Of a thousand that stay as they are, one at most.
    """
    dice = Random(5)

    assert sum(story(*[dice.random()] * 12, pairs=20, seed=number) > 0 for number in range(1000)) <= 1


def test_of_a_new_endpoint_a_few_pairs_are_enough() -> None:
    """
    Nobody knows what is usual there.
    """
    rises = Rises()
    rises.note(Mark(at=0.0, counts={}, judged={}))

    assert rises.risen("s", "e", 2, 2) == -inf
    assert rises.risen("s", "e", 3, 3) == inf


def test_totals_that_began_at_different_times_show_no_rise() -> None:
    """
    After a restart of control, pairs are counted from the beginning and signatures from the restart.
    """
    rises = Rises()
    for number in range(10):
        rises.note(Mark(at=number * EVERY, counts={"s": 30 * number}, judged={"e": 100_000 + 60 * number}))

    assert rises.risen("s", "e", 300, 100_600) == -inf


def test_totals_are_noted_now_and_then() -> None:
    """
    Not at every look.
    """
    rises = Rises()
    assert rises.is_due(0.0)

    rises.note(Mark(at=0.0, counts={}, judged={}))

    assert not rises.is_due(EVERY - 0.1)
    assert rises.is_due(EVERY)
