"""
An address that fails is passed over for a while, as long as there are others.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.net.place import FIRST, LONGEST, Place, in_order

NOW = 1000.0


def places(*busy: int) -> list[Place]:
    """
    Places on which so much is outstanding.
    """
    made = [Place("192.0.2.1", port) for port in range(1, len(busy) + 1)]
    for place, count in zip(made, busy, strict=True):
        place.open = count
    return made


def test_the_least_outstanding_comes_first() -> None:
    """
    And the first of those that are alike.
    """
    one, two, three = places(2, 1, 1)

    assert in_order([one, two, three], NOW) == ([two, three, one], [])


def test_one_that_fails_is_passed_over_for_a_second() -> None:
    """
    Then it is the first to be tried: nothing is outstanding there.
    """
    one, two = places(0, 1)
    one.failed(NOW)

    assert in_order([one, two], NOW + FIRST - 0.001) == ([two], [one])
    assert in_order([one, two], NOW + FIRST) == ([one, two], [])


def test_the_pause_doubles_each_time_that_it_still_fails() -> None:
    """
    Up to half a minute; what fails meanwhile is the same failure; an answer makes all good.
    """
    (place,) = places(0)
    now, pauses = NOW, []
    for _ in range(7):
        place.failed(now)
        place.failed(now + 0.5)
        pauses.append(place.until - now)
        now = place.until
    place.answered()

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST, LONGEST]
    assert (place.until, place.pause) == (0.0, 0.0)


def test_when_its_time_is_over_one_connection_tries() -> None:
    """
    The others go elsewhere until it has answered.
    """
    one, two = places(0, 1)
    one.failed(NOW)
    one.tries(NOW + FIRST)
    assert in_order([one, two], NOW + FIRST) == ([two], [one])
    one.answered()

    assert in_order([one, two], NOW + FIRST) == ([one, two], [])


def test_trying_one_that_never_failed_changes_nothing() -> None:
    """
    Any number at once.
    """
    one, two = places(0, 1)
    one.tries(NOW)

    assert in_order([one, two], NOW) == ([one, two], [])


def test_the_only_one_is_never_passed_over() -> None:
    """
    There is nothing else to try.
    """
    (place,) = places(0)
    place.failed(NOW)

    assert in_order([place], NOW) == ([place], [])


def test_one_that_is_ill_is_passed_over_until_it_is_well() -> None:
    """
    Three bad checks in a row, two good ones in a row; behind those that only pause.
    """
    one, two, three = places(0, 1, 2)
    story = [False, False, True, False, False, False, True, False, True, True]
    seen = []
    for is_well in story:
        one.checked(is_well, 2, 3)
        seen.append(one.is_ill)
    assert seen == [False] * 5 + [True] * 4 + [False]

    for _ in range(3):
        one.checked(False, 2, 3)
    three.failed(NOW)
    assert in_order([one, two, three], NOW) == ([two], [three, one])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=8))
def test_every_place_is_tried_in_the_end(stories: list[tuple[int, bool]]) -> None:
    """
    What is passed over comes last, never not at all.
    """
    made = places(*(busy for busy, _ in stories))
    for place, (_, fails) in zip(made, stories, strict=True):
        if fails:
            place.failed(NOW)
    usable, others = in_order(made, NOW)

    assert sorted(place.port for place in usable + others) == [place.port for place in made]
    assert [place.busy for place in usable] == sorted(place.busy for place in usable)
