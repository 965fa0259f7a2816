"""
What `status --watch` shows, as text.
"""

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from proxy.remote.picture import Moment, line, picture, rates
from proxy.remote.show import Status
from tests.parts.admin import WEIGHTS

URL = "http://127.0.0.1:9900"
COUNTS = {"connections": 120, "inflight": 7, "shadow_memory": 3 << 20}
WORKER: dict[str, Any] = {"id": "host/0", "epoch": 3, "config": "0123456789abcdef", **COUNTS}
FULL: dict[str, Any] = {**WEIGHTS, "workers": [WORKER, {**WORKER, "id": "host/1", "epoch": 2}]}


def moment(weights: dict[str, Any] | None = FULL, **status: Any) -> Moment:
    told = Status(**{"ready": True, "reason": "", "weights": weights, **status})
    return Moment(status=told, weights=weights, since=0.0, rates={"old": 180.4, "new": 20.0})


def lines(shown: Moment, width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=True, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(picture(shown, URL, width))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_picture_fits_its_terminal(width: int) -> None:
    """
    Nothing is cut off or folded.
    """
    shown = lines(moment(), width)

    assert max(map(cell_len, shown)) <= width
    assert "…" not in "".join(shown)
    assert shown[0] == f"Parallax {URL}   ready"
    assert next(line for line in shown if line.startswith("new")).split() == ["new", "10", "%", "103", "20"]
    assert next(line for line in shown if line.startswith("host/1")).split()[1] == "2"
    assert shown[-1] == "! one worker lags"


@pytest.mark.parametrize(("new", "cells"), [(0.0, 0), (0.01, 1), (50.0, 40), (99.99, 79), (100.0, 80)])
def test_whoever_answers_anybody_has_a_cell_of_the_bar(new: float, cells: int) -> None:
    """
    One request in ten thousand is to be seen.
    """
    console = Console(width=80, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as capture:
        console.print(picture(moment({**FULL, "new": new, "old": 100 - new}), URL, 80))
    bar = next(line for line in capture.get().splitlines() if "█" in line)

    assert bar.count("█") == 80
    assert (bar.partition("\x1b[35m")[2].count("█")) == cells


def test_killed_is_not_to_be_missed() -> None:
    """
    In the picture and in the line.
    """
    killed = moment({**FULL, "killed": True})

    shown = lines(killed)
    assert "KILLED: everything goes to old and nothing is copied, until `parallax restore`" in shown
    assert next(line for line in shown if line.startswith("new")).split()[:5] == ["new", "0", "%", "10", "%"]
    assert next(line for line in shown if line.startswith("copies")).split() == ["copies", "0", "%", "100", "%"]
    assert "KILLED" in line(killed)


def test_when_nobody_answers_the_last_picture_stays_with_its_age() -> None:
    """
    Control is restarted, and who watches keeps what was known.
    """
    gone = replace(moment(None, ready=False, reason="nothing answers"), weights=FULL, since=3.2)
    shown = lines(gone)

    assert shown[0] == f"Parallax {URL}   not ready: nothing answers"
    assert "what follows is 3 s old" in shown
    assert any(line.startswith("host/0") for line in shown)
    assert line(gone) == "not ready: nothing answers"
    assert lines(moment(None, ready=False, reason="nothing answers")) == shown[:1]


def test_a_line_is_the_same_until_something_changes() -> None:
    """
    What only counts is not in it.
    """
    later = {**FULL, "served": {"old": 5000, "new": 5000}}

    assert line(moment()) == line(replace(moment(later), rates={}))
    assert line(moment()) == (
        "ready; old 90 %, new 10 %, mirror 100 %; epoch 3 in 1 of 2 workers; one worker lags (warning)"
    )
    assert line(moment(None, trouble="it wants a token")) == "ready; it wants a token"
    assert "it wants a token" in lines(moment(None, trouble="it wants a token"))


def test_rates_are_taken_between_two_looks() -> None:
    """
    And not told when they can't be: at first, and when another Parallax answers.
    """
    later = {**FULL, "served": {"old": 1097, "new": 123}}

    assert rates(FULL, later, 2.0) == {"old": 100.0, "new": 10.0}
    assert rates(later, FULL, 2.0) == {}
    assert rates(None, FULL, 2.0) == {}
    assert rates(FULL, None, 2.0) == {}
