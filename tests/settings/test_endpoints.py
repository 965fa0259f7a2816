"""
Endpoints that are named: those that no request can be of are told of, with what would be right.
"""

from typing import Any

import pytest

from proxy.settings.endpoints import check_endpoints
from proxy.settings.model import Settings

SIDES = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
RULES = {"ignore": ["$.at"]}


def told(*ruled: str, described: tuple[str, ...] = (), **metrics: Any) -> list[tuple[str, str, bool]]:
    """
    Key, sentence and whether it is a warning, for each finding, when these endpoints have rules.
    """
    settings = Settings.model_validate(
        {**SIDES, "compare": {"endpoints": dict.fromkeys(ruled, RULES)}, "metrics": metrics}
    )
    found = check_endpoints(settings, described)
    return [(".".join(map(str, one.key)), one.said, one.warning) for one in found]


@pytest.mark.parametrize(
    ("endpoint", "right"),
    [
        ("GET /users/:id", "GET /users/{id}"),
        ("GET /users/<int:user>/cart", "GET /users/{id}/cart"),
        ("GET /users/[id]", "GET /users/{id}"),
        ("GET /users/**", "GET /users/{id}"),
        ("GET /users/{id}.json", "GET /users/{id}"),
        ("PURGE /cache", "OTHER /cache"),
        ("GET /grüße", "GET /gr%C3%BC%C3%9Fe"),
    ],
)
def test_what_fits_no_request_is_told_with_what_would(endpoint: str, right: str) -> None:
    """
    Where rules are, and where endpoints are only named.
    """
    (ruled,), (named,) = told(endpoint), told(endpoints=[endpoint])

    assert ruled[0] == f"compare.endpoints.{endpoint}"
    assert named[0] == "metrics.endpoints.0"
    for _, said, warning in (ruled, named):
        assert said.startswith(f"fits no request; write {right}, where")
        assert warning


@pytest.mark.parametrize(
    "endpoint",
    ["GET /", "GET /users/{id}", "GET /users/{name}", "OTHER /x", "GET /files/{path}", "GET /users/10", "GET /a/b/",
     "POST /users:batchGet", "GET /$metadata", "GET /caf%C3%A9", "GET /a//b", "DELETE /v1.2/x_y~z"],
)  # fmt: skip
def test_what_can_be_asked_for_is_not_told_of(endpoint: str) -> None:
    """
    Whatever its parameters are called, and with a last slash: there are services all of whose paths end in one.
    """
    assert told(endpoint) == told(endpoints=[endpoint]) == told(endpoint, endpoints=[endpoint]) == []


def test_of_two_that_fit_the_same_requests_the_second_is_told_of() -> None:
    """
    The first one counts them, so rules of the second would never be asked.
    """
    twice = "fits the same requests as GET /users/{id}, which is named too and counts them; write that here"
    key = "compare.endpoints.GET /users/{name}"

    assert told("GET /users/{id}", "GET /users/{name}") == [(key, twice, True)]
    assert told("GET /users/{name}", endpoints=["GET /users/{id}"]) == [(key, twice, True)]
    assert told("GET /users/{name}", described=("GET /users/{id}",)) == [(key, twice, True)]
    assert told("GET /users/{path}", "POST /users/{id}", endpoints=["GET /users/{id}"]) == []


def test_a_last_slash_is_told_of_where_the_same_is_named_without() -> None:
    """
    Two endpoints they are; that both are meant is unlikely.
    """
    (found,) = told("GET /random/", endpoints=["GET /random"])

    assert found[1] == "is not GET /random, which is named too; leave the last / out unless clients write it"


@pytest.mark.parametrize(
    ("ruled", "metrics", "described", "key"),
    [
        (["GET /a"], {"max_endpoints": 1, "endpoints": ["GET /b"]}, (), "compare.endpoints"),
        ([], {"max_endpoints": 1}, ("GET /a", "GET /b"), "metrics.openapi"),
        (["GET /c"], {"max_endpoints": 1, "endpoints": ["GET /a", "GET /b"]}, (), "metrics.endpoints"),
    ],
)
def test_more_than_are_counted_by_name_are_refused(
    ruled: list[str], metrics: dict[str, Any], described: tuple[str, ...], key: str
) -> None:
    """
    At the list that is one too many.
    """
    said = "makes 2 endpoints, more than metrics.max_endpoints; write at least 2 there"

    assert told(*ruled, described=described, **metrics) == [(key, said, False)]
    assert told("GET /a", endpoints=["GET /a"], max_endpoints=1) == []
