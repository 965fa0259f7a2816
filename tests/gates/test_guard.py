"""
Tests of guards: when they trip, and with which numbers.
"""

import json
from dataclasses import replace
from random import Random
from statistics import mean

import pytest

from benchmarks.stopping import Draw
from proxy.gates.guard import Alarm, GuardCounts, GuardEvidence, GuardSpec, judge_guard, judge_silence

SPEC = GuardSpec(name="wrong", budget=0.005, rates=(0.01, 0.02, 0.05, 0.2, 0.6))
BY_KEYS = GuardSpec(name="wrong", budget=0.005, rates=SPEC.rates, distinct_keys=3)


def told(spec: GuardSpec, *looks: GuardCounts | dict[str, GuardCounts]) -> Alarm:
    """
    What a guard says after these looks, kept as JSON in between.
    """
    kept, alarm = GuardEvidence(), None
    for look in looks:
        alarm, kept = judge_guard(spec, kept, look if isinstance(look, dict) else {"": look})
        kept = GuardEvidence.from_values(json.loads(json.dumps(kept.as_values())))
    assert alarm is not None
    return alarm


def bits(*buckets: int) -> int:
    """
    These keys.
    """
    return sum(1 << number for number in buckets)


def test_a_break_trips_with_its_own_numbers() -> None:
    """
    After a long good time, what is told is of the break alone, and for people.
    """
    good = [GuardCounts(bad=0, n=200)] * 500
    alarm = told(SPEC, *good, GuardCounts(bad=41, n=812, keys=(1 << 23) - 1))

    assert alarm.tripped
    assert (alarm.bad, alarm.n, alarm.keys) == (41, 812, 23)
    assert alarm.sentence == "wrong: 41 of 812 pairs are bad (5.0 %) against a budget of 0.50 %; 23 keys"


def test_within_the_budget_it_is_quiet() -> None:
    """
    Nothing speaks for a change, and no data speaks for nothing.
    """
    quiet = "wrong: nothing speaks for more than 0.50 %"

    for look in ({"": GuardCounts(bad=0, n=0)}, {"": GuardCounts(bad=4, n=1_000)}, dict[str, GuardCounts]()):
        alarm = told(SPEC, look)
        assert (alarm.tripped, alarm.bad, alarm.n, alarm.keys, alarm.sentence) == (False, 0, 0, 0, quiet)


def test_a_total_failure_is_noticed_at_once() -> None:
    """
    In the first look after it began, even of a few.
    """
    assert told(SPEC, GuardCounts(bad=0, n=20_000), GuardCounts(bad=6, n=6, unkeyed=6)).tripped


def test_one_client_is_not_enough() -> None:
    """
    A key that is hit a hundred times is one key; the third trips it, whenever that came in the run.
    """
    one = GuardCounts(bad=100, n=1_000, keys=bits(7))
    alarm = told(BY_KEYS, one)

    assert not alarm.tripped
    assert alarm.share > 1
    assert alarm.sentence.endswith("; 1 key of the 3 that it takes")
    assert told(BY_KEYS, one, GuardCounts(bad=2, n=10, keys=bits(7, 8, 9_999))).tripped
    assert told(BY_KEYS, GuardCounts(bad=2, n=10, keys=bits(8, 9)), one).tripped


def test_there_are_no_more_keys_than_bad_ones() -> None:
    """
    Keys are told for minutes, also to who began to count a second ago.
    """
    alarm = told(BY_KEYS, GuardCounts(bad=2, n=2, keys=bits(*range(383))))

    assert (alarm.keys, alarm.tripped) == (2, False)


def test_keys_from_before_it_was_armed_do_not_count_for_what_is_bad_since() -> None:
    """
    One client after a resume is one client, however many there were before; once they weren't told, they count again.
    """
    many = GuardCounts(bad=300, n=1_000, keys=bits(*range(288)))
    _, evidence = judge_guard(BY_KEYS, GuardEvidence(), {"": many})
    one = GuardCounts(bad=100, n=200, keys=bits(*range(288), 5_000))
    alarm, evidence = judge_guard(BY_KEYS, GuardEvidence.from_values(evidence.anew().as_values()), {"": one})

    assert (alarm.keys, alarm.tripped) == (1, False)
    _, evidence = judge_guard(BY_KEYS, evidence, {"": GuardCounts(bad=1, n=1, keys=bits(5_000))})
    assert judge_guard(BY_KEYS, evidence, {"": GuardCounts(bad=2, n=2, keys=bits(1, 2, 5_000))})[0].tripped


