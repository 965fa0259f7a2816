"""
The demo's plan as text, and where it is.
"""

from pathlib import Path

import pytest
import yaml

from proxy.demo.course import BAD_AT, NAMES, NOWHERE, parse_place, plan_text
from proxy.plan.parse import read_plan


@pytest.mark.parametrize("seconds", [1.0, 5.0, 60.0, 3600.0])
def test_the_plan_has_the_stages_that_are_shown(seconds: float) -> None:
    """
    However long the demo is; the bad release comes at one of them.
    """
    plan = yaml.safe_load(plan_text(seconds))

    assert tuple(stage["name"] for stage in plan["stages"]) == NAMES
    assert BAD_AT in NAMES


def test_where_it_is_is_read_from_the_admin_api() -> None:
    """
    Behind it is what it has passed.
    """
    answer = {
        "phase": "running",
        "stage": "tenth",
        "step": "observing",
        "said": "gathering evidence",
        "seq": 9,
        "waiting_for": ["pins: 5edc9415ac05fbe4 at GET /stock/{id}: 3 of 60 pairs without it"],
        "stages": [{"name": "copies", "state": "passed"}, {"name": "tenth", "state": "present"}],
        "history": [{"what": "rollback"}, {"what": "hold"}],
    }
    place = parse_place(answer)

    assert (place.passed, place.rollbacks, place.seq, place.is_over) == (frozenset({"copies"}), 1, 9, False)
    assert place.why == "gathering evidence; pins: 5edc9415ac05fbe4 at GET /stock/{id}: 3 of 60 pairs without it"
    assert not NOWHERE.is_over


def test_the_example_among_the_plans_is_the_one_that_runs() -> None:
    """
    As in a demo of one minute.
    """
    example = Path("config/plans/demo.yaml").read_text()

    assert read_plan(example, "demo.yaml") == read_plan(plan_text(60), "demo")
