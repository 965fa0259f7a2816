"""
Which match a request has: the first, by its path as a server would read it, and by everything else it must be.
"""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.routing.match import Matcher, canonical_path, check_match
from proxy.routing.route import Match
from tests.parts.values import a_request


def found(target: str, *matches: Match, method: str = "GET", fields: str = "", host: str = "shop.example") -> int:
    """
    The place of the match that a request has.
    """
    raw = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
    return Matcher(matches).find(a_request(raw.encode()))


def paths(*patterns: str) -> list[Match]:
    """
    Matches that ask for nothing but a path.
    """
    return [Match(path=pattern) for pattern in patterns]


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("/", ["/", "/?a=1", "//"], ["/a", "/a/"]),
        ("/search", ["/search", "/search?q=1"], ["/search/", "/searching", "/"]),
        ("/search/**", ["/search", "/search/", "/search/a/b"], ["/searching", "/"]),
        ("/**", ["/", "/a", "/a/b/"], []),
        ("/users/{id}", ["/users/1", "/users/a.b"], ["/users", "/users/", "/users/1/x"]),
        ("/users/*/orders", ["/users/1/orders"], ["/users/orders", "/users/1/2/orders"]),
        ("/*.png", ["/a.png", "/.png"], ["/a.jpg", "/a/b.png"]),
        ("/v*-*/x", ["/v1-2/x"], ["/v1/x"]),
        ("/a/**/z", ["/a/z", "/a/b/z", "/a/b/c/z"], ["/a", "/a/b", "/z"]),
        ("/a.b", ["/a.b"], ["/axb"]),
    ],
)
def test_a_path_is_matched_by_its_segments(pattern: str, fits: list[str], misses: list[str]) -> None:
    """
    `*` within one, a name for one, `**` for any number.
    """
    assert [found(target, *paths(pattern)) for target in fits] == [0] * len(fits)
    assert [found(target, *paths(pattern)) for target in misses] == [-1] * len(misses)


@pytest.mark.parametrize(
    "target", ["/p%61yments/1", "/%70ayments/1", "/x/../payments/1", "/./payments//1", "//payments/1", "/payments/%31"]
)
def test_there_is_no_way_around_a_route(target: str) -> None:
    """
    What a server may take for its path has its route.
    """
    assert found(target, *paths("/payments/{id}")) == 0


def test_the_first_match_wins() -> None:
    """
    However specific the others are, and by whatever they are found.
    """
    some = [*paths("/a/{x}", "/a/b"), Match(regex="/a/.*"), *paths("/**")]

    assert found("/a/b", *some) == 0
    assert found("/a/b", *some[1:]) == 0
    assert found("/a/b", *some[2:]) == 0
    assert found("/a/b", *reversed(some)) == 0
    assert found("/c", *some) == 3


def test_the_next_match_has_its_turn_where_something_else_fails() -> None:
    """
    A path is not enough.
    """
    some = [Match(path="/a", methods=("POST",)), Match(path="/a", headers=(("x-beta", "1"),)), Match(path="/a")]

    assert found("/a", *some) == 2
    assert found("/a", *some, method="POST") == 0
    assert found("/a", *some, fields="X-Beta: 1\r\n") == 1


@pytest.mark.parametrize(
    ("host", "fits"),
    [("shop.example", True), ("Shop.Example:8080", True), ("shop.example.", True), ("a.shop.example", False)],
)
def test_hosts_are_compared_without_case_and_port(host: str, fits: bool) -> None:
    """
    As RFC 9110 §4.2.3 has it.
    """
    assert found("/", Match(hosts=("shop.example",)), host=host) == (0 if fits else -1)


def test_a_host_may_stand_for_all_below() -> None:
    """
    Not for itself, and not for names that only end alike.
    """
    below = Match(hosts=("*.shop.example",))

    assert [found("/", below, host=host) for host in ("a.shop.example", "a.b.shop.example")] == [0, 0]
    assert [found("/", below, host=host) for host in ("shop.example", "myshop.example")] == [-1, -1]


