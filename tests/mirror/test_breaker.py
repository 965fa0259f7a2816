"""
The breaker opens for what a side can't do, never for what it answers, and finds out by itself when it can again.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mirror.breaker import (
    CLOSED,
    FULL,
    HALF_OPEN,
    OPEN,
    OPEN_FIRST,
    OPEN_LONGEST,
    PROBE_SHARE,
    PROBES,
    SAMPLES,
    STOPPED,
    WINDOW,
    Breaker,
)

START = 1000.0
# In the middle of the jitter: exactly the nominal time.
MIDDLE = 0.5


def after(*causes: str | None, now: float = START) -> Breaker:
    """
    A breaker that saw copies end like this, all at once.
    """
    breaker = Breaker(enabled=True)
    for cause in causes:
        breaker.ended(cause, now, MIDDLE)
    return breaker


def opened(now: float = START) -> Breaker:
    """
    One that has just opened.
    """
    breaker = after(*["refused"] * SAMPLES, now=now)
    assert breaker.state == OPEN
    return breaker


def half_open(now: float = START) -> tuple[Breaker, float]:
    """
    One that lets probes through, and the time.
    """
    breaker = opened(now)
    later = now + OPEN_FIRST
    assert breaker.allows(later, 0.0)
    return breaker, later


def test_it_begins_closed_and_allows_everything() -> None:
    """
    Innocent until seen.
    """
    breaker = Breaker(enabled=True)

    assert breaker.state == CLOSED
    assert breaker.allows(START, 0.999)


@pytest.mark.parametrize("cause", ["refused", "connect_timeout", "timeout", "malformed", "terminated", "overran"])
def test_half_of_enough_copies_open_it(cause: str) -> None:
    """
    Exactly half is enough.
    """
    assert after(*[None, cause] * (SAMPLES // 2)).state == OPEN


def test_less_than_half_does_not() -> None:
    """
    However many there are.
    """
    assert after(*[None, None, "refused"] * 100).state == CLOSED


def test_too_few_copies_say_nothing() -> None:
    """
    One short of enough, all of them bad.
    """
    assert after(*["refused"] * (SAMPLES - 1)).state == CLOSED


@pytest.mark.parametrize("cause", [None, STOPPED])
def test_an_answer_never_counts_against_a_side(cause: str | None) -> None:
    """
    Nor does a copy that Parallax ended itself.
    """
    assert after(*[cause] * 500).state == CLOSED


def test_copies_that_we_ended_are_no_evidence_either_way() -> None:
    """
    They neither thin out the bad ones nor close a breaker that waits for its probes.
    """
    breaker, now = half_open()
    for _ in range(PROBES * 3):
        breaker.ended(STOPPED, now, MIDDLE)

    assert breaker.state == HALF_OPEN
    assert after(*[STOPPED] * 500, *["refused"] * SAMPLES).state == OPEN


def test_a_window_forgets() -> None:
    """
    Bad copies spread thin are no storm.
    """
    breaker = Breaker(enabled=True)
    for number in range(SAMPLES * 5):
        breaker.ended("refused", START + number * (WINDOW / (SAMPLES - 1)), MIDDLE)

    assert breaker.state == CLOSED


def test_open_it_allows_nothing_until_its_time_is_over() -> None:
    """
    Then one in twenty goes through.
    """
    breaker = opened()

    assert not breaker.allows(START + OPEN_FIRST - 0.01, 0.0)
    assert breaker.state == OPEN
    assert not breaker.allows(START + OPEN_FIRST, PROBE_SHARE)
    assert breaker.state == HALF_OPEN
    assert breaker.allows(START + OPEN_FIRST, PROBE_SHARE - 0.001)


@pytest.mark.parametrize(("roll", "factor"), [(0.0, 0.9), (MIDDLE, 1.0), (1.0, 1.1)])
def test_jitter_keeps_workers_out_of_step(roll: float, factor: float) -> None:
    """
    Ten percent either way.
    """
    breaker = Breaker(enabled=True)
    for _ in range(SAMPLES):
        breaker.ended("timeout", START, roll)
    end = START + OPEN_FIRST * factor

    assert not breaker.allows(end - 0.001, 0.0)
    assert breaker.allows(end + 0.001, 0.0)


def test_while_it_is_open_late_endings_change_nothing() -> None:
    """
    Copies that were under way when it opened.
    """
    breaker = opened()

    breaker.ended("refused", START + 1, MIDDLE)
    breaker.ended(None, START + 1, MIDDLE)

    assert breaker.state == OPEN
    assert breaker.allows(START + OPEN_FIRST, 0.0)


def test_enough_good_probes_close_it_with_a_clean_slate() -> None:
    """
    What was counted before doesn't count again.
    """
    breaker, now = half_open()
    for _ in range(PROBES - 1):
        breaker.ended(None, now, MIDDLE)

    assert breaker.state == HALF_OPEN
    breaker.ended(None, now, MIDDLE)
    assert breaker.state == CLOSED
    for _ in range(SAMPLES - 1):
        breaker.ended("refused", now, MIDDLE)
    assert breaker.state == CLOSED


def test_one_bad_probe_opens_it_again_for_twice_as_long() -> None:
    """
    Up to a minute, and from the beginning once it was closed.
    """
    breaker = opened()
    now, lengths = START, []
    for _ in range(6):
        length = next(seconds for seconds in range(1, 200) if breaker.allows(now + seconds, 0.0))
        lengths.append(float(length))
        now += length
        breaker.ended("timeout", now, MIDDLE)

    assert lengths == [5.0, 10.0, 20.0, 40.0, OPEN_LONGEST, OPEN_LONGEST]

    now += OPEN_LONGEST
    assert breaker.allows(now, 0.0)
    for _ in range(PROBES):
        breaker.ended(None, now, MIDDLE)
    for _ in range(SAMPLES):
        breaker.ended("refused", now, MIDDLE)
    assert not breaker.allows(now + OPEN_FIRST - 0.01, 0.0)
    assert breaker.allows(now + OPEN_FIRST, 0.0)


def test_being_full_for_long_opens_it() -> None:
    """
    A side that answers so slowly that there is never room.
    """
    breaker = Breaker(enabled=True)

    breaker.full(START, MIDDLE)
    breaker.full(START + FULL - 0.01, MIDDLE)
    assert breaker.state == CLOSED
    breaker.full(START + FULL, MIDDLE)
    assert breaker.state == OPEN


def test_room_in_between_starts_the_time_anew() -> None:
    """
    Full now and then is what a limit is for.
    """
    breaker = Breaker(enabled=True)

    breaker.full(START, MIDDLE)
    breaker.not_full()
    breaker.full(START + FULL, MIDDLE)

    assert breaker.state == CLOSED


def test_switched_off_it_never_opens() -> None:
    """
    `mirror.breaker: false`.
    """
    breaker = Breaker(enabled=False)
    for _ in range(SAMPLES * 2):
        breaker.ended("refused", START, MIDDLE)
    breaker.full(START, MIDDLE)
    breaker.full(START + FULL * 2, MIDDLE)

    assert breaker.state == CLOSED


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ended", "allows", "full", "not_full"]),
        st.sampled_from([None, "refused", "timeout", STOPPED, "malformed"]),
        st.floats(0, 30),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=200,
)


@given(EVENTS)
def test_it_always_comes_back(events: list[tuple[str, str | None, float, float]]) -> None:
    """
    Whatever happened: let a minute and a bit pass, answer the probes, and it is closed.
    """
    breaker, now = Breaker(enabled=True), START
    for kind, cause, step, roll in events:
        now += step
        match kind:
            case "ended":
                breaker.ended(cause, now, roll)
            case "allows":
                breaker.allows(now, roll)
            case "full":
                breaker.full(now, roll)
            case _:
                breaker.not_full()

    now += OPEN_LONGEST * 1.1
    for _ in range(PROBES):
        assert breaker.allows(now, 0.0)
        breaker.ended(None, now, MIDDLE)

    assert breaker.state == CLOSED
