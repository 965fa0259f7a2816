"""
Tests of the shapes that gates answer in.
"""

import json

from proxy.gates.outcome import Outcome, RouteOutcome, together

SLOW = RouteOutcome(route="search", result="fail", n=900, bad=90, share=0.7, interval=(0.07, 0.13), fail_ratio=1.2)
QUIET = RouteOutcome(route="read", result="inconclusive", n=0, bad=0, share=0.3)
OUTCOME = Outcome(
    gate="mismatch",
    result="fail",
    sentence="route search: 90 of 900 pairs differ",
    n=900,
    bad=90,
    estimate=0.1,
    interval=(0.07, 0.13),
    budget=0.002,
    fail_ratio=1.2,
    routes=(SLOW, QUIET),
    uncovered=("read",),
)


def test_an_outcome_survives_json() -> None:
    """
    What was saved as JSON is the same outcome again, with and without its numbers.
    """
    bare = Outcome(gate="dbload", result="error", sentence="Prometheus does not answer")

    for outcome in (OUTCOME, bare):
        assert Outcome.from_values(json.loads(json.dumps(outcome.as_values()))) == outcome


def test_nothing_passes_without_data() -> None:
    """
    One that fails fails all, all have to pass, and of none nothing is known.
    """
    assert together(()) == "inconclusive"
    assert together(("pass", "pass")) == "pass"
    assert together(("pass", "inconclusive")) == "inconclusive"
    assert together(("pass", "inconclusive", "error")) == "error"
    assert together(("error", "pass", "fail")) == "fail"


def test_a_route_without_data_has_no_estimate() -> None:
    """
    0 of 0 is no rate.
    """
    assert SLOW.estimate == 0.1
    assert QUIET.estimate is None
