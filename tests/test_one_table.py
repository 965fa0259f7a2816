"""
No request sees two tables: who is live, what is copied, what is added and how it is answered is by the table that was
in force when the request's head was complete, whatever comes in between.
"""

import random
from contextlib import ExitStack

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.parts.play import Play

CHOICES = st.integers(0, 10_000)
EVENTS = 30_000


class AnyOrder(RuleBasedStateMachine):
    """
    Few events, in any order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._play = Play(self._stack)
        self._play.come(0)

    @rule(choice=CHOICES)
    def swap(self, choice: int) -> None:
        """
        Another table.
        """
        self._play.swap(choice)

    @rule(choice=CHOICES)
    def latch(self, choice: int) -> None:
        """
        The kill latch.
        """
        self._play.latch(choice)

    @rule(choice=CHOICES)
    def come(self, choice: int) -> None:
        """
        Another client.
        """
        self._play.come(choice)

    @rule(choice=CHOICES)
    def send(self, choice: int) -> None:
        """
        Some of a request.
        """
        self._play.send(choice)

    @rule(choice=CHOICES)
    def answer(self, choice: int) -> None:
        """
        Some of a live answer.
        """
        self._play.answer(choice)

    @rule(choice=CHOICES)
    def copy(self, choice: int) -> None:
        """
        Some of a shadow's answer.
        """
        self._play.copy(choice)

    @rule(choice=CHOICES)
    def reset(self, choice: int) -> None:
        """
        A side fails.
        """
        self._play.reset(choice)

    @rule(choice=CHOICES)
    def leave(self, choice: int) -> None:
        """
        A client goes.
        """
        self._play.leave(choice)

    @rule(choice=CHOICES)
    def wait(self, choice: int) -> None:
        """
        Time passes.
        """
        self._play.wait(choice)

    def teardown(self) -> None:
        """
        The books balance.
        """
        self._play.end()
        self._stack.close()


test_in_any_order = AnyOrder.TestCase


@pytest.mark.parametrize("seed", [1, 2])
def test_with_thousands_of_exchanges(seed: int) -> None:
    """
    Hundreds of them in play at any time, a table or the latch every twenty events; nearly all outlive their table.
    """
    dice = random.Random(seed)
    with ExitStack() as stack:
        play = Play(stack)
        weights = {
            play.come: 20, play.send: 160, play.answer: 120, play.copy: 60, play.swap: 16, play.latch: 4,
            play.wait: 20, play.reset: 2, play.leave: 4,
        }  # fmt: skip
        for act in dice.choices(list(weights), list(weights.values()), k=EVENTS):
            act(dice.randrange(10_000))
        play.end()

        assert play.begun > 3000
        assert play.copied > 1000
        assert play.refused > 500
        assert play.outlived > 1500
