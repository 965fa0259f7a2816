"""
The reference of a plan's keys is what the model says, word for word.
"""

from pathlib import Path

from proxy.plan.document import render_keys
from proxy.plan.keys import KEYS
from proxy.settings.document import PLAN_KEYS

PROJECT = Path(__file__).parents[2]


def test_the_reference_is_current() -> None:
    """
    `docs/plan-keys.md` was written from this model.
    """
    assert (PROJECT / PLAN_KEYS).read_text() == render_keys(), "run `make docs`"


def test_every_key_has_a_meaning() -> None:
    """
    A row without one helps nobody.
    """
    assert not [path for path, key in KEYS.items() if not key.meaning and path[-1] != "source"]


def test_every_key_that_has_to_be_there_has_an_example() -> None:
    """
    Refusals write it after "write a value such as".
    """
    without = [path for path, key in KEYS.items() if key.required and key.example is None and key.section is None]

    assert {path[-1] for path in without} == {"source"}
