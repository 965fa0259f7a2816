"""
What may be asked for, and what a refusal says.
"""

from typing import Any

import pytest

from proxy.admin.changes import LONGEST_REASON, Change, read_change, read_reason
from proxy.admin.steering import Invalid
from proxy.routing.intent import Intent, with_intent
from tests.parts.values import a_table

NOW = Intent(epoch=7, new=10.0, mirror=100.0)
TABLE = with_intent(
    a_table(
        routes=[
            {"name": "search", "match": {"path": "/search"}, "weight": 20},
            {"name": "plain", "match": {"path": "/"}},
        ],
        cohorts=[
            {"name": "staff", "match": {"header": {"x": "*"}}, "side": "new"},
            {"name": "beta", "match": {"cookie": {"b": "*"}}, "weight": 50},
        ],
    ),
    NOW,
)
WHY = {"reason": "why"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"new": 25}, Intent(epoch=8, new=25.0, mirror=100.0)),
        ({"new": 0.07}, Intent(epoch=8, new=0.07, mirror=100.0)),
        ({"new": -0.0}, Intent(epoch=8, new=0.0, mirror=100.0)),
        ({"mirror": 0}, Intent(epoch=8, new=10.0, mirror=0.0)),
        ({"new": 100, "mirror": 33.33}, Intent(epoch=8, new=100.0, mirror=33.33)),
    ],
)
def test_only_the_keys_that_are_there_change(body: dict[str, Any], expected: Intent) -> None:
    """
    The rest of the intent stays.
    """
    after = read_change({**body, **WHY}).of(NOW, 8)

    assert after == expected
    assert str(after.new)[0] != "-"


def test_the_words_of_a_change_are_kept() -> None:
    """
    The reason without spaces around it, the epoch as it was seen.
    """
    assert read_change({"new": 1, "reason": "  prices are fine ", "epoch": 7}) == Change(
        new=1.0, mirror=None, reason="prices are fine", epoch=7
    )
    assert read_change({"new": 1, **WHY}).action == "weights"
    assert read_change({"mirror": 1, **WHY}).action == "mirror"


@pytest.mark.parametrize(
    ("body", "calms"),
    [
        ({"new": 9.99}, True),
        ({"new": 10}, True),
        ({"new": 10.01}, False),
        ({"mirror": 99}, True),
        ({"new": 0, "mirror": 0}, True),
        ({"new": 11, "mirror": 0}, False),
    ],
)
def test_a_change_that_gives_new_no_more_of_anything_calms(body: dict[str, Any], calms: bool) -> None:
    """
    Such a change doesn't wait for a disk.
    """
    assert read_change({**body, **WHY}).calms(TABLE) is calms


def test_more_copies_are_more_load_on_new() -> None:
    """
    Even with fewer clients.
    """
    now = with_intent(TABLE, Intent(epoch=1, new=50.0, mirror=10.0))

    assert not read_change({"new": 0, "mirror": 11, **WHY}).calms(now)


@pytest.mark.parametrize(
    ("intent", "body", "calms"),
    [
        ({}, {"routes": {"search": 19}}, True),
        ({}, {"routes": {"search": 21}, "new": 0}, False),
        ({"routes": {"search": 30}}, {"routes": {"search": None}}, True),
        ({"routes": {"search": 10}}, {"routes": {"search": None}}, False),
        ({}, {"routes": {"plain": 10}}, True),
        ({}, {"routes": {"plain": 11}}, False),
        ({"routes": {"plain": 0}}, {"routes": {"plain": None}}, False),
        ({}, {"cohorts": {"beta": 50}}, True),
        ({}, {"cohorts": {"beta": 50.01}}, False),
    ],
)
def test_a_change_calms_only_if_it_does_so_on_every_route(
    intent: dict[str, Any], body: dict[str, Any], calms: bool
) -> None:
    """
    By what is in force there, from wherever it comes.
    """
    table = with_intent(TABLE, Intent(epoch=1, new=10.0, mirror=100.0, **intent))

    assert read_change({**body, **WHY}).calms(table) is calms


