"""
Answers as lines for people.
"""

from typing import Any

from proxy.remote.show import audit_lines, change_lines, having, is_weights, tamed, weights_lines
from tests.parts.admin import WEIGHTS

QUIET: dict[str, Any] = {**WEIGHTS, "warnings": []}


def test_a_change_says_what_was_and_what_is() -> None:
    """
    With its epoch, and that every worker has it.
    """
    after = {**QUIET, "new": 25.0, "old": 75.0, "epoch": 4}

    assert change_lines(QUIET, after) == ["new 10 % → 25 % (epoch 3 → 4)", "in every worker (1)"]
    assert change_lines(QUIET, {**after, "mirror": 12.5})[0] == "new 10 % → 25 %, mirror 100 % → 12.5 % (epoch 3 → 4)"


def test_a_change_that_changes_nothing_says_so() -> None:
    """
    With what is in force.
    """
    assert change_lines(QUIET, QUIET)[0] == "nothing changes: new 10 %, mirror 100 % (epoch 3 → 3)"


def test_shares_of_routes_and_cohorts_are_told_by_name() -> None:
    """
    In a picture and in a change; those that stay aren't told of a change.
    """
    before = {**QUIET, "routes": {"search": 5, "images": 0}, "cohorts": {"staff": 100}}
    after = {**before, "routes": {"search": 7.5, "images": 0}, "epoch": 4}

    assert change_lines(before, after)[0] == "route search 5 % → 7.5 % (epoch 3 → 4)"
    assert weights_lines(before)[2:5] == [
        "route search: new answers 5 %",
        "route images: new answers 0 %",
        "cohort staff: new answers 100 %",
    ]


def test_laggards_and_warnings_are_named() -> None:
    """
    A change that not everybody has is no finished one.
    """
    after = {**WEIGHTS, "new": 25.0, "epoch": 4, "lagging": ["host/0", "host/2"]}

    assert change_lines(QUIET, after)[1:] == [
        "not yet in host/0, host/2, which will get it or be replaced",
        "one worker lags (warning)",
    ]
    assert having(QUIET) == "in every worker (1)"


def test_a_change_of_somebody_else_in_between_is_told() -> None:
    """
    What was before wasn't what was asked for, then.
    """
    assert change_lines(QUIET, {**QUIET, "epoch": 6})[1] == (
        "somebody else changed it too, in between: `parallax audit` has who"
    )


def test_killed_comes_first() -> None:
    """
    What is stored and not in force must not look as if it were.
    """
    lines = weights_lines({**QUIET, "killed": True})

    assert lines[0] == "killed: everything goes to old and nothing is copied"
    assert lines[1].startswith("after `parallax restore`: old answers 90 %")


def test_the_audit_is_a_table() -> None:
    """
    When, who, what, from what to what, and why; of what was refused, to what it would have been.
    """
    entries: list[dict[str, Any]] = [
        {
            "at": "2026-01-01T00:00:01.000Z",
            "actor": "ops",
            "action": "weights",
            "before": {"epoch": 3, "new": 5.0, "mirror": 100.0},
            "after": {"epoch": 4, "new": 25.0, "mirror": 100.0},
            "reason": "first users",
        },
        {"at": "2026-01-01T00:00:00.000Z", "actor": "SIGUSR1", "action": "kill", "reason": "", "before": None},
        {"at": "2026-01-01T00:00:00.000Z", "actor": "-", "action": "start", "reason": "", "after": {"new": 0.5}},
        {
            "at": "2026-01-01T00:00:00.000Z",
            "actor": "ann",
            "action": "refused",
            "before": {"epoch": 5, "new": 60.0},
            "after": {"epoch": 4, "new": 50.0},
            "reason": "more (the store is full)",
        },
    ]

    assert audit_lines(entries) == [
        "2026-01-01T00:00:01.000Z  ops      weights  new 5 → 25   first users",
        "2026-01-01T00:00:00.000Z  SIGUSR1  kill",
        "2026-01-01T00:00:00.000Z  -        start    new 0.5",
        "2026-01-01T00:00:00.000Z  ann      refused  new 50 → 60  more (the store is full)",
    ]
    assert audit_lines([]) == []


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    """
    A reason is anybody's text: control characters in it are shown as such, wherever they stand.
    """
    assert tamed("a\x1b[2Jb\n") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
    assert tamed({"\x07": ["é\x9b", 7, None]}) == {
        "\N{REPLACEMENT CHARACTER}": ["é\N{REPLACEMENT CHARACTER}", 7, None],
    }


def test_other_json_is_no_answer_of_ours() -> None:
    """
    All of the keys, or none of our business.
    """
    assert is_weights(WEIGHTS)
    assert not is_weights({"old": 1.0})
