"""
Expressions for paths that could stop a worker are refused, and those that people write are not.
"""

from collections.abc import Callable, Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.settings.expressions import check_expression
from proxy.settings.rewrite import parse_path_change
from proxy.settings.routes import RouteMatch

FINE = [
    r"/v[12]/.*", r".*\.(png|jpe?g|gif)", r"/shops/[^/]+/orders/.*", r"/shops/[^/]+/orders/[0-9]+", r"(/[^/]+)*",
    r"(?:/[a-z]+)+x", r"/a(/.*)?", r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"/(?!admin)[^/]+/x", r"(?!/admin).*",
    r"/(?:foo|fab|bar)/[a-z0-9-]{1,64}/?", r"(?i)/Users/\d+", r"/a/.*/b/.*", r"/.*/edit", r".+", r"/(en|de|fr)(/.*)?",
    r"/\d{1,3}(\.\d{1,3}){3}", r"/(?:login|logout|list)/(?:add|all)/(?:tea|tin|to)",
]  # fmt: skip
ENDLESS = [
    (r"/v1/([a-z]+/?)+x", "exponential"), (r"(a+)+b", "exponential"), (r"(a|a)*b", "exponential"),
    (r"(a|aa)+b", "exponential"), (r"(\w+\s?)*!", "exponential"), (r"(?:a{1,50}){1,50}x", "exponential"),
    (r"(?=(a+)+b)a", "exponential"), (r"(?i:(A|aa)+)b", "exponential"), (r"(x+x+)+y", "exponential"),
    (r".*a.*b", "quadratic"), (r"[a-z]*[0-9]*[a-z]*x", "quadratic"), (r"/(?!.*a.*b).*", "quadratic"),
    (r"(.*)*x", "empty"), (r"(a)\1", "groups"), (r"(a?){30}a{30}b", "too many ways"), (r"a{500}", "too long"),
    (r"(?:a?|b?){60}c", "too many ways"),
]  # fmt: skip
SOUGHT = [r"^/api/", r"/api/", r"^/v1/([^/]+)/(.*)", r"/v[0-9]+/", r"/+", r"^/shop/(.*)/edit$", r"/$", r"/[^/]+/edit"]


@pytest.mark.parametrize("pattern", FINE)
def test_what_people_write_for_paths_is_taken(pattern: str) -> None:
    """
    One way to go on at each character, or few.
    """
    assert RouteMatch(regex=pattern).regex == pattern


@pytest.mark.parametrize(("pattern", "why"), ENDLESS)
def test_what_could_stop_a_worker_is_refused(pattern: str, why: str) -> None:
    """
    With the reason and the remedy, and without trying it.
    """
    with pytest.raises(ValueError, match=rf"{why}.*; let parts that repeat take different characters"):
        RouteMatch(regex=pattern)


@pytest.mark.parametrize("pattern", SOUGHT)
def test_what_is_replaced_in_paths_is_taken(pattern: str) -> None:
    """
    What is found at once needs no way back.
    """
    assert parse_path_change({"pattern": pattern, "with": "/"}) == (pattern, "/")


@pytest.mark.parametrize("pattern", [r"[0-9]+x", r"(.*)/edit", r"^(a+)+b", r"a+$", r"(?m:^a+b)"])
def test_what_is_searched_for_from_every_character_on_is_refused(pattern: str) -> None:
    """
    A search begins again at each, so one repetition in front makes two.
    """
    with pytest.raises(ValueError, match="would stop a worker"):
        parse_path_change({"pattern": pattern, "with": "/"})


OFTEN = ["*", "+", "?", "*?", "{2}", "{1,3}", "{2,}"]
# Small expressions: characters, any, and whatever they can be made into.
SMALL = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(OFTEN)).map(lambda two: f"(?:{two[0]}){two[1]}"),
        inner.map(lambda one: f"(?!{one})"),
    ),
    max_leaves=6,
)  # fmt: skip


@given(SMALL, st.sampled_from(["", "a", "b"]), st.sampled_from(["a", "b", "ab"]), st.sampled_from(["c", "bc", "ac"]))
@settings(max_examples=1000, deadline=None)
@example("(?:a|b)*a", "", "a", "b")
def test_what_is_taken_costs_no_more_than_linear_work(pattern: str, before: str, again: str, end: str) -> None:
    """
    Counted in a matcher that goes back as Python's does, without its short cuts: twice the text is twice the work.
    """
    try:
        check_expression(pattern, whole=True)
    except ValueError:
        return

    some, twice = (work(pattern, before + again * times + end) for times in (12, 24))

    assert twice <= 2.4 * some + 100


def work(pattern: str, text: str) -> int:
    """
    How often a character is looked at, until the whole text fits or nothing is left to try.
    """
    looks = [0]
    next((True for at in _go(list(_parser.parse(pattern)), text, 0, looks) if at == len(text)), False)
    return looks[0]


def _go(items: list[Any], text: str, at: int, looks: list[int]) -> Iterator[int]:
    if not items:
        yield at
        return
    (op, of), rest = items[0], items[1:]
    if op is _constants.BRANCH:
        for one in of[1]:
            yield from _go([*one, *rest], text, at, looks)
    elif op is _constants.SUBPATTERN:
        yield from _go([*of[3], *rest], text, at, looks)
    elif op is _constants.ASSERT_NOT:
        if next(_go(list(of[1]), text, at, looks), None) is None:
            yield from _go(rest, text, at, looks)
    elif op in {_constants.MAX_REPEAT, _constants.MIN_REPEAT}:
        yield from _repeat(op, of, rest, text, at, looks)
    else:
        looks[0] += 1
        assert looks[0] < 100_000
        if at < len(text) and FITS[op](of, ord(text[at])):
            yield from _go(rest, text, at + 1, looks)


def _repeat(op: Any, of: Any, rest: list[Any], text: str, at: int, looks: list[int]) -> Iterator[int]:
    low, high, body = of
    if low == 0 and op is _constants.MIN_REPEAT:
        yield from _go(rest, text, at, looks)
    if high:
        less = high if high is _constants.MAXREPEAT else high - 1
        again = (op, (max(low - 1, 0), less, body))
        yield from _go([*body, again, *rest], text, at, looks)
    if low == 0 and op is _constants.MAX_REPEAT:
        yield from _go(rest, text, at, looks)


FITS: dict[Any, Callable[[Any, int], bool]] = {
    _constants.LITERAL: lambda of, code: bool(of == code),
    _constants.ANY: lambda _, __: True,
    _constants.IN: lambda of, code: any(
        (op is _constants.RANGE and low[0] <= code <= low[1]) or low == code for op, low in of
    ),
}