def test_shares_of_routes_and_cohorts_are_changed_by_name() -> None:
    """
    Those that aren't named stay; null is what the configuration says.
    """
    now = Intent(epoch=7, new=10.0, mirror=100.0, routes={"search": 5, "gone": 6}, cohorts={"beta": 7})
    change = read_change({"routes": {"search": None, "plain": 1}, "cohorts": {"beta": 0}, **WHY})

    assert change.of(now, 8) == Intent(
        epoch=8, new=10.0, mirror=100.0, routes={"gone": 6, "plain": 1.0}, cohorts={"beta": 0.0}
    )
    assert change.action == "weights"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"routes": {"serach": 1}}, "routes.serach"),
        ({"cohorts": {"search": 1}}, "cohorts.search"),
        ({"cohorts": {"staff": 1}}, "cohorts.staff"),
        ({"routes": {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9": 1}}, "routes.a key"),
    ],
)
def test_only_what_is_there_can_be_changed(body: dict[str, Any], key: str) -> None:
    """
    A cohort that a side has by the configuration can't.
    """
    with pytest.raises(Invalid) as refused:
        read_change({**body, **WHY}).check(TABLE)

    assert refused.value.key == key


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, ""),
        (WHY, ""),
        ({"epoch": 7, **WHY}, ""),
        ({"weight": 1, **WHY}, "weight"),
        ({"override": 1, "new": 1, **WHY}, "override"),
        ({"routes": {}, **WHY}, ""),
        ({"cohorts": 5, "new": 1, **WHY}, "cohorts"),
        ({"routes": {"search": 101}, **WHY}, "routes.search"),
        ({"routes": {"search": True}, **WHY}, "routes.search"),
        ({"new": "10", **WHY}, "new"),
        ({"new": None, **WHY}, "new"),
        ({"new": True, **WHY}, "new"),
        ({"new": [10], **WHY}, "new"),
        ({"new": float("nan"), **WHY}, "new"),
        ({"new": float("inf"), **WHY}, "new"),
        ({"new": 10**400, **WHY}, "new"),
        ({"new": -1, **WHY}, "new"),
        ({"new": 100.01, **WHY}, "new"),
        ({"new": 0.001, **WHY}, "new"),
        ({"mirror": 101, **WHY}, "mirror"),
        ({"new": 1, "mirror": "x", **WHY}, "mirror"),
        ({"new": 1}, "reason"),
        ({"new": 1, "reason": ""}, "reason"),
        ({"new": 1, "reason": "  \n"}, "reason"),
        ({"new": 1, "reason": 5}, "reason"),
        ({"new": 1, "reason": None}, "reason"),
        ({"new": 1, "reason": "x" * (LONGEST_REASON + 1)}, "reason"),
        ({"new": 1, "reason": "a\x1b[2Jb"}, "reason"),
        ({"new": 1, "reason": "a\nb"}, "reason"),
        ({"new": 1, "reason": "\ud800"}, "reason"),
        ({"new": 1, "epoch": "7", **WHY}, "epoch"),
        ({"new": 1, "epoch": True, **WHY}, "epoch"),
        ({"new": 1, "epoch": 7.5, **WHY}, "epoch"),
        ({"new": 1, "epoch": -1, **WHY}, "epoch"),
    ],
)
def test_a_body_that_can_not_be_used_is_refused_with_its_key(body: dict[str, Any], key: str) -> None:
    """
    As a whole: nothing of it is done.
    """
    with pytest.raises(Invalid) as caught:
        read_change(body)

    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: " if key else "there is nothing to change")


def test_what_was_sent_is_not_repeated() -> None:
    """
    It may be a secret, megabytes long, or draw something in a terminal.
    """
    for body in ({"new": "hunter2", **WHY}, {"new": 1, "reason": ["hunter2"]}, {"new": 1, "epoch": "hunter2", **WHY}):
        with pytest.raises(Invalid) as caught:
            read_change(body)
        assert "hunter2" not in str(caught.value)
    for key in ("x" * 1000, "\x1b[2J", "\ud800"):
        with pytest.raises(Invalid) as caught:
            read_change({key: 1})
        assert len(str(caught.value)) < 150
        assert str(caught.value).isprintable()


def test_a_kill_needs_no_words() -> None:
    """
    But takes them, and nothing else.
    """
    assert read_reason({}) == ""
    assert read_reason({"reason": " fire "}) == "fire"
    for body in ({"reason": 1}, {"new": 0}, {"reason": "a\0b"}):
        with pytest.raises(Invalid):
            read_reason(body)
