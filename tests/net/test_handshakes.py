"""
Handshakes come in turn, and none is in the way of the others for long.
"""

from collections.abc import Callable

import pytest

from proxy.net.handshakes import A_TURN, CROWDED, REPEAT, Handshakes


class Guest:
    """
    Remembers what it was told.
    """

    def __init__(self, told: list["Guest"]) -> None:
        self._told = told
        self.given_up = ""

    def begin(self) -> None:
        """
        Its turn.
        """
        assert self not in self._told
        self._told.append(self)

    def give_up(self, why: str) -> None:
        """
        Took too long.
        """
        self.given_up = why


class Crowd:
    """
    Guests who want in; the test says when a turn of the loop is over.
    """

    def __init__(self, limit: int, size: int) -> None:
        self.errors: list[tuple[str, str]] = []
        self.handshakes = Handshakes(lambda *error: self.errors.append(error))
        self.begun: list[Guest] = []
        self.guests = [Guest(self.begun) for _ in range(size)]
        self.soon: list[Callable[[], None]] = []
        for guest in self.guests:
            self.handshakes.ask(guest, limit, self._later)

    def _later(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def turn(self) -> int:
        """
        One turn of the loop; how many began in it.
        """
        before, calls, self.soon = len(self.begun), self.soon, []
        assert len(calls) <= 1
        for call in calls:
            call()
        return len(self.begun) - before


def test_a_few_begin_in_each_turn_in_the_order_of_their_coming() -> None:
    """
    The loop turns in between, for those who are connected.
    """
    crowd = Crowd(limit=100, size=2 * A_TURN + 1)

    assert [crowd.turn() for _ in range(4)] == [A_TURN, A_TURN, 1, 0]
    assert crowd.begun == crowd.guests


def test_only_so_many_are_under_way() -> None:
    """
    The next begins when one is over; nobody is refused.
    """
    crowd = Crowd(limit=2, size=5)

    assert [crowd.turn(), crowd.turn()] == [2, 0]
    crowd.handshakes.over(crowd.guests[1])
    assert crowd.turn() == 1
    crowd.handshakes.over(crowd.guests[0])
    crowd.handshakes.over(crowd.guests[2])
    assert crowd.turn() == 2
    assert crowd.begun == crowd.guests
    assert crowd.errors == []


def test_who_goes_away_while_waiting_is_left_out() -> None:
    """
    And takes nobody's place; twice is once.
    """
    crowd = Crowd(limit=1, size=3)
    crowd.turn()
    crowd.handshakes.over(crowd.guests[1])
    crowd.handshakes.over(crowd.guests[1])
    assert crowd.turn() == 0
    crowd.handshakes.over(crowd.guests[0])

    assert crowd.turn() == 1
    assert crowd.begun == [crowd.guests[0], crowd.guests[2]]


@pytest.mark.parametrize(("size", "given_up"), [(2, False), (3, True)])
def test_whoever_takes_long_gives_way_to_those_who_wait(size: int, given_up: bool) -> None:
    """
    With nobody waiting it has all its time.
    """
    crowd = Crowd(limit=2, size=size)
    crowd.turn()
    crowd.handshakes.tick(CROWDED)
    assert not crowd.guests[0].given_up
    crowd.handshakes.tick(CROWDED + 0.1)

    assert [bool(guest.given_up) for guest in crowd.guests[:2]] == [given_up] * 2


def test_who_only_waits_for_the_next_turn_is_in_nobodys_way() -> None:
    """
    A loop that was held up finds both: old handshakes, whose next bytes it hasn't read yet, and new ones.
    """
    crowd = Crowd(limit=A_TURN + 1, size=A_TURN + 1)
    crowd.turn()
    crowd.handshakes.tick(CROWDED + 0.1)

    assert not any(guest.given_up for guest in crowd.guests)


def test_failures_are_counted_and_told_once_in_a_while() -> None:
    """
    Each reason by itself: the first at once, then their number.
    """
    crowd = Crowd(limit=1, size=0)
    handshakes = crowd.handshakes
    handshakes.failed("unknown ca")
    assert handshakes.due(100.0) == [("unknown ca", 1)]
    handshakes.failed("unknown ca")
    handshakes.failed("unknown ca")
    handshakes.failed("no shared cipher")
    assert handshakes.due(101.0) == [("no shared cipher", 1)]
    assert handshakes.due(100.0 + REPEAT) == [("unknown ca", 2)]
    assert handshakes.due(100.0 + 2 * REPEAT) == []

    assert crowd.errors == [("client", "tls")] * 4
