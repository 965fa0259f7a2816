"""
What a stage wants of traffic: it accumulates over stages, and of two the lower can be told place by place.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.plan.exposure import (
    BASE,
    Exposure,
    exposures,
    from_values,
    is_live,
    is_same,
    is_within,
    lower,
    nothing,
    without,
)
from tests.parts.plans import a_plan

SHARES = st.sampled_from([0.0, 1.0, 10.0, 50.0, 100.0])
EXPOSURES = st.builds(
    Exposure,
    weight=SHARES,
    mirror=SHARES,
    routes=st.fixed_dictionaries({"search": st.none() | SHARES, "read": st.none() | SHARES}),
    cohorts=st.fixed_dictionaries({"staff": SHARES}),
)


def test_what_a_stage_does_not_say_stays() -> None:
    """
    Weight, copies, routes and cohorts are carried over from the stage before.
    """
    plan = a_plan({"weight": 0, "cohorts": {"staff": 100}}, {"weight": 10, "routes": {"search": 5}}, {"mirror": 20})

    shadow, live, less = exposures(plan)

    assert (shadow.weight, shadow.mirror, shadow.routes, shadow.cohorts) == (0, 100, {"search": None}, {"staff": 100})
    assert (live.weight, live.of_route("search"), live.of_route("read"), live.of_cohort("staff")) == (10, 5, 10, 100)
    assert (less.weight, less.mirror, less.routes) == (10, 20, {"search": 5})


def test_what_no_stage_names_is_as_it_was_when_the_plan_was_started() -> None:
    """
    Also a route with a share of its own that the plan never mentions.
    """
    base = Exposure(weight=0, mirror=30, routes={"admin": 7.0}, cohorts={"staff": 0.0})

    first, second = exposures(a_plan({"weight": 0}, {"weight": 10, "mirror": 100}), base)

    assert (first.mirror, first.routes) == (30, {"admin": 7.0})
    assert (second.mirror, second.of_route("admin"), second.of_cohort("staff")) == (100, 7, 0)


def test_new_answers_somebody_where_any_share_is_above_nothing() -> None:
    """
    By the weight, a route or a cohort; copies alone make nobody's answer.
    """
    assert not is_live(BASE)
    assert is_live(Exposure(weight=0, mirror=0, routes={"search": 1.0}))
    assert is_live(Exposure(weight=0, mirror=0, cohorts={"staff": 1.0}))
    assert not is_live(nothing(Exposure(weight=9, mirror=9, routes={"search": 9.0, "read": None})))


def test_a_closed_route_or_cohort_has_nothing_whatever_the_stage_says() -> None:
    """
    The others keep what they have.
    """
    wanted = Exposure(weight=50, mirror=100, routes={"search": None, "read": 10.0}, cohorts={"staff": 100.0})

    closed = without(wanted, ("route:search", "cohort:staff"))

    assert (closed.of_route("search"), closed.of_route("read"), closed.of_cohort("staff")) == (0, 10, 0)
    assert (closed.mirror, without(wanted, (), copies=False).mirror) == (100, 0)


@given(one=EXPOSURES, other=EXPOSURES)
def test_the_lower_of_two_is_within_both_and_the_most_that_is(one: Exposure, other: Exposure) -> None:
    """
    A route without a share of its own counts with the share of everybody.
    """
    both = lower(one, other)

    assert is_within(both, one)
    assert is_within(both, other)
    assert is_same(lower(one, one), one)
    assert is_within(one, other) == is_same(both, one)
    for name in ("search", "read"):
        assert both.of_route(name) == min(one.of_route(name), other.of_route(name))


@given(one=EXPOSURES)
def test_an_exposure_survives_json(one: Exposure) -> None:
    """
    As the store keeps it.
    """
    assert from_values(one.as_values()) == one
