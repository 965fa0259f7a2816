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

    assert in_order([one, two, three]) == ([two, three, one], [])


def test_one_that_fails_is_passed_over_until_it_has_opened() -> None:
    """
    After a second somebody knocks; then it is the first to be tried, since nothing is outstanding there.
    """
    one, two = places(0, 1)
    one.failed(NOW)

    assert not one.is_due(NOW + FIRST - 0.001)
    assert one.is_due(NOW + FIRST)
    assert in_order([one, two]) == ([two], [one])
    one.knocked()
    assert in_order([one, two]) == ([one, two], [])


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


def test_once_it_has_opened_one_request_tries() -> None:
    """
    The others go elsewhere until it has answered.
    """
    one, two = places(0, 1)
    one.failed(NOW)
    one.taken(NOW + FIRST)
    one.knocked()
    one.taken(NOW + FIRST)
    assert in_order([one, two]) == ([two], [one])
    assert not one.is_due(NOW + FIRST + 1.9)
    one.answered()

    assert in_order([one, two]) == ([one, two], [])


def test_one_that_opens_and_never_answers_is_tried_less_and_less() -> None:
    """
    Each knock and the request that follows double the pause together.
    """
    (place,) = places(0)
    place.failed(NOW)
    now, pauses = NOW, []
    for _ in range(6):
        pauses.append(place.until - now)
        now = place.until
        assert place.is_due(now)
        place.taken(now)
        place.knocked()
        place.taken(now)
        place.failed(now)

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST]


def test_taking_one_that_never_failed_changes_nothing() -> None:
    """
    Any number at once.
    """
    one, two = places(0, 1)
    one.taken(NOW)

    assert in_order([one, two]) == ([one, two], [])
    assert not one.is_due(NOW + 100.0)


def test_the_only_one_is_never_passed_over() -> None:
    """
    There is nothing else to try.
    """
    (place,) = places(0)
    place.failed(NOW)

    assert in_order([place]) == ([place], [])


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
    assert in_order([one, two, three]) == ([two], [three, one])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=8))
def test_every_place_is_tried_in_the_end(stories: list[tuple[int, bool]]) -> None:
    """
    What is passed over comes last, never not at all.
    """
    made = places(*(busy for busy, _ in stories))
    for place, (_, fails) in zip(made, stories, strict=True):
        if fails:
            place.failed(NOW)
    usable, others = in_order(made)

    assert sorted(place.port for place in usable + others) == [place.port for place in made]
    assert [place.busy for place in usable] == sorted(place.busy for place in usable)
