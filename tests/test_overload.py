"""
The overload ladder: up in order, down with patience, and a gate that keeps a worker busy without a queue.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.overload import (
    AGAIN,
    BODIES,
    CALM,
    CLIENTS,
    COPIES,
    EASE,
    ENDLESS,
    GROWTH,
    LONGEST_REST,
    MOST,
    PATIENCE,
    QUOTA,
    READ,
    REQUESTS,
    REST,
    SIGN,
    THRESHOLDS,
    Gate,
    Ladder,
    Pressures,
    lag_pressure,
)

QUIET = Pressures()
RATE = 1000.0


def at(level: int) -> Ladder:
    """
    A ladder that has climbed to this level under full pressure.
    """
    ladder = Ladder()
    for _ in range(level):
        ladder.look(Pressures(lag=1.0), RATE, 0)
    assert ladder.level == level
    return ladder


def looks_until(ladder: Ladder, level: int, rate: float = RATE, pressures: Pressures = QUIET) -> int:
    """
    How many looks at these pressures it takes to come to `level`.
    """
    for looks in range(1, 1000):
        if ladder.look(pressures, rate, 0) == level:
            return looks
    raise AssertionError(f"still at {ladder.level}")


@pytest.mark.parametrize("which", Pressures._fields)
@pytest.mark.parametrize(("level", "threshold"), list(enumerate(THRESHOLDS)))
def test_each_pressure_climbs_at_each_threshold(which: str, level: int, threshold: float) -> None:
    """
    Reached is enough; just below is not.
    """
    assert at(level).look(Pressures(**{which: threshold}), RATE, 0) == level + 1
    assert at(level).look(Pressures(**{which: threshold - 0.001}), RATE, 0) == level


def test_the_highest_pressure_counts() -> None:
    """
    Plenty of one thing doesn't make up for the lack of another.
    """
    pressures = Pressures(memory=0.1, lag=0.72, descriptors=0.4)

    assert pressures.highest == 0.72
    assert pressures.stocks == 0.4


@pytest.mark.parametrize(
    ("turn", "pressure"),
    [(0.0, 0.0), (0.031, 0.5), (0.121, 0.7), (0.205, 0.8), (0.329, 0.9), (0.408, 0.95), (8.0, 2.0)],
)
def test_lag_is_felt_by_its_order_of_magnitude(turn: float, pressure: float) -> None:
    """
    Of a turn of half a second; a limit of 0 means that nobody looks.
    """
    assert lag_pressure(turn, 0.5) == pytest.approx(pressure, abs=0.002)
    assert lag_pressure(turn, 0.0) == 0.0


def test_one_bad_look_is_one_step() -> None:
    """
    However bad: a 503 needs four in a row.
    """
    ladder = Ladder()

    assert [ladder.look(Pressures(lag=50.0), RATE, 0) for _ in range(6)] == [1, 2, 3, 4, 4, 4]


@pytest.mark.parametrize("level", [BODIES, COPIES, CLIENTS, REQUESTS])
def test_it_stays_within_five_points_of_the_threshold(level: int) -> None:
    """
    Or it would go up and down with every look.
    """
    ladder = at(level)
    near = Pressures(memory=THRESHOLDS[level - 1] - EASE)
    for _ in range(LONGEST_REST * 2):
        assert ladder.look(near, RATE, 0) == level


def test_it_comes_down_one_step_at_a_time() -> None:
    """
    From the top to the bottom in less than five seconds of four looks each.
    """
    ladder = at(REQUESTS)
    levels = [ladder.look(QUIET, 0.0, 0) for _ in range(19)]

    assert levels == [*[4] * (PATIENCE - 1), *[3] * PATIENCE, *[2] * REST, *[1] * PATIENCE, *[0] * (20 - 3 * 2 - REST)]


def test_a_bad_look_in_between_starts_the_patience_anew() -> None:
    """
    Calm is what lasts.
    """
    ladder = at(CLIENTS)
    for _ in range(5):
        assert ladder.look(QUIET, RATE, 0) == CLIENTS
        assert ladder.look(Pressures(lag=0.87), RATE, 0) == CLIENTS


def test_the_top_is_not_left_while_requests_are_refused() -> None:
    """
    That the queue is short then is the work of the refusing.
    """
    ladder = at(REQUESTS)
    for _ in range(50):
        assert ladder.look(QUIET, RATE, 1) == REQUESTS

    assert looks_until(ladder, CLIENTS) == PATIENCE


# Copies, which may be what was too much...


def test_copies_come_back_a_few_at_a_time() -> None:
    """
    The same requests as before may be too many again.
    """
    ladder = at(COPIES)
    assert ladder.copies == 0.0

    assert looks_until(ladder, BODIES) == REST
    assert ladder.copies == GROWTH
    shares = []
    while ladder.copies < 1.0:
        ladder.look(QUIET, RATE, 0)
        shares.append(ladder.copies)
    assert shares == sorted(shares)
    assert len(shares) == pytest.approx(1 / GROWTH, abs=1)


def test_copies_come_back_at_once_when_requests_are_fewer() -> None:
    """
    It was them, not the copies.
    """
    ladder = at(COPIES)

    assert looks_until(ladder, BODIES, rate=RATE * 0.79) == REST
    assert ladder.copies == 1.0


def test_a_queue_that_begins_to_stand_takes_copies_back_at_once() -> None:
    """
    While they come back they are on probation, and clients shouldn't feel it.
    """
    ladder = at(COPIES)
    looks_until(ladder, CALM)

    assert ladder.look(Pressures(lag=SIGN), RATE, 0) == COPIES
    assert ladder.copies == 0.0


def test_memory_that_stays_does_not_keep_copies_away() -> None:
    """
    What is held and needed is no sign of anything.
    """
    ladder = at(COPIES)
    steady = Pressures(memory=0.5)
    looks_until(ladder, CALM, pressures=steady)
    for _ in range(round(1 / GROWTH)):
        ladder.look(steady, RATE, 0)

    assert (ladder.level, ladder.copies) == (CALM, 1.0)


def test_copies_that_are_too_much_again_rest_longer_each_time() -> None:
    """
    Up to half a minute.
    """
    ladder = at(COPIES)
    rests = []
    for _ in range(8):
        rests.append(looks_until(ladder, BODIES))
        ladder.look(Pressures(lag=SIGN), RATE, 0)

    assert rests == [REST, 8, 16, 32, 64, LONGEST_REST, LONGEST_REST, LONGEST_REST]


def test_after_a_good_while_the_rest_is_short_again() -> None:
    """
    What happens now is another matter.
    """
    ladder = at(COPIES)
    looks_until(ladder, BODIES)
    ladder.look(Pressures(lag=SIGN), RATE, 0)
    looks_until(ladder, CALM)
    for _ in range(AGAIN):
        ladder.look(QUIET, RATE, 0)
    for _ in range(2):
        ladder.look(Pressures(lag=1.0), RATE, 0)

    assert ladder.level == COPIES
    assert looks_until(ladder, BODIES) == REST


def test_fewer_requests_end_a_long_rest() -> None:
    """
    When the load ends nobody waits half a minute for comparisons.
    """
    ladder = at(COPIES)
    for _ in range(6):
        looks_until(ladder, BODIES)
        ladder.look(Pressures(lag=SIGN), RATE, 0)

    assert looks_until(ladder, BODIES, rate=0.0) == REST


@pytest.mark.parametrize("level", range(5))
def test_without_a_connection_left_copies_end_at_once(level: int) -> None:
    """
    The 503 that follows can't wait for a look.
    """
    ladder = at(level)

    assert ladder.full() == REQUESTS
    assert ladder.copies == 0.0


def test_they_stay_away_while_that_goes_on() -> None:
    """
    No look is calm in which it happened.
    """
    ladder = Ladder()
    for _ in range(50):
        ladder.full()
        assert ladder.look(QUIET, RATE, 0) == REQUESTS

    assert looks_until(ladder, CLIENTS) <= PATIENCE


class Climbing(RuleBasedStateMachine):
    """
    Any pressures in any order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ladder = Ladder()
        self.bad_looks = 0

    @rule(
        memory=st.floats(0, 2),
        lag=st.floats(0, 20),
        descriptors=st.floats(0, 1),
        rate=st.floats(0, 1e5),
        refused=st.integers(0, 5),
    )
    def look(self, memory: float, lag: float, descriptors: float, rate: float, refused: int) -> None:
        """
        A quarter of a second later.
        """
        before, probation = self.ladder.level, self.ladder.copies < 1.0
        pressures = Pressures(memory, lag, descriptors)
        after = self.ladder.look(pressures, rate, refused if before == REQUESTS else 0)

        assert before - 1 <= after <= before + 1 or (probation and after == COPIES)
        self.bad_looks = self.bad_looks + 1 if pressures.highest >= THRESHOLDS[0] - EASE else 0
        if after == REQUESTS and before < REQUESTS:
            assert before == CLIENTS
            assert pressures.highest >= THRESHOLDS[-1]

    @rule()
    def full(self) -> None:
        """
        The live side has no connection left.
        """
        self.ladder.full()

        assert self.ladder.level == REQUESTS

    @invariant()
    def no_request_is_refused_while_copies_are_made(self) -> None:
        """
        Clients never pay for the experiment.
        """
        assert (self.ladder.copies == 0.0) == (self.ladder.level >= COPIES)
        assert 0.0 <= self.ladder.copies <= 1.0

    def teardown(self) -> None:
        """
        However it went: it comes back, to all copies.
        """
        for _ in range(4 * PATIENCE + REST):
            self.ladder.look(QUIET, 0.0, 0)
        assert self.ladder.level == CALM
        for _ in range(round(1 / GROWTH) + 1):
            self.ladder.look(QUIET, 0.0, 0)
        assert self.ladder.copies == 1.0


