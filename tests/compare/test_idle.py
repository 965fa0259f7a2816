"""
Rules that can't ever do anything: which patterns cover which, and what is said of whom.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.idle import covers, idle
from proxy.compare.paths import ANY, DEEP, Pattern, Segment, parse_path
from proxy.compare.rules import Rule
from proxy.compare.states import Machine

SEGMENTS: st.SearchStrategy[Segment] = st.sampled_from(["a", "b", 0, ANY, DEEP])
PATTERNS = st.lists(SEGMENTS, max_size=4).map(tuple)
STEPS = st.lists(st.sampled_from(["a", "b", "c", 0, 1]), max_size=5)


@pytest.mark.parametrize(
    ("broad", "narrow"),
    [
        ("$..a", "$.x.a"),
        ("$..a", "$..b.a"),
        ("$.*", "$.a"),
        ("$[*]", "$[3]"),
        ("$.**", "$..a"),
        ("$.a.**.b", "$.a.b"),
        ("$..*", "$.a"),
        ("$.**", "$"),
    ],
)
def test_a_broader_pattern_covers_a_narrower_one_and_not_the_other_way(broad: str, narrow: str) -> None:
    """
    By all that they could fit, not by what has come so far.
    """
    assert covers(parse_path(broad), parse_path(narrow))
    assert not covers(parse_path(narrow), parse_path(broad))


@pytest.mark.parametrize(
    ("above", "within"), [("$.a", "$.a.b"), ("$", "$..x"), ("$..a", "$.x.a[*].b"), ("$.*", "$.a.**")]
)
def test_what_lies_within_is_covered_where_that_counts(above: str, within: str) -> None:
    """
    An ignored place hides all below it.
    """
    assert covers(parse_path(above), parse_path(within), below=True)
    assert not covers(parse_path(above), parse_path(within))


@given(PATTERNS, PATTERNS, STEPS)
def test_a_covered_pattern_fits_no_place_that_the_other_does_not(
    broad: Pattern, narrow: Pattern, steps: list[str | int]
) -> None:
    """
    Held against the machine that walks along with real bodies.
    """
    if covers(broad, narrow) and fits(narrow, steps):
        assert fits(broad, steps)
    if covers(broad, narrow, below=True) and fits(narrow, steps):
        assert any(fits(broad, steps[:end]) for end in range(len(steps) + 1))


def fits(pattern: Pattern, steps: list[str | int]) -> bool:
    """
    Does the machine of this one pattern say that a rule applies there?
    """
    state = Machine([pattern], tuple).start
    for step in steps:
        if state is None:
            return False
        state = state.element(step) if isinstance(step, int) else state.member(step)
    return state is not None and state.here is not None


def rule(does: str, where: str = "", **given: object) -> Rule:
    return Rule(does=does, where=where, given=given)


def told(*rules: Rule) -> dict[int, str]:
    return idle(rules, lambda name: name == "allow")


def test_rules_that_all_do_something_are_not_named() -> None:
    """
    Neither are two of the same place that say different things.
    """
    assert told() == {}
    assert not told(
        rule("ignore", "$.meta"),
        rule("ignore", "$.metadata"),
        rule("numbers", "$.total", abs=0.1),
        rule("numbers", "$.total", rel=0.1),
        rule("case", "header:allow"),
        rule("status", of=["2xx"]),
        rule("status", of=[200, 404]),
        rule("ignore_values", pattern="a+"),
    )


@pytest.mark.parametrize(
    ("rules", "number", "said"),
    [
        ((rule("case", "$.a"), rule("case", "$.a")), 1, "is there twice"),
        ((rule("case", "$.a"), rule("case", "$..a")), 0, "adds nothing to `case $..a`"),
        ((rule("case", "$.*"), rule("case", "$[*]")), 1, "is there twice"),
        ((rule("ignore", "$.a"), rule("ignore", "$.a.b")), 1, "adds nothing to `ignore $.a`"),
        ((rule("ignore", "$.a"), rule("case", "$.a.b")), 1, "can't apply, since `ignore $.a` hides all there is"),
        ((rule("arrays", "$.a.b", key="id"), rule("ignore", "$..b")), 0, "can't apply"),
        ((rule("case", "header:allow"), rule("ignore", "header:allow")), 0, "can't apply"),
        ((rule("ignore", "header:x-id"),), 0, "x-id is not compared"),
        ((rule("null_is_missing", "header:allow"),), 0, "is for bodies alone"),
        ((rule("status", of=[204]),), 0, "names a single status"),
    ],
)
def test_each_reason_is_told_of_the_rule_that_is_too_many(rules: tuple[Rule, ...], number: int, said: str) -> None:
    """
    And of no other.
    """
    found = told(*rules)

    assert list(found) == [number]
    assert said in found[number]


@pytest.mark.parametrize(
    ("rule", "blind"),
    [
        (rule("ignore", "$"), True),
        (rule("ignore", "$..*"), True),
        (rule("ignore", "$.*"), True),
        (rule("ignore", "$.**"), True),
        (rule("ignore", "$..a"), False),
        (rule("ignore", "$.*.*"), False),
        (rule("ignore", "header:allow"), False),
        (rule("ignore_values", pattern=".*"), True),
        (rule("ignore_values", pattern="[^z]*"), True),
        (rule("ignore_values", pattern="[0-9]*"), False),
        (rule("ignore_values", "$.a", pattern=".*"), False),
        (rule("numbers", "$.a", rel=200), True),
        (rule("numbers", "$.a", rel=1), True),
        (rule("numbers", "$.a", rel=0.99), False),
        (rule("numbers", "$.a", abs=200), False),
    ],
)
def test_a_rule_that_hides_everything_is_told(rule: Rule, blind: bool) -> None:
    """
    Nothing would be divergent any more.
    """
    assert ["hides" in why for why in told(rule).values()] == [True] * blind


def test_of_several_alike_one_is_left() -> None:
    """
    Whoever obeys every line keeps a rule.
    """
    assert set(told(*[rule("case", "$.a")] * 3)) == {1, 2}
    assert set(told(rule("case", "$..a"), rule("case", "$.**.a"), rule("case", "$.a"))) == {1, 2}


def test_patterns_that_can_take_for_ever_are_told_of() -> None:
    """
    Wherever a rule has one.
    """
    slow, quick = "(a+)+b", "(a+,)+b"
    rules = [
        Rule(does="ignore_values", given={"pattern": slow}),
        Rule(does="rewrite", where="$.a", given={"pattern": slow, "with": ""}),
        Rule(does="ignore_values", given={"pattern": quick}),
    ]

    found = idle(rules, lambda _: True)

    assert list(found) == [0, 1]
    assert all(why.startswith("can take exponential time") for why in found.values())
