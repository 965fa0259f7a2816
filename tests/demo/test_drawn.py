"""
What is drawn anew for every answer, and taken back by who checks.
"""

from itertools import islice
from random import Random

import orjson
import pytest

from proxy.demo.drawn import calm, draw
from proxy.demo.load import script
from proxy.demo.planted import NOISE
from proxy.demo.shop import answer


def test_what_was_drawn_can_be_taken_back() -> None:
    """
    For every answer of a long run, whichever side gives it: then it is what was decided, byte for byte.
    """
    dice = Random(1)
    for ask in islice(script(), 2000):
        for side in ("old", "new"):
            decided = answer(side, ask.method, ask.target, ask.body).body

            assert calm(draw(decided, dice)) == decided


def test_only_where_noise_is_planted_anything_is_drawn() -> None:
    """
    All other answers are sent as they were decided.
    """
    dice, drawn = Random(1), set()
    for ask in islice(script(), 2000):
        decided = answer("old", ask.method, ask.target, ask.body).body
        if draw(decided, dice) != decided:
            drawn.add(ask.endpoint)

    assert drawn == set(NOISE)


@pytest.mark.parametrize(
    ("target", "low", "high"), [("/categories", 1.0, 1.0), ("/products?page=1", 0.4, 0.6), ("/stores", 1.0, 1.0)]
)
def test_two_answers_differ_as_often_as_is_said(target: str, low: float, high: float) -> None:
    """
    Trace ids and visitors always, one of two banners half of the time.
    """
    dice, decided = Random(1), answer("old", "GET", target).body
    pairs = [(draw(decided, dice), draw(decided, dice)) for _ in range(1000)]

    assert low <= sum(one != other for one, other in pairs) / 1000 <= high
    assert all(orjson.loads(one) for one, _ in pairs)
