"""
Tests of gates on one number.
"""

import json

import pytest

from proxy.gates.outcome import Outcome
from proxy.gates.persistence import Persistence
from proxy.gates.promql import Reading
from proxy.gates.query import QueryEvidence, QuerySpec, judge_query, parse_condition

NOTHING = Reading(kind="no data", why="the query finds no series")
BROKEN = Reading(kind="error", why="Prometheus doesn't answer")
TWO = Reading(kind="misconfigured", why="the query gives 2 series, and one is wanted")
FEW = Persistence(pass_of=(3, 3), fail_of=(2, 4), errors=4)
LOW = QuerySpec(name="load", condition=parse_condition("< 0.5"), persistence=FEW)
NEAR = QuerySpec(name="load", condition=parse_condition("<= 1.2 * baseline"), persistence=FEW)


def value(number: float) -> Reading:
    """
    A number was read.
    """
    return Reading(kind="value", value=number)


def told(spec: QuerySpec, *readings: Reading, baseline: float | None = None) -> Outcome:
    """
    The outcome after these readings, kept as JSON in between.
    """
    kept, outcome = QueryEvidence(baseline=baseline), None
    for reading in readings:
        outcome, kept = judge_query(spec, kept, reading)
        kept = QueryEvidence.from_values(json.loads(json.dumps(kept.as_values())))
    assert outcome is not None
    return outcome


# Conditions


@pytest.mark.parametrize(
    ("text", "baseline", "holds", "fails"),
    [
        ("< 0.5", None, 0.4, 0.5),
        ("<=0.5", None, 0.5, 0.6),
        (">= -1e3", None, -1000.0, -1000.5),
        ("> .5", None, 0.6, 0.5),
        ("<= 1.2 * baseline", 10.0, 12.0, 12.1),
        ("<= baseline*1.2", 10.0, 12.0, 12.1),
        ("< baseline", 10.0, 9.9, 10.0),
    ],
)
def test_conditions_hold_or_do_not(text: str, baseline: float | None, holds: float, fails: float) -> None:
    """
    A comparison with a number, or with so many times the baseline; what it is written as means the same.
    """
    condition = parse_condition(text)
    spec = QuerySpec(name="load", condition=condition, persistence=Persistence(pass_of=(1, 1), fail_of=(1, 1)))

    assert told(spec, value(holds), baseline=baseline).result == "pass"
    assert told(spec, value(fails), baseline=baseline).result == "fail"
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.5",
        "< ",
        "== 1",
        "< 0.5 * base",
        "< 2 baseline",
        "< 1 * 2",
        "< nan",
        "< inf",
        "< 1e999",
        "<" + " " * 300 + "1",
    ],
)
def test_other_conditions_are_refused(text: str) -> None:
    """
    With an example of what would be right.
    """
    with pytest.raises(ValueError, match="write"):
        parse_condition(text)


# What the last readings say


def test_so_many_good_ones_pass() -> None:
    """
    And until then it is said how many are missing, and how long that takes.
    """
    open_ = told(LOW, value(0.42), value(0.42))
    passed = told(LOW, value(0.42), value(0.42), value(0.42))

    assert (open_.result, open_.needed, open_.eta) == ("inconclusive", 1, 30.0)
    assert open_.sentence == ("0.42, must be < 0.5: 2 of the last 3 answers were, 3 pass; needs 1 more good ones, 30 s")
    assert (passed.result, passed.estimate, passed.budget, passed.pass_ratio) == ("pass", 0.42, 0.5, 1.0)
    assert passed.sentence == "0.42, must be < 0.5: 3 of the last 3 answers were"


def test_so_many_bad_ones_fail() -> None:
    """
    Two of the last four, whatever lies between.
    """
    outcome = told(LOW, value(0.7), value(0.42), value(0.61))

    assert (outcome.result, outcome.bad, outcome.fail_ratio) == ("fail", 2, 1.0)
    assert outcome.sentence == "0.61, must be < 0.5: 2 of the last 4 answers were not, 2 fail"


def test_no_data_never_passes() -> None:
    """
    Not even after any number of good ones.
    """
    good = [value(0.1)] * 5
    outcome = told(LOW, *good, NOTHING)

    assert outcome.result == "inconclusive"
    assert outcome.estimate is None
    assert outcome.sentence == ("the query finds no series: no data never passes, 3 pass; needs 3 more good ones, 90 s")
    assert told(LOW, *[NOTHING] * 20).result == "inconclusive"


def test_errors_are_repeated_four_times() -> None:
    """
    Then the outcome is an error; one answer ends it.
    """
    assert told(LOW, *[BROKEN] * 3).result == "inconclusive"
    outcome = told(LOW, *[BROKEN] * 4)
    assert outcome.result == "error"
    assert outcome.sentence == "Prometheus doesn't answer, 4 times in a row"
    assert told(LOW, *[BROKEN] * 4, value(0.1)).result == "inconclusive"


def test_a_query_that_cannot_be_used_is_an_error_at_once() -> None:
    """
    Asking again won't help.
    """
    outcome = told(LOW, *[value(0.1)] * 5, TWO)

    assert outcome.result == "error"
    assert outcome.sentence == TWO.why


def test_without_a_baseline_nothing_passes() -> None:
    """
    There is nothing to compare with yet.
    """
    outcome = told(NEAR, *[value(0.1)] * 5)

    assert outcome.result == "inconclusive"
    assert outcome.budget is None
    assert outcome.sentence.startswith("0.1, must be <= 1.2 * baseline (there is none yet): ")


def test_a_baseline_is_frozen() -> None:
    """
    The first value stays, through epochs too: a slow leak doesn't move what it is compared with.
    """
    evidence = QueryEvidence().take_baseline(NOTHING).take_baseline(value(10.0)).take_baseline(value(99.0))
    outcome, evidence = judge_query(NEAR, evidence, value(11.0))

    assert outcome.sentence.startswith("11, must be <= 1.2 * baseline (12; the baseline is 10): 1 of the last 3")
    assert evidence.anew() == QueryEvidence(baseline=10.0)
