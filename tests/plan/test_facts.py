"""
What a plan learns of its configuration.
"""

from pathlib import Path

from proxy.plan.facts import facts_of, is_sticky
from proxy.settings.load import load
from tests.plan.test_check import CONFIGURATION_TEXT, configuration


def test_routes_cohorts_and_people_are_known() -> None:
    """
    With what a plan relies on: shares, keys, roles.
    """
    facts = configuration()

    assert facts.routes["payments"].mirror == 0.0
    assert facts.routes["search"].sticky == ("header:x-user-id",)
    assert facts.cohorts == {"staff": 0.0, "testers": None}
    assert facts.tokens == {"ann": "operator", "bob": "operator", "cat": "operator", "dan": "viewer"}


def test_a_route_that_only_writes_is_not_copied() -> None:
    """
    Unless it says so, so there is nothing of it to judge by pairs.
    """
    writes = "  - {name: writes, match: {method: [POST, PUT]}}\n"
    dry = "  - {name: dry, match: {method: POST, path: /dry}, writes: dry_run}\n"
    routes = configuration(CONFIGURATION_TEXT + writes + dry).routes

    assert (routes["writes"].mirror, routes["dry"].mirror, routes["read"].mirror) == (0.0, 100.0, 100.0)


def test_what_is_in_force_before_is_what_the_configuration_gives() -> None:
    """
    A cohort with a side has no share that could be changed.
    """
    base = configuration(CONFIGURATION_TEXT + "weights: {new: 5}\n").base

    assert (base.weight, base.mirror) == (5.0, 100.0)
    assert base.routes == {"payments": 0.0, "search": None, "read": None}
    assert base.cohorts == {"staff": 0.0}


def test_a_default_is_not_taken_for_what_somebody_said() -> None:
    """
    Where data lies is for people to say.
    """
    text = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"

    assert facts_of(load(Path("x.yaml"), environment={}, data=text.encode()).settings).data is None
    assert configuration().data == "shared"


def test_each_request_by_itself_is_no_sticky_key() -> None:
    """
    But as the last of several it is for those without.
    """
    assert not is_sticky(("request",))
    assert is_sticky(("header:x-user-id", "request"))
