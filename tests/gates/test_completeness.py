"""
Tests of whether enough was compared.
"""

from proxy.gates.completeness import DELIBERATE, CompletenessSpec, Uncompared, judge_completeness
from proxy.metrics.books import SKIPS

SPEC = CompletenessSpec(name="complete")


def test_nearly_all_is_enough() -> None:
    """
    What was not to be copied is no gap.
    """
    outcome = judge_completeness(SPEC, 960, 21_000, {"sampled_out": 19_000, "route": 1_000, "queue_full": 40})

    assert outcome.result == "pass"
    assert (outcome.n, outcome.bad, outcome.estimate, outcome.needed) == (1_000, 40, 0.96, 0)
    assert outcome.sentence == "960 of 1,000 exchanges compared (96 %), at least 95 % must be"


def test_a_gap_is_named_and_accuses_nobody() -> None:
    """
    The largest reasons first; it never fails.
    """
    skipped = {"queue_full": 300, "memory_budget": 40, "client_gone": 9, "both_failed": 1, "off": 99}
    outcome = judge_completeness(SPEC, 650, 1_099, skipped)

    assert outcome.result == "inconclusive"
    assert outcome.pass_ratio < 1
    assert outcome.sentence == (
        "650 of 1,000 exchanges compared (65 %), at least 95 % must be; "
        "missing by queue_full 300, memory_budget 40, client_gone 9 and 1 more"
    )


def test_nothing_compared_never_passes() -> None:
    """
    Neither nothing at all, nor little, nor nothing that was to be compared.
    """
    assert judge_completeness(SPEC, 0, 0, {}).result == "inconclusive"
    assert judge_completeness(SPEC, 0, 900, {"off": 900}).result == "inconclusive"
    few = judge_completeness(SPEC, 499, 499, {})
    assert (few.result, few.needed) == ("inconclusive", 1)
    assert few.sentence.endswith("; judged from 500 on")
    assert judge_completeness(SPEC, 0, 900, {}).result == "inconclusive"


def test_deliberate_reasons_are_reasons() -> None:
    """
    As the books have them.
    """
    assert set(SKIPS) >= DELIBERATE


def test_that_nothing_is_compared_is_noticed_once_enough_has_come() -> None:
    """
    A night without traffic is no gap; one comparison ends it.
    """
    gap = Uncompared()
    gap.note(0, 0, 10.0)
    gap.note(0, 19, 20.0)
    assert gap.seconds(100.0) == 0
    gap.note(0, 1, 30.0)
    assert gap.seconds(100.0) == 80.0
    gap.note(1, 5, 110.0)

    assert gap.seconds(200.0) == 0


def test_no_more_is_compared_than_there_is() -> None:
    """
    A verdict that was counted before its exchange was.
    """
    outcome = judge_completeness(SPEC, 1204, 1203, {})

    assert outcome.sentence == "1,203 of 1,203 exchanges compared (100 %), at least 95 % must be"
    assert outcome.bad == 0
