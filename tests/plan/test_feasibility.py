"""
How long gates take at the traffic that a plan expects, and how that is said.
"""

import pytest

from proxy.gates.forecast import needed_pairs
from proxy.plan.facts import Facts, RouteFact
from proxy.plan.feasibility import Forecast, about, check_feasibility, forecasts, show_rate
from proxy.plan.model import Plan
from proxy.plan.parse import read_plan

GATES = """\
gates:
  same: {event: mismatch, max: 0.002, min: 10}
  patient: {event: mismatch, max: 0.5, min: 700}
  each: {event: mismatch, max: 0.002, per: route, routes: [search, read]}
  keys: {event: mismatch, max: 0.01, unit: key/60s}
  served: {event: new_error, of: served, max: 0.01}
  asked: {source: promql, query: x, condition: < 1, every: 30s, pass: 8 of 10}
  grows: {source: trend, query: x, slope: 5%/h, window: 2h}
  enough: {source: completeness}
"""


def a_plan(*gates: str, stage: str = "", expect: str = "rate: 100") -> Plan:
    """
    A plan of one stage that asks these gates.
    """
    asked = f"  - {{name: shadow, success: Alike, gates: [{', '.join(gates)}]{stage}}}\n"
    return read_plan(f"plan: x\nexpect: {{{expect}}}\n{GATES}stages:\n{asked}", "x")


def forecast(*gates: str, stage: str = "", expect: str = "rate: 100") -> Forecast:
    """
    The one that there is.
    """
    [found] = forecasts(a_plan(*gates, stage=stage, expect=expect), None)
    return found


def test_a_gate_takes_what_it_needs_at_the_rate_of_copies() -> None:
    """
    With nothing bad, and with a quarter of its budget.
    """
    found = forecast("same", stage=", mirror: 50")

    assert found.needed == needed_pairs(0.002, 0.0)
    assert found.likely == needed_pairs(0.002, 0.0005)
    assert found.rate == 50.0
    assert found.seconds == pytest.approx((found.needed or 0) / 50.0)
    assert found.fits


def test_it_never_takes_less_than_its_minimum() -> None:
    """
    However little evidence would do.
    """
    assert forecast("patient").needed == 700


def test_routes_are_judged_one_by_one() -> None:
    """
    Each at its share of the traffic.
    """
    found = list(forecasts(a_plan("each", expect="rate: 100, routes: {search: 30, read: 60}"), None))

    assert [(one.route, one.rate) for one in found] == [("search", 30.0), ("read", 60.0)]


def test_keys_count_once_a_minute() -> None:
    """
    So many different ones as come in a minute, fewer than the requests.
    """
    few = forecast("keys", expect="rate: 100, keys: 60").rate
    many = forecast("keys", expect="rate: 100, keys: 6000").rate

    assert few == pytest.approx(1.0, rel=0.01)
    assert many is not None
    assert 30.0 < many < 100.0


def test_what_clients_get_from_new_comes_at_its_weight() -> None:
    """
    And nothing comes at weight 0.
    """
    assert forecast("served", stage=", weight: 10").rate == 10.0
    assert not forecast("served").fits


def test_how_much_a_cohort_gets_is_not_known() -> None:
    """
    Nobody says how much of the traffic it has, so nothing is refused.
    """
    found = forecast("served", stage=", cohorts: {staff: 100}")

    assert found.rate is None
    assert found.seconds is None
    assert found.fits


def test_questions_take_their_time() -> None:
    """
    So many answers, so far apart; and a slope needs its whole window.
    """
    assert forecast("asked").seconds == pytest.approx(240.0)
    assert forecast("grows").seconds == pytest.approx(7200.0)
    assert forecast("enough").seconds == pytest.approx(5.0)


def test_routes_that_are_hardly_copied_take_longer() -> None:
    """
    By the configuration.
    """
    search = RouteFact(weight=None, mirror=10.0, sticky=("client",))
    read = RouteFact(weight=None, mirror=100.0, sticky=("client",))
    plan = a_plan("each", expect="rate: 100, routes: {search: 30, read: 60}")

    found = list(forecasts(plan, Facts(routes={"search": search, "read": read})))

    assert [one.rate for one in found] == [pytest.approx(3.0), pytest.approx(60.0)]


def test_a_gate_without_time_says_how_long_it_would_take() -> None:
    """
    And what would be enough.
    """
    [found] = check_feasibility(a_plan("same", stage=", observe: 1s..10s"), None)

    assert found.key == ("stages", 0, "observe")
    assert found.said == (
        "gate same needs 20 s at 100 pairs a second (2,040 of them); observe.max is 10s; "
        "write ..1m or more, or a larger budget"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.02, "0 s"),
        (2.04, "2 s"),
        (90, "90 s"),
        (150, "2.5 min"),
        (3600, "60 min"),
        (111_600, "31 h"),
        (10**6, "12 d"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """
    In the unit that is short.
    """
    assert about(seconds) == said


def test_rates_have_two_digits() -> None:
    """
    More would promise too much.
    """
    assert [show_rate(rate) for rate in (194.2, 9.66, 0.0333)] == ["194", "9.7", "0.033"]
