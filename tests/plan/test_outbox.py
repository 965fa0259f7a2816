"""
What is sent next: in order, until it has arrived, and nothing before its time.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.plan.outbox import (
    JITTER,
    LONGEST_PAUSE,
    PATIENCE,
    Notice,
    NoticeState,
    begun,
    delivered,
    due,
    failed,
    pause,
    until_due,
)
from tests.parts.told import a_notice


def numbers(notices: tuple[Notice, ...]) -> list[str]:
    """
    Which they are.
    """
    return [notice.id for notice in notices]


def test_each_channel_gets_its_first_one() -> None:
    """
    The others wait for that, and a channel that is busy gets none.
    """
    notices = (a_notice("a1", "a"), a_notice("a2", "a"), a_notice("b1", "b"))

    assert numbers(due(notices, 0.0)) == ["a1", "b1"]
    assert numbers(due(notices, 0.0, {"a"})) == ["b1"]
    assert until_due(notices, 0.0, {"a", "b"}) is None
    assert due((), 0.0) == ()


def test_what_is_settled_is_not_sent_again() -> None:
    """
    Neither what has arrived nor what was given up.
    """
    notices = (
        delivered(a_notice("a1", "a")),
        a_notice("a2", "a", state=NoticeState.FAILED),
        a_notice("a3", "a"),
    )

    assert numbers(due(notices, 0.0)) == ["a3"]


def test_what_failed_waits_and_so_does_what_is_behind_it() -> None:
    """
    The order is kept; other channels don't wait.
    """
    waits = failed(begun(a_notice("a1", "a")), "refused", 100.0, 8.0, maybe=False)
    notices = (waits, a_notice("a2", "a"), a_notice("b1", "b"))

    assert numbers(due(notices, 107.9)) == ["b1"]
    assert until_due(notices, 106.0, {"b"}) == 2.0
    assert numbers(due(notices, 108.0)) == ["a1", "b1"]


def test_what_must_be_delivered_overtakes_what_failed_and_need_not() -> None:
    """
    A rollback is told at once, though news of yesterday is refused; without a failure, the order is kept.
    """
    waits = failed(begun(a_notice("a1", "a")), "refused", 100.0, 8.0, maybe=False)
    must = a_notice("a3", "a", must=True)

    assert numbers(due((waits, a_notice("a2", "a"), must), 100.0)) == ["a3"]
    assert numbers(due((a_notice("a1", "a"), must), 100.0)) == ["a1"]
    assert due((replace(waits, must=True), must), 100.0) == ()


def test_one_that_was_marked_when_control_died_may_have_arrived() -> None:
    """
    It is sent again at once, and remembers that.
    """
    first = begun(a_notice("a1", "a"))
    second = begun(first)

    assert (first.state, first.doubtful, first.attempts) == (NoticeState.SENDING, False, 1)
    assert numbers(due((first,), 0.0)) == ["a1"]
    assert (second.doubtful, second.attempts) == (True, 2)
    assert delivered(second).state == NoticeState.SENT


@pytest.mark.parametrize("maybe", [True, False])
def test_an_attempt_without_an_answer_may_have_arrived_too(maybe: bool) -> None:
    """
    One that was refused has not.
    """
    after = failed(begun(a_notice("a1", "a")), "no answer", 100.0, 1.0, maybe=maybe)

    assert (after.state, after.doubtful, after.next, after.said) == (NoticeState.PENDING, maybe, 101.0, "no answer")
    assert begun(after).doubtful == maybe


def test_only_what_must_be_delivered_is_tried_for_ever() -> None:
    """
    The rest is given up after a day.
    """
    late = PATIENCE + 1
    news, must = begun(a_notice("a1", "a")), begun(a_notice("a2", "a", must=True))

    assert failed(news, "", late - 2, 1.0, maybe=False).state == NoticeState.PENDING
    assert failed(news, "", late, 1.0, maybe=False).state == NoticeState.FAILED
    assert failed(must, "", late * 100, 1.0, maybe=False).state == NoticeState.PENDING


def test_a_clock_that_is_put_back_puts_nothing_off() -> None:
    """
    For longer than anything is put off.
    """
    waits = a_notice("a1", "a", next=10_000.0)

    assert numbers(due((waits,), 5_000.0)) == ["a1"]
    assert due((waits,), 9_900.0) == ()


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_are_within_bounds(attempts: int, roll: float) -> None:
    """
    Some more or less than a second at first, five minutes at most.
    """
    seconds = pause(attempts, roll)

    assert 1 - JITTER <= seconds <= LONGEST_PAUSE
    if attempts == 1:
        assert seconds <= 1 + JITTER


def test_pauses_grow() -> None:
    """
    Doubling until they are the longest.
    """
    pauses = [pause(attempts, 0.5) for attempts in range(1, 12)]

    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert all(one <= other for one, other in pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE
