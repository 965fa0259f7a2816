"""
The machine of several path patterns, against looking at each pattern by itself.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare import states
from proxy.compare.paths import ANY, DEEP, Pattern, parse_path
from proxy.compare.states import Machine, State

STEPS = st.lists(st.sampled_from(["a", "b", "c", 0, 1]), max_size=6).map(tuple)
PATTERNS = st.lists(
    st.lists(st.sampled_from(["a", "b", 0, 1, ANY, DEEP]), max_size=4).map(tuple), min_size=1, max_size=5
)
Steps = tuple[str | int, ...]


def machine(*patterns: Pattern) -> Machine[tuple[int, ...]]:
    """
    One whose places say which patterns match them.
    """
    return Machine(patterns, tuple)


def walked(start: State[tuple[int, ...]] | None, steps: Steps) -> tuple[int, ...]:
    """
    The patterns that match at the end of some steps.
    """
    for step in steps:
        if start is None:
            return ()
        start = start.element(step) if isinstance(step, int) else start.member(step)
    return (start and start.here) or ()


def matches(pattern: Pattern, steps: Steps) -> bool:
    """
    The reference: does a pattern match these steps?
    """
    if not pattern:
        return not steps
    first, rest = pattern[0], pattern[1:]
    if first is DEEP:
        return any(matches(rest, steps[at:]) for at in range(len(steps) + 1))
    return bool(steps) and (first is ANY or first == steps[0]) and matches(rest, steps[1:])


@given(PATTERNS, st.lists(STEPS, min_size=1, max_size=8))
def test_every_place_has_the_patterns_that_match_it(patterns: list[Pattern], places: list[Steps]) -> None:
    """
    However many were looked at before.
    """
    start = machine(*patterns).start

    for steps in places:
        expected = tuple(number for number, pattern in enumerate(patterns) if matches(pattern, steps))
        assert walked(start, steps) == expected


@given(PATTERNS, st.lists(STEPS, min_size=1, max_size=8))
def test_a_machine_that_forgets_its_states_finds_the_same(patterns: list[Pattern], places: list[Steps]) -> None:
    """
    With so few of them that it forgets all the time.
    """
    before, states.MOST_STATES = states.MOST_STATES, 2  # type: ignore[misc]
    try:
        start = machine(*patterns).start
        found = [walked(start, steps) for steps in places]
    finally:
        states.MOST_STATES = before  # type: ignore[misc]

    assert found == [walked(machine(*patterns).start, steps) for steps in places]


def test_without_patterns_there_is_no_machine() -> None:
    """
    Then the differ walks where nothing is asked.
    """
    assert machine().start is None


def test_where_nothing_can_match_any_more_there_is_no_state() -> None:
    """
    So that nothing is asked below.
    """
    start = machine(parse_path("$.a.b")).start

    assert start is not None
    assert start.member("x") is None
    assert start.element(0) is None
    below = start.member("a")
    assert below is not None
    assert below.any_element() is None


def test_patterns_with_more_states_than_anybody_could_hold_are_walked_within_bounds() -> None:
    """
    `$..a.*.*.*…` has one state for each selection of the last steps.
    """
    many = machine(*(parse_path("$..a" + ".*" * number) for number in range(1, 20)))

    for number in range(5000):
        steps = tuple("ab"[number >> bit & 1] for bit in range(13))
        assert walked(many.start, steps) == tuple(
            index for index in range(19) if index + 2 <= 13 and steps[12 - index - 1] == "a"
        )
    assert len(many._states) <= states.MOST_STATES


@pytest.mark.parametrize("step", ["a", 0])
def test_a_name_that_was_asked_for_leads_to_the_same_state_again(step: str | int) -> None:
    """
    States are made once.
    """
    start = machine((step, "x"), (DEEP, "y")).start

    assert start is not None
    assert walked(start, (step, "x")) == (0,)
    below = (start.member("a"), start.element(0))
    assert all(one is other for one, other in zip(below, (start.member("a"), start.element(0)), strict=True))