def test_without_keys_one_is_enough() -> None:
    """
    Where nobody tells whose requests were bad, a guard that wants one key trips nevertheless.
    """
    alarm = told(SPEC, GuardCounts(bad=100, n=1_000))

    assert alarm.tripped
    assert alarm.sentence == "wrong: 100 of 1,000 pairs are bad (10 %) against a budget of 0.50 %"
    assert not told(BY_KEYS, GuardCounts(bad=100, n=1_000)).tripped


def test_who_has_no_key_counts() -> None:
    """
    A break for anonymous clients only must not go unseen.
    """
    assert told(BY_KEYS, GuardCounts(bad=100, n=1_000, unkeyed=100)).tripped


def test_keys_of_long_ago_do_not_count() -> None:
    """
    Once nothing speaks for a change, keys are counted anew.
    """
    earlier = GuardCounts(bad=3, n=100, keys=bits(1, 2, 3))
    alarm = told(BY_KEYS, earlier, GuardCounts(bad=0, n=10_000), GuardCounts(bad=100, n=1_000, keys=bits(7)))

    assert not alarm.tripped
    assert (alarm.bad, alarm.n, alarm.keys) == (100, 1_000, 1)


def test_by_route_the_one_that_breaks_is_named() -> None:
    """
    A small route that breaks isn't hidden by a large one.
    """
    by_route = GuardSpec(name="wrong", budget=0.005, rates=SPEC.rates, per_route=True)
    look = {"search": GuardCounts(bad=0, n=10_000), "read": GuardCounts(bad=20, n=60, unkeyed=20)}
    alarm = told(by_route, look)

    assert alarm.tripped
    assert alarm.route == "read"
    assert alarm.sentence.startswith("wrong on read: 20 of 60 pairs are bad (33 %)")
    assert not told(SPEC, look).tripped


def test_all_routes_together_are_no_route() -> None:
    """
    Where workers tell the sum too, it is neither counted twice nor watched as a route.
    """
    look = {"": GuardCounts(bad=20, n=1_000), "search": GuardCounts(bad=20, n=1_000)}

    assert (told(SPEC, look).bad, told(SPEC, look).n) == (20, 1_000)
    assert told(replace(SPEC, per_route=True), look).route == "search"


def test_other_rates_start_anew() -> None:
    """
    Evidence that was kept for other rates is of no use.
    """
    _, kept = judge_guard(SPEC, GuardEvidence(), {"": GuardCounts(bad=100, n=1_000)})
    fewer = GuardSpec(name="wrong", budget=0.005, rates=(0.02,))

    assert judge_guard(fewer, kept, {})[0] == judge_guard(fewer, GuardEvidence(), {})[0]


def test_by_route_the_bound_holds_for_all_together() -> None:
    """
    Ten routes at the budget, each with a detector of its own: the mean run over all of them is not below `every`.
    """
    random, draw, every = Random(2), Draw(50, 0.005), 1_000.0
    spec = GuardSpec(name="wrong", budget=0.005, rates=SPEC.rates, every=every, distinct_keys=0, per_route=True)

    def run() -> int:
        kept = GuardEvidence()
        for n in range(500, 10_001, 500):
            look = {str(route): GuardCounts(bad=draw(random), n=50) for route in range(10)}
            alarm, kept = judge_guard(spec, kept, look)
            if alarm.tripped:
                return n
        return 10_000

    assert mean(run() for _ in range(40)) >= every


@pytest.mark.parametrize(("silent", "trips"), [(0.0, False), (89.0, False), (90.0, True)])
def test_silence_trips(silent: float, trips: bool) -> None:
    """
    No data for too long is a reason to stop, not a reason to go on.
    """
    alarm = judge_silence("blind", silent, 90.0)

    assert alarm.tripped is trips
    assert alarm.share == silent / 90
    assert "at most 90 s" in alarm.sentence
