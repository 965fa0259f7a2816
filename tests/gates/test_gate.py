"""
Tests of gates: what passes, what fails, what needs more, and that it is kept.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.gate import judge_gate
from proxy.gates.outcome import Outcome
from proxy.gates.spec import ALL, GateEvidence, GateSpec, RouteCounts
from proxy.gates.statistics import evidence

SPEC = GateSpec(name="mismatch", budget=0.002, verb="differ")
BY_ROUTE = GateSpec(name="mismatch", budget=0.005, per_route=True, routes=("search", "read"), verb="differ")


def judged(spec: GateSpec, *looks: Mapping[str, tuple[int, ...]], per_second: float | None = None) -> Outcome:
    """
    The outcome of an epoch with these looks: (bad, n) or (bad, n, traffic) by route.
    """
    kept, outcome = GateEvidence(), None
    for look in looks:
        counts = {route: RouteCounts(bad=one[0], n=one[1], traffic=(*one, one[1])[2]) for route, one in look.items()}
        outcome, kept = judge_gate(spec, kept, counts, per_second=per_second)
        kept = GateEvidence.from_values(json.loads(json.dumps(kept.as_values())))
    assert outcome is not None
    return outcome


# Over all routes


@pytest.mark.parametrize("look", [{}, {"": (0, 0)}, {"search": (0, 0), "read": (0, 0)}])
@pytest.mark.parametrize("spec", [SPEC, BY_ROUTE])
def test_no_data_never_passes(spec: GateSpec, look: Mapping[str, tuple[int, ...]]) -> None:
    """
    Nothing seen is nothing known.
    """
    outcome = judged(spec, look)

    assert outcome.result == "inconclusive"
    assert outcome.estimate is None
    assert outcome.interval is None
    assert outcome.pass_ratio == outcome.fail_ratio == 0.0
    assert outcome.sentence == "no pairs yet, and without data nothing passes"


def test_a_few_decide_nothing() -> None:
    """
    By algebra alone, 10 clean ones would pass a budget of a half, and 20 bad ones fail it.
    """
    slower = GateSpec(name="slower", budget=0.5, verb="are slower")

    for bad in (0, 499):
        outcome = judged(slower, {"": (bad, 499)})
        assert outcome.result == "inconclusive"
        assert max(outcome.pass_ratio, outcome.fail_ratio) < 1.0
        assert outcome.needed == 1
    assert judged(slower, {"": (0, 500)}).result == "pass"
    assert judged(slower, {"": (500, 500)}).result == "fail"


def test_enough_clean_pairs_pass() -> None:
    """
    The evidence is what it is, the threshold ln(1/beta).
    """
    outcome = judged(SPEC, {"": (2, 12_400)}, per_second=200)

    assert outcome.result == "pass"
    assert outcome.pass_ratio == pytest.approx(evidence(2, 12_400, 0.002, "below") / log(20))
    assert outcome.needed == outcome.eta == 0
    assert outcome.sentence == "2 of 12,400 pairs differ (0.016 %), the budget is 0.20 %"


def test_too_many_bad_pairs_fail() -> None:
    """
    The threshold is ln(1/alpha), a thousand to one.
    """
    outcome = judged(SPEC, {"": (60, 12_400)})

    assert outcome.result == "fail"
    assert outcome.fail_ratio == pytest.approx(evidence(60, 12_400, 0.002, "above") / log(1000))
    assert outcome.sentence == "60 of 12,400 pairs differ (0.48 %), the budget is 0.20 %"


def test_what_is_open_says_how_much_is_missing() -> None:
    """
    In pairs, and in seconds if the rate is known; more of the same decide it then.
    """
    outcome = judged(SPEC, {"": (37, 12_400)}, per_second=200)
    assert outcome.needed is not None

    assert outcome.result == "inconclusive"
    assert outcome.sentence.startswith(
        "37 of 12,400 pairs differ (0.30 %), the budget is 0.20 %; needs about 31,000 more"
    )
    assert outcome.sentence.endswith("pairs, 3 min at this rate")
    assert outcome.eta == outcome.needed / 200
    times = 1 + 1.2 * outcome.needed / 12_400
    assert judged(SPEC, {"": (round(37 * times), round(12_400 * times))}).result == "fail"


def test_at_the_budget_it_says_so() -> None:
    """
    A rate that is the budget is never decided.
    """
    outcome = judged(SPEC, {"": (20, 10_000)}, per_second=200)

    assert outcome.needed is None
    assert outcome.eta is None
    assert outcome.sentence.endswith("the budget is 0.20 %; too near to it to be decided soon")


def test_a_pass_stays_until_a_failure() -> None:
    """
    In one epoch: what was shown is shown, unless the opposite is.
    """
    good = {"": (0, 3_000)}
    less_good = {"": (10, 1_500)}
    bad = {"": (100, 1_000)}

    assert evidence(10, 4_500, 0.002, "below") < log(20)
    outcome = judged(SPEC, good, less_good)
    assert outcome.result == "pass"
    assert outcome.pass_ratio == 1.0
    assert judged(SPEC, good, less_good, bad).result == "fail"
    assert judged(SPEC, bad, *[good] * 40).result == "fail"


def test_routes_are_added_up_where_they_are_not_judged() -> None:
    """
    Without `per_route` only the sum counts.
    """
    outcome = judged(SPEC, {"search": (1, 6_000), "read": (1, 6_400)})

    assert (outcome.bad, outcome.n, outcome.routes, outcome.uncovered) == (2, 12_400, (), ())
    assert outcome.pass_ratio == judged(SPEC, {"": (2, 12_400)}).pass_ratio


def test_all_routes_together_are_no_route() -> None:
    """
    Where workers tell the sum too, it is neither counted twice nor judged as a route.
    """
    look = {"": (3, 12_000), "search": (1, 6_000), "read": (2, 6_000)}

    assert judged(SPEC, look).n == 12_000
    assert [one.route for one in judged(BY_ROUTE, look).routes] == ["read", "search"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(3, 400)), min_size=1, max_size=12), st.randoms())
def test_batches_change_nothing(batches: list[tuple[int, int]], random: Random) -> None:
    """
    Evidence is exactly that of the totals: whatever the batches, in whatever order, over however many routes.
    """
    total = judged(SPEC, {"": (sum(bad for bad, _ in batches), sum(n for _, n in batches))})
    shuffled = random.sample(batches, len(batches))
    one_by_one = judged(SPEC, *({random.choice(["search", "read"]): batch} for batch in shuffled))

    for name in ("n", "bad", "estimate", "interval"):
        assert getattr(one_by_one, name) == getattr(total, name)
    if one_by_one.result == total.result:
        assert one_by_one.fail_ratio == total.fail_ratio
    if one_by_one.result == total.result == "inconclusive":
        assert one_by_one == total


# By route


def test_every_route_has_to_pass() -> None:
    """
    One that isn't decided yet keeps the gate open.
    """
    outcome = judged(BY_ROUTE, {"search": (0, 5_000), "read": (3, 700)}, per_second=570)

    assert outcome.result == "inconclusive"
    assert [(one.route, one.result) for one in outcome.routes] == [("search", "pass"), ("read", "inconclusive")]
    assert outcome.pass_ratio == outcome.routes[1].pass_ratio < 1
    assert outcome.sentence.startswith(
        "1 of 2 routes pass, with 100 % of the traffic; open are read: 3 of 700 pairs differ (0.43 %); "
    )
    assert judged(BY_ROUTE, {"search": (0, 5_000), "read": (3, 7_000)}).result == "pass"


def test_a_route_is_waited_for_at_its_own_rate() -> None:
    """
    One that gets an eighth of the pairs takes eight times as many.
    """
    outcome = judged(BY_ROUTE, {"search": (0, 5_600), "read": (0, 700)}, per_second=100)
    route = outcome.routes[1].needed
    assert outcome.needed is not None
    assert route is not None

    assert outcome.needed == pytest.approx(9 * route, rel=0.01)
    assert outcome.eta == outcome.needed / 100


def test_a_route_that_fails_fails_the_gate() -> None:
    """
    However good the others are, and with the bound of one of two routes.
    """
    outcome = judged(BY_ROUTE, {"search": (0, 50_000), "read": (30, 1_000)})

    assert outcome.result == "fail"
    assert outcome.fail_ratio == pytest.approx(evidence(30, 1_000, 0.005, "above") / log(2_000))
    assert outcome.sentence == "read: 30 of 1,000 pairs differ (3.0 %), the budget is 0.50 %"


def test_small_routes_are_named_and_not_waited_for() -> None:
    """
    95 % of the traffic have to be covered; what isn't is said by name.
    """
    outcome = judged(BY_ROUTE, {"search": (0, 2_000, 96), "read": (0, 20, 4)})
    too_much = judged(BY_ROUTE, {"search": (0, 2_000, 94), "read": (0, 20, 6)})

    assert outcome.result == "pass"
    assert outcome.uncovered == ("read",)
    assert outcome.sentence == (
        "1 of 2 routes pass, with 96 % of the traffic; too few pairs on read; the budget is 0.50 %"
    )
    assert too_much.result == "inconclusive"
    assert too_much.pass_ratio < 1
    assert too_much.needed is not None
    assert too_much.needed > 48_000


def test_coverage_may_be_anything() -> None:
    """
    Of none of the traffic, one route that passes is enough, and no route is still not enough.
    """
    anything = GateSpec(name="mismatch", budget=0.005, per_route=True, coverage=0.0)

    assert judged(anything, {"search": (0, 2_000), "read": (0, 20, 9_999)}).result == "pass"
    assert judged(anything, {"search": (0, 499)}).result == "inconclusive"
    assert judged(anything, {"search": (0, 2_000, 0)}).result == "pass"


def test_a_route_that_nobody_asks_is_not_covered() -> None:
    """
    A route without any counts is named too, and one with traffic and no pairs counts against the coverage.
    """
    assert judged(BY_ROUTE, {"search": (0, 2_000)}).uncovered == ("read",)
    blind = judged(BY_ROUTE, {"search": (0, 2_000, 50), "read": (0, 0, 50)})

    assert blind.result == "inconclusive"
    assert blind.uncovered == ("read",)


def test_an_outcome_by_route_survives_json() -> None:
    """
    With everything in it.
    """
    outcome = judged(BY_ROUTE, {"search": (0, 5_600), "read": (1, 700)}, per_second=100)

    assert Outcome.from_values(json.loads(json.dumps(outcome.as_values()))) == outcome


def test_bars_grow_with_evidence() -> None:
    """
    Clean pairs only ever fill the bar, and it is full when the gate passes.
    """
    outcomes = [judged(SPEC, {"": (0, n)}) for n in range(100, 4_000, 100)]

    assert all(one.pass_ratio <= two.pass_ratio for one, two in pairwise(outcomes))
    assert all((one.pass_ratio >= 1) == (one.result == "pass") for one in outcomes)
    assert ALL == ""
