"""
Routes that no request can come to, and what has no effect on one, are told of, and nothing else is.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.match import Matcher
from proxy.routing.route import Match
from proxy.settings.covered import check_covered, covers
from proxy.settings.model import Settings
from proxy.settings.source import dotted
from tests.parts.values import a_request


def told(**values: Any) -> dict[str, str]:
    """
    What is said of a configuration, by key.
    """
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    found = list(check_covered(Settings.model_validate(sides | values)))
    assert all(finding.warning for finding in found)
    return {dotted(finding.key): finding.said for finding in found}


def routes(*matches: dict[str, Any]) -> list[dict[str, Any]]:
    """
    Routes called a, b, … with these matches.
    """
    return [{"name": "abcdef"[number], "match": match} for number, match in enumerate(matches)]


def test_a_route_behind_one_that_has_all_of_its_requests_is_told_of() -> None:
    """
    With the name of the one that has them.
    """
    found = told(routes=routes({"path": "/**"}, {"path": "/b"}))

    assert list(found) == ["routes.1"]
    assert "all of them are of a, which comes earlier; write it before a" in found["routes.1"]


def test_cohorts_are_looked_at_too() -> None:
    """
    A list of keys is as good as another only where it is the same.
    """
    cohorts = [
        {"name": "all", "match": {"header": {"x-staff": "*"}}, "side": "new"},
        {"name": "some", "match": {"header": {"x-staff": "yes"}}, "side": "old"},
    ]
    assert list(told(cohorts=cohorts)) == ["cohorts.1"]
    assert not told(cohorts=[{"name": "a", "match": {"keys": "a.txt"}, "weight": 1}, cohorts[0]])


def test_the_order_that_is_meant_is_not_told_of() -> None:
    """
    The special ones first.
    """
    assert not told(routes=routes({"method": "POST", "path": "/**"}, {"path": "/b/{id}"}, {"path": "/b/**"}))


@pytest.mark.parametrize(
    ("route", "key"),
    [
        ({"match": {"method": "POST"}, "failover": True}, "routes.0.failover"),
        ({"match": {"method": ["POST", "GET"]}, "failover": True}, ""),
        ({"match": {"path": "/a"}, "failover": True}, ""),
        ({"match": {"path": "/a"}, "mirror": 0, "writes": "mirror"}, "routes.0.mirror"),
        ({"match": {"path": "/a"}, "mirror": 0, "writes": "dry_run"}, "routes.0.mirror"),
        ({"match": {"path": "/a"}, "mirror": 0, "writes": "safe"}, ""),
    ],
)
def test_what_has_no_effect_on_a_route_is_told_of(route: dict[str, Any], key: str) -> None:
    """
    `safe` says more than what is copied: who may answer, too.
    """
    assert "".join(told(routes=[{"name": "a", **route}])) == key


PATHS = st.lists(st.sampled_from(["a", "b", "ab", "*", "{x}", "a*", "*b", "**", ""]), min_size=1, max_size=4)
MATCHES = st.builds(
    Match,
    path=PATHS.filter(lambda one: one.count("**") < 2).map(lambda one: "/" + "/".join(one)),
    methods=st.sampled_from([(), (), ("GET",), ("GET", "POST")]),
    headers=st.sampled_from([(), (), (("x-a", "*"),), (("x-a", "1"),)]),
)
TARGETS = [f"/{path}" for path in ("", "a", "b", "ab", "a/", "a/b", "a/a", "ab/b/", "b/a/ab", "a/b/a/b", "abc/x")]
REQUESTS = [
    a_request(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{line}\r\n".encode())
    for target in TARGETS
    for method in ("GET", "POST", "PUT")
    for line in ("", "X-A: 1\r\n", "X-A: 2\r\n")
]


@given(st.lists(MATCHES, min_size=2, max_size=6))
def test_what_is_covered_never_has_a_request_of_its_own(matches: list[Match]) -> None:
    """
    The oracle is the matcher: whatever fits the narrow one fits the wide one.
    """
    covered = [(wide, narrow) for wide in matches for narrow in matches if wide != narrow and covers(wide, narrow)]

    for matcher in [Matcher(two) for two in covered]:
        assert all(matcher.find(request) != 1 for request in REQUESTS)