@pytest.mark.parametrize(
    ("match", "fits", "misses"),
    [
        (Match(headers=(("x-beta", "*"),)), ["X-BETA: 0"], ["X-Beta-2: 1", ""]),
        (Match(headers=(("x-beta", "1*"),)), ["x-beta: 123", "x-beta: 0\r\nx-beta: 12"], ["x-beta: 21"]),
        (
            Match(cookies=(("sid", "a*"),)),
            ["Cookie: x=1; sid=abc"],
            ["Cookie: sid=b", "Cookie: SID=a", "Cookie: xsid=a"],
        ),
    ],
)
def test_fields_and_cookies_are_matched_by_name_and_value(match: Match, fits: list[str], misses: list[str]) -> None:
    """
    Any of several values will do.
    """
    assert [found("/", match, fields=f"{line}\r\n") for line in fits] == [0] * len(fits)
    assert [found("/", match, fields=f"{line}\r\n" if line else "") for line in misses] == [-1] * len(misses)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("beta=%31", True),
        ("b%65ta=1", True),
        ("%62%65%74%61=%31&x=2", True),
        ("beta=%2531", False),
        ("beta=1%00", False),
        ("beta%3D1", False),
        ("beta=2&who=a%20b", True),
        ("beta=2&who=a+b", True),
        ("beta=2&wh%6F=a%2Bb", False),
        ("who=%", False),
    ],
)
def test_parameters_of_the_query_are_decoded_once(query: str, fits: bool) -> None:
    """
    As servers read them, so that no spelling is a way around a route; a plus is a space.
    """
    routes = Match(query=(("beta", "1"),)), Match(query=(("who", "a b"),))

    assert (found(f"/?{query}", *routes) >= 0) is fits


def test_a_parameter_has_a_name_and_a_value() -> None:
    """
    A parameter without a value has an empty one.
    """
    match = Match(query=(("debug", "*"), ("v", "2")))

    assert [found(f"/?{query}", match) for query in ("debug&v=2", "v=1&v=2&debug=")] == [0, 0]
    assert [found(f"/?{query}", match) for query in ("v=2", "debug&v=22", "xdebug&v=2")] == [-1, -1, -1]


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab", "1"]), max_size=4)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "{x}", "a*", "*b"]), min_size=1, max_size=4)


def as_regex(pattern: list[str], tail: bool) -> str:
    """
    What a pattern means, said in another way.
    """
    written = {"*": "[^/]+", "{x}": "[^/]+", "a*": "a[^/]*", "*b": "[^/]*b"}
    return "".join("/" + written.get(one, one) for one in pattern) + ("(/.*)?" if tail else "")


@given(st.lists(st.tuples(PATTERNS, st.booleans()), min_size=1, max_size=8), SEGMENTS)
def test_a_tree_of_patterns_finds_what_trying_each_in_turn_would(
    patterns: list[tuple[list[str], bool]], segments: list[str]
) -> None:
    """
    The oracle is a regular expression for each.
    """
    target = "/" + "/".join(segments)
    matches = [Match(path="/" + "/".join([*one, "**"] if tail else one)) for one, tail in patterns]
    expected = next((n for n, one in enumerate(patterns) if re.fullmatch(as_regex(*one), target)), -1)

    assert found(target, *matches) == expected


@given(st.text("/.a%235eE", max_size=12))
@example("%%32e/%2%65/%%32%65")
def test_a_canonical_path_stays_as_it_is(text: str) -> None:
    """
    Decoding never makes another code, which a server would decode again.
    """
    once = canonical_path(b"/" + text.encode())
    assert canonical_path(once) == once
    assert once.startswith(b"/")
    assert b"/../" not in once
    assert b"//" not in once


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (Match(path="search"), "begin with /"),
        (Match(path="/a**"), "segment"),
        (Match(path="/**/a/**"), "twice"),
        (Match(path="/a?b=1"), "never"),
        (Match(path="/a/../b"), "never"),
        (Match(path="/a", regex="/b"), "both"),
        (Match(regex="/(a"), "regular expression"),
    ],
)
def test_what_could_never_match_is_refused(match: Match, said: str) -> None:
    """
    At load, with what would be right.
    """
    with pytest.raises(ValueError, match=said):
        check_match(match)
