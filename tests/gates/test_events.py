"""
Events are the same wherever they are written, and travel with the table.
"""

from dataclasses import replace

import orjson
import pytest

from proxy.gates.events import EventSpec, Of, compile_event, event
from proxy.routing.table import decode, encode
from tests.parts.values import a_table

OF_NEW: tuple[Of, ...] = ("served", "new")


def test_equal_events_have_one_identity_and_others_have_others() -> None:
    """
    So a plan that is written anew goes on counting, and a changed event begins at 0.
    """
    made = event("old_ok&new_error", routes=("b", "a", "a"))
    others = [
        event("old_ok & new_error"),
        event("old_ok & new_error", routes=("a",)),
        event("old_ok & new_error", routes=("a", "b"), per_route=True),
        event("old_ok & new_error", routes=("a", "b"), unit="key/60s"),
        event("new_error", of="new", routes=("a", "b")),
        event("new_error", of="served", routes=("a", "b")),
    ]

    assert made == event(" old_ok  & new_error", routes=("a", "b"))
    assert made.expression == "old_ok & new_error"
    assert len({made.id, *(other.id for other in others)}) == 1 + len(others)


def test_events_travel_with_the_table() -> None:
    """
    And a table that was made before there were any has none.
    """
    events = event("mismatch", routes=("a",), per_route=True, unit="key/60s"), event("ms > 400 | error", of="served")
    table = replace(a_table(), events=events)
    before = orjson.loads(encode(a_table()))
    del before["events"]

    assert decode(encode(table)) == table
    assert decode(orjson.dumps(before)) == a_table()


@pytest.mark.parametrize("of", OF_NEW)
def test_an_answer_of_new_has_one_latency_by_two_names(of: Of) -> None:
    """
    What is written for pairs means the same of one side.
    """
    late = {"new_ok": True, "new_ms": 500.0, "failed": False}

    for text in ("ms > 400 | error", "new_ms > 400 | new_error", "(ms > 400) & ok", "ms > 400 & !failed"):
        assert compile_event(text, of).bad(late) is True
        assert compile_event(text, of).bad({**late, "new_ms": 1.0}) is False


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        ("mismatch", "served", "mismatch is nothing that is known here; write ok, error, ms, failed, new_ok"),
        ("old_ms > 3", "new", "old_ms is nothing"),
        ("new_error", "old", "new_error is nothing"),
        ("error", "pairs", "error is nothing that is known here; write old_ok"),
    ],
)
def test_what_is_not_of_the_side_is_refused(text: str, of: Of, said: str) -> None:
    """
    One side's answer says nothing of the other's.
    """
    with pytest.raises(ValueError, match=said):
        event(text, of=of)


def test_a_spec_comes_back_from_values() -> None:
    """
    As JSON carries them.
    """
    made = event("old_error", of="old", routes=("a", "b"))

    assert EventSpec.from_values({**orjson.loads(orjson.dumps(made))}) == made
