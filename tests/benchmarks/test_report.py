"""
The arithmetic of the comparison: what a ratio is, and when a run does not count.
"""

from dataclasses import replace

import pytest

from benchmarks.ledger import Ledger
from benchmarks.measure import Block
from benchmarks.report import describe, describe_judging, objections, ratios, spread

BLOCK = Block(
    contender="parallax",
    size="1k",
    round=0,
    requests=1000,
    rps=500.0,
    p50_ms=1.0,
    p99_ms=2.0,
    cpu_us=80.0,
    pss=2**20,
    errors=0,
    copies=1000,
    copy_connections=32,
)
BOOKS = Ledger(eligible=1000, verdicts={"identical": 1000})


def pair(number: int, ours: float, theirs: float) -> list[Block]:
    """
    One round of Parallax and nginx with these CPU figures.
    """
    return [
        replace(BLOCK, round=number, cpu_us=ours),
        replace(BLOCK, round=number, cpu_us=theirs, contender="nginx"),
    ]


def test_ratios_are_taken_within_a_round() -> None:
    """
    A round in which the whole machine was slow gives the same ratio as any other.
    """
    blocks = [*pair(0, 80, 100), *pair(1, 800, 1000), *pair(2, 8, 10)]

    found = ratios(blocks, "parallax", "nginx", "cpu")

    assert (found.low, found.middle, found.high) == pytest.approx((0.8, 0.8, 0.8))


def test_a_single_figure_has_no_spread() -> None:
    """
    One block is enough for a look.
    """
    assert str(spread([2.0])) == "2.00 (2.00–2.00)"


def test_a_good_run_counts() -> None:
    """
    Everything copied, judged identical, no errors, balanced books.
    """
    assert objections(pair(0, 80, 100), BOOKS) == []
    assert "This run counts." in describe(pair(0, 80, 100), BOOKS)


@pytest.mark.parametrize(
    ("block", "books", "word"),
    [
        (replace(BLOCK, copies=900), BOOKS, "copied only"),
        (replace(BLOCK, contender="direct", copies=3), None, "something else uses it"),
        (replace(BLOCK, errors=1), BOOKS, "errors"),
        (BLOCK, Ledger(eligible=1000, verdicts={"identical": 998}, skipped={"concurrency": 2}), "judged only"),
        (BLOCK, Ledger(eligible=1001, verdicts={"identical": 1000}), "don't balance"),
        (BLOCK, Ledger(eligible=1000, verdicts={"identical": 999, "divergent": 1}), "something else than identical"),
        (replace(BLOCK, answers="differing"), BOOKS, "something else than divergent"),
        (replace(BLOCK, answers="gzip"), BOOKS, "something else than divergent"),
        (replace(BLOCK, requests=1001, copies=1001), BOOKS, "lack 1 requests"),
    ],
)
def test_a_run_that_measured_something_else_does_not_count(block: Block, books: Ledger | None, word: str) -> None:
    """
    Each way in which a run can be worthless is named, and nothing else is.
    """
    found = objections([block], books)

    assert len(found) == 1
    assert word in found[0]
    assert f"DOES NOT COUNT: {found[0]}" in describe([block], books)


def test_a_missed_goal_is_said() -> None:
    """
    A run can count and still miss what we hold ourselves to.
    """
    assert "MISSED" in describe(pair(0, 120, 100), BOOKS)
    assert "met" in describe(pair(0, 80, 100), BOOKS)


@pytest.mark.parametrize(("judged", "word"), [(120, "met"), (130, "MISSED")])
def test_judging_is_measured_against_what_it_cannot_do_without(judged: float, word: str) -> None:
    """
    In each round: 1.5 times what equal answers cost and what two parses take.
    """
    equal = replace(BLOCK, size="68k", cpu_us=70.0)
    blocks = [equal, replace(equal, answers="differing", cpu_us=judged), replace(equal, contender="nginx", cpu_us=1.0)]

    assert word in describe_judging(blocks, [12.0])
    assert describe_judging(blocks[:1], [12.0]) == ""
