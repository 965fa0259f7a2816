"""
What a defect costs until a guard has taken new back: the table, held against the measured one.
"""

import pytest

from proxy.plan.blast import DEFECTS, REACTION, Blast, blasts, by_guard
from proxy.plan.parse import read_plan

PLAN = """\
plan: x
expect: {rate: 200}
guards:
  wrong: {event: mismatch, max: 0.005, detect: [2x, 4x, 10x, 40x, 0.6]}
  burn: {event: error, of: served, max: 0.005, detect: [2x, 4x, 10x, 40x, 0.6]}
  old: {event: old_error, of: old, max: 0.02, detect: [5x]}
  careful: {event: mismatch, max: 0.005, distinct_keys: 40}
  waits: {event: mismatch, max: 0.005, on_trip: hold}
stages:
  - {name: shadow, success: a}
  - {name: live-1, success: b, weight: 1}
  - {name: live-10, success: c, weight: 10}
"""
# Pairs to trip, simulated: median.
MEASURED = {0.01: 4607, 0.02: 770, 0.05: 166, 0.2: 26, 1.0: 4}


def of(guard: str, stage: str) -> dict[float, Blast]:
    """
    The rows of one guard at one stage.
    """
    found = blasts(read_plan(PLAN, "x"), None)
    return {one.defect: one for one in found if (one.guard, one.stage) == (guard, stage)}


def test_it_is_near_what_was_measured() -> None:
    """
    Within the third that batches and closed forms cost.
    """
    found = of("wrong", "live-1")

    assert set(found) == set(DEFECTS)
    for defect, pairs in MEASURED.items():
        assert found[defect].opportunities == pytest.approx(pairs, rel=0.35, abs=2), defect


def test_copies_bring_evidence_at_the_full_rate() -> None:
    """
    So a defect is noticed as soon at 1 % as at 10 %, and hits a tenth of the users.
    """
    one, ten = of("wrong", "live-1")[0.02], of("wrong", "live-10")[0.02]

    assert one.seconds == ten.seconds == pytest.approx((one.opportunities or 0) / 200.0)
    assert ten.users == pytest.approx(10.0 * (one.users or 0.0))
    assert one.users == pytest.approx(((one.seconds or 0.0) + REACTION) * 200.0 * 0.01 * 0.02)


def test_answers_to_clients_bring_it_at_the_weight() -> None:
    """
    A hundred times later at 1 %.
    """
    paired, served = of("wrong", "live-1")[0.02], of("burn", "live-1")[0.02]

    assert served.seconds == pytest.approx(100.0 * (paired.seconds or 0.0))


def test_what_is_within_the_budget_is_never_noticed() -> None:
    """
    Gates are for that, and no number is made up.
    """
    text = PLAN.replace("wrong: {event: mismatch, max: 0.005", "wrong: {event: mismatch, max: 0.02")
    found = [one for one in blasts(read_plan(text, "x"), None) if one.guard == "wrong" and one.defect == 0.01]

    assert {(one.opportunities, one.seconds, one.users) for one in found} == {(None, None, None)}


def test_keys_have_to_have_been_hit_too() -> None:
    """
    Forty different ones are forty bad answers at the least.
    """
    assert of("careful", "live-1")[1.0].opportunities == 40


def test_only_guards_of_new_that_roll_back_are_in_the_table() -> None:
    """
    At stages with clients on new.
    """
    table = by_guard(blasts(read_plan(PLAN, "x"), None))

    assert list(table) == ["wrong", "burn", "careful"]
    assert [one.stage for one in table["wrong"][0.01]] == ["live-1", "live-10"]
