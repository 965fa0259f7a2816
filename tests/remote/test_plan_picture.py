"""
What `plan status` shows, as text.
"""

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from proxy.remote.plan_picture import bar, clock, line, picture, span

NOW = 1_700_000_000.0
STAGES = ("shadow", "live-1", "live-10", "live-50", "live-100", "soak")
SHARES = (0, 1, 10, 50, 100, 100)


def gate(name: str, result: str, fail: float, passed: float, **more: Any) -> dict[str, Any]:
    sentence = f"{name}: 12 of 41,220 pairs differ (0.03 %), the budget is 0.20 %; needs about 4,000 more pairs"
    return {
        "gate": name,
        "result": result,
        "fail_ratio": fail,
        "pass_ratio": passed,
        "sentence": sentence,
        "eta": None,
        **more,
    }


def stage(index: int, present: int) -> dict[str, Any]:
    state = "passed" if index < present else "present" if index == present else "to_come"
    return {"name": STAGES[index], "title": "", "weight": SHARES[index], "mirror": 100, "state": state}


FULL: dict[str, Any] = {
    "plan": "orders-v2",
    "title": "Orders move to the new service",
    "phase": "running",
    "seq": 41,
    "now": NOW,
    "started": NOW - 280_000,
    "since": NOW - 7_800,
    "stage": "live-10",
    "step": "observing",
    "held": None,
    "said": "",
    "attempt": 2,
    "eta": 2400.0,
    "observe": {"least": 14_400.0, "most": 172_800.0, "so_far": 7_800.0},
    "in_force": {"weight": 10.0, "mirror": 100.0},
    "stages": [stage(index, 2) for index in range(len(STAGES))],
    "gates": [
        gate("answers", "pass", 0.0, 1.3),
        gate("slower", "inconclusive", 0.0, 0.42, eta=2400.0),
        gate("errors", "fail", 1.2, 0.0),
        gate("load", "error", 0.0, 0.0),
    ],
    "guards": [
        {"guard": "wrong", "share": 0.002, "said": "41 of 81,200 pairs", "on_trip": "rollback"},
        {"guard": "dying", "share": 1.7, "said": "", "on_trip": "mirror_off"},
    ],
    "waiting_for": ["an approval by lead or sponsor (1 of 2 is there)"],
    "checklists": {
        "cutover": [
            {"item": "cutover/1", "title": "Support is briefed", "ok": True, "by": "dave", "note": "by mail"},
            {"item": "cutover/2", "title": "Backup is restored", "ok": None, "by": "", "owner": "data"},
        ]
    },
    "pins": [{"signature": "5edc9415ac05fbe4", "endpoint": "GET /a", "stage": "live-50", "clean": 120, "needed": 3000}],
    "history": [
        {"at": NOW - 90_000, "seq": 39, "what": "stage_passed", "stage": "live-1", "by": "", "said": "all gates"},
        {"at": NOW - 60, "seq": 40, "what": "hold", "stage": "live-10", "by": "ops", "said": "lunch"},
    ],
}