TestClimbing = Climbing.TestCase


# The gate...


class Turns:
    """
    The loop as far as a gate knows it.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def soon(self, call: Callable[[], None]) -> None:
        """
        Call it between this turn and the next.
        """
        self.calls.append(call)

    def next(self) -> None:
        """
        The present turn is over.
        """
        calls, self.calls = self.calls, []
        for call in calls:
            call()


def admitted(gate: Gate, requests: int) -> int:
    """
    How many of so many requests are let in; the dice say 0.5.
    """
    return sum(gate.admits(0.5) for _ in range(requests))


def test_a_turn_lets_so_many_requests_in() -> None:
    """
    And refuses the rest of those that wait.
    """
    turns = Turns()
    gate = Gate(turns.soon, paced=True)

    assert admitted(gate, QUOTA + 30) == QUOTA
    turns.next()
    assert admitted(gate, QUOTA - 1) == QUOTA - 1
    turns.next()
    assert admitted(gate, QUOTA + 1) == QUOTA
    assert gate.look(0.0) == 31
    assert gate.look(0.0) == 0


def test_a_turn_that_does_not_end_is_taken_for_several() -> None:
    """
    Somebody is served whatever happens.
    """
    gate = Gate(Turns().soon, paced=True)

    assert admitted(gate, 10 * (QUOTA + ENDLESS)) == 10 * QUOTA


def test_a_gate_asks_for_one_call_a_turn() -> None:
    """
    And for none while nobody comes.
    """
    turns = Turns()
    gate = Gate(turns.soon, paced=True)
    admitted(gate, 1000)

    assert len(turns.calls) == 1
    turns.next()
    assert not turns.calls


def test_clients_are_read_from_in_the_order_in_which_they_came() -> None:
    """
    So many a turn, until none is left; then nobody asks for turns any more.
    """
    turns, read = Turns(), list[int]()
    gate = Gate(turns.soon, paced=True)
    for client in range(2 * READ + 5):
        gate.rest(partial(read.append, client))
    seen = []
    while turns.calls:
        turns.next()
        seen.append(len(read))

    assert seen == [READ, 2 * READ, 2 * READ + 5]
    assert read == sorted(read)


@pytest.mark.parametrize("paced", [True, False])
def test_an_open_gate_lets_everybody_be_read_from(paced: bool) -> None:
    """
    At once; not paced, it does so every turn.
    """
    turns, read = Turns(), list[int]()
    gate = Gate(turns.soon, paced=paced)
    for client in range(3 * READ):
        gate.rest(partial(read.append, client))
    if paced:
        gate.open()
    else:
        turns.next()

    assert len(read) == 3 * READ


@pytest.mark.parametrize(
    ("stocks", "share"), [(0.0, 0.0), (0.95, 0.0), (0.96, 0.2), (0.975, 0.5), (1.0, MOST), (7.0, MOST)]
)
def test_memory_and_descriptors_refuse_a_share(stocks: float, share: float) -> None:
    """
    The nearer the end, the more; never all.
    """
    gate = Gate(Turns().soon, paced=False)
    gate.look(stocks)

    assert gate.share == pytest.approx(share)
    assert sum(gate.admits(roll / 1000) for roll in range(1000)) == pytest.approx(1000 * (1 - share), abs=2)


def test_without_a_limit_for_lag_turns_may_take_any_time() -> None:
    """
    `overload.lag: 0` doesn't look at it.
    """
    turns = Turns()

    assert admitted(Gate(turns.soon, paced=False), 10 * QUOTA) == 10 * QUOTA
    assert not turns.calls


# Both together, on a worker in numbers...

# Seconds of a worker's time: a request with and without a copy, the answers of both sides, a refusal. As measured on a
# two-core machine.
REQUEST, COPIED, ANSWER, SHADOW_ANSWER, REFUSAL = 29e-6, 80e-6, 28e-6, 50e-6, 15e-6
CAPACITY = 1 / (COPIED + ANSWER + SHADOW_ANSWER)
UNCOPIED = 1 / (REQUEST + ANSWER)
LAG, CONNECTIONS = 0.5, 1024
LOOK = 0.25


class InNumbers:
    """
    One worker whose clients send `rate` requests a second for `seconds`, whatever becomes of them.
    """

    def __init__(self, rate: float, seconds: float) -> None:
        self._dice = Random(7)
        self._rate, self._seconds = rate, seconds
        self._turns = Turns()
        self.ladder, self.gate = Ladder(), Gate(self._turns.soon, paced=True)
        self.now = self._next = 0.0
        self._waiting: deque[float] = deque()
        self._answers: deque[tuple[float, float, float | None]] = deque()
        self._open = self._asked = 0
        self._looked, self._lengths = 0.0, list[float]()
        # What came of it: when each answer was given and how late, when each 503 was given, when each copy was made.
        self.answered: list[tuple[float, float]] = []
        self.refused: list[float] = []
        self.copied: list[float] = []
        self.levels: list[tuple[float, int]] = []

    def run(self, until: float) -> "InNumbers":
        """
        Turn until then.
        """
        while self.now < until:
            self._arrive()
            began = self.now
            self._read_answers(began)
            for _ in range(len(self._waiting)):
                self._begin(self._waiting.popleft())
            self._turns.next()
            self.now += 20e-6
            self._lengths.append(self.now - began)
            if self.now >= self._looked + LOOK:
                self._look()
        return self

    def _arrive(self) -> None:
        if not self._waiting and (not self._answers or self._answers[0][0] > self.now):
            # Nothing to do before the next of these.
            coming = self._next if self._next < self._seconds else self._looked + LOOK
            self.now = max(self.now, min(coming, self._looked + LOOK, *(at for at, _, _ in list(self._answers)[:1])))
        while self._next <= self.now and self._next < self._seconds:
            self._waiting.append(self._next)
            self._next += self._dice.expovariate(self._rate)

    def _read_answers(self, began: float) -> None:
        while self._answers and self._answers[0][0] <= began:
            _, cost, asked = self._answers.popleft()
            self.now += cost
            if asked is not None:
                self._open -= 1
                self.answered.append((self.now, self.now - asked))

    def _begin(self, asked: float) -> None:
        self._asked += 1
        if self.ladder.level == REQUESTS and not self.gate.admits(self._dice.random()):
            self.now += REFUSAL
            self.refused.append(self.now)
        elif self._open >= CONNECTIONS:
            self.ladder.full()
            self.now += 2 * REFUSAL
            self.refused.append(self.now)
        else:
            copied = self._dice.random() < self.ladder.copies
            self.now += COPIED if copied else REQUEST
            self._open += 1
            self._answers.append((self.now + 0.001, ANSWER, asked))
            if copied:
                self.copied.append(self.now)
                self._answers.append((self.now + 0.001, SHADOW_ANSWER, None))

    def _look(self) -> None:
        pressures = Pressures(lag=lag_pressure(min(self._lengths), LAG))
        refused = self.gate.look(0.0)
        level = self.ladder.look(pressures, self._asked / (self.now - self._looked), refused)
        self.levels.append((self.now, level))
        self._looked, self._asked = self.now, 0
        self._lengths.clear()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_below_capacity_nothing_is_shed(share: float) -> None:
    """
    However near.
    """
    worker = InNumbers(CAPACITY * share, 10.0).run(10.0)

    assert {level for _, level in worker.levels} == {CALM}
    assert len(worker.copied) >= len(worker.answered) > 9.8 * CAPACITY * share


@pytest.mark.parametrize("times", [1.2, 2.0, 2.5])
def test_when_copies_are_too_much_clients_hardly_notice(times: float) -> None:
    """
    Without them there is room for everybody; they are tried again now and then.
    """
    worker = InNumbers(CAPACITY * times, 20.0).run(20.0)
    settled = [late for now, late in worker.answered if now > 2.0]

    assert len(settled) > 18.0 * CAPACITY * times * 0.98
    assert not [now for now in worker.refused if now > 2.0]
    assert sorted(settled)[len(settled) * 99 // 100] < 0.25
    assert [now for now in worker.copied if now > 5.0]


@pytest.mark.parametrize("times", [1.2, 1.5, 2.0])
def test_beyond_that_a_worker_serves_all_it_can(times: float) -> None:
    """
    What refusing costs is all that is lost, and who is answered is answered soon.
    """
    rate, began, end = UNCOPIED * times, 2.0, 6.0
    worker = InNumbers(rate, end).run(end)
    served = [late for now, late in worker.answered if now > began]
    best = (1.0 - rate * REFUSAL) / (REQUEST + ANSWER - REFUSAL)

    assert len(served) / (end - began) > best * 0.95
    assert max(served) < 0.5


@pytest.mark.parametrize("times", [2.0, 3.0, 6.0])
def test_no_copy_is_made_once_a_request_was_refused(times: float) -> None:
    """
    Until it is over.
    """
    end = 4.0
    worker = InNumbers(CAPACITY * times, end).run(end)
    if worker.refused:
        assert not [now for now in worker.copied if worker.refused[0] < now < worker.refused[0] + 1.0]
    else:
        assert times == 2.0


@pytest.mark.parametrize("times", [2.0, 4.0, 6.0])
def test_it_is_over_within_five_seconds(times: float) -> None:
    """
    Back at the bottom, nobody refused.
    """
    end = 4.0
    worker = InNumbers(CAPACITY * times, end).run(end + 5.0)

    assert worker.ladder.level == CALM
    assert not [now for now in worker.refused if now > end + 0.5]