def lines(shown: dict[str, Any], width: int) -> list[str]:
    console = Console(width=width, force_terminal=True, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(picture(shown, width))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_the_picture_fits_its_terminal(width: int) -> None:
    """
    Nothing is cut off.
    """
    shown = lines(FULL, width)

    assert max(map(cell_len, shown)) <= width
    assert "…" not in "".join(shown)
    assert shown[0].startswith("orders-v2  Orders move to the new service   running  for 3 d 5 h  seq 41")


def test_stages_are_a_line_with_where_it_is() -> None:
    """
    Those that are passed, the present one, and those to come; below each its name and share.
    """
    track, names, shares = lines(FULL, 80)[2:5]

    assert track.replace("━", "").replace("─", "") == "●●◉○○○"
    assert names.split() == list(STAGES)
    assert shares.split() == ["copies", "1", "%", "10", "%", "50", "%", "100", "%", "100", "%"]
    assert [track.index("◉"), shares.index("10 %")] == [names.index("live-10")] * 2


def test_many_stages_take_several_lines() -> None:
    """
    Each has its name under its mark.
    """
    shown = lines({**FULL, "stages": [*FULL["stages"], *({**stage(5, 0), "name": f"more-{n}"} for n in range(9))]}, 80)
    tracks = [line for line in shown if set(line) <= set("●◉○━─") and line]

    assert len(tracks) == 2
    assert sum(mark in "●◉○" for track in tracks for mark in track) == 15


@pytest.mark.parametrize(
    ("fail", "passed", "shown"),
    [
        (0.0, 0.0, "────────│────────────────"),
        (0.0, 0.5, "────────│████████────────"),
        (0.0, 1.7, "────────│████████████████"),
        (0.5, 0.0, "────████│────────────────"),
        (0.001, 0.001, "───────█│▏───────────────"),
        (-1.0, -1.0, "────────│────────────────"),
    ],
)
def test_evidence_is_a_bar_with_two_ends(fail: float, passed: float, shown: str) -> None:
    """
    To the left it fails, to the right it passes; the least evidence is to be seen.
    """
    assert bar(fail, passed, "inconclusive").plain == shown


def test_each_gate_has_its_sentence_below() -> None:
    """
    And says what it is, in a word.
    """
    shown = lines(FULL, 120)
    (slower,) = [number for number, line in enumerate(shown) if line.startswith("  · slower")]

    assert shown[slower].endswith("inconclusive, about 40 min more")
    assert shown[slower + 1].startswith("    slower: 12 of 41,220 pairs differ")
    assert [line[2] for line in shown if "│" in line] == ["✓", "·", "✗", "!"]


def test_who_is_waited_for_and_what_was_done_is_told() -> None:
    """
    A person may be the reason why nothing goes on.
    """
    shown = "\n".join(lines(FULL, 120))

    assert "waits for\n  an approval by lead or sponsor (1 of 2 is there)" in shown
    assert "checklist cutover  1 of 2 done" in shown
    assert "✓ cutover/1  Support is briefed (dave): by mail" in shown
    assert "120 of 3,000 pairs clean" in shown
    assert "✗ dying  ████████████████  tripped → mirror off" in shown
    assert shown.splitlines()[-1].split(maxsplit=2) == ["2023-11-13", "21:13", "stage passed  live-1   all gates"]


def test_a_plan_that_has_not_begun_is_shown_too() -> None:
    """
    Without anything that only a running one has.
    """
    bare = {
        **FULL,
        "phase": "draft",
        "started": 0,
        "gates": [],
        "guards": [],
        "waiting_for": [],
        "history": [],
        "checklists": {},
        "pins": [],
        "eta": None,
        "observe": None,
        "in_force": None,
        "attempt": 1,
    }

    assert len(lines(bare, 80)) == 7


def test_the_line_says_what_is_new_and_nothing_that_always_moves() -> None:
    """
    For a log: equal lines mean no news.
    """
    said = line({**FULL, "held": "gate", "step": "held", "said": "errors fails"})

    assert said.startswith("orders-v2 running; live-10: held (gate); errors fails; answers pass, slower inconclusive")
    assert said == line({**FULL, "held": "gate", "step": "held", "said": "errors fails", "now": NOW + 5, "eta": 3.0})


def test_what_came_from_elsewhere_steers_no_terminal() -> None:
    """
    A sentence may have been made by anybody.
    """
    assert "\x1b" not in "".join(lines({**FULL, "said": "\x1b[2J gone"}, 80))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90_061, "1 d 1 h"), (86_400, "1 d"), (-5, "0 s")],
)
def test_lengths_of_time_have_two_units(seconds: float, said: str) -> None:
    """
    Nobody reads seconds of a week.
    """
    assert span(seconds) == said


def test_a_time_of_another_day_has_its_date() -> None:
    """
    UTC, as everywhere.
    """
    assert clock(NOW, NOW) == "22:13:20"
    assert clock(NOW - 86_400, NOW) == "2023-11-13 22:13"
