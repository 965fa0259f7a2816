"""
Noise in a terminal: what is said of how things stand. The commands themselves are shown by tests/test_discern.py.
"""

from typing import Any

import pytest
from rich.console import Console

from proxy.remote.noise import counted, listing

QUIET: dict[str, Any] = {
    "learning": False,
    "open_until": 0.0,
    "frozen": False,
    "sample": 0.0,
    "in_force": True,
    "places": [],
    "trouble": None,
}
PLACE: dict[str, Any] = {
    "endpoint": "GET /a",
    "path": "$.\x1b[31m",
    "kind": "value",
    "state": "accused",
    "twins": 0,
    "rate": None,
    "live": 0,
    "live_rate": None,
    "last": 0.0,
}


def lines(found: dict[str, Any]) -> list[str]:
    console = Console(width=120, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(*listing(found), sep="\n")
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "noise.sample is 0: old is never asked twice"),
        ({"frozen": True, "learning": True, "sample": 1.0}, "frozen: nothing is learned"),
        (
            {"learning": True, "sample": 5.0},
            "old is asked twice for 5 % of copied requests; learning until 1970-01-01 00:00:00 (UTC)",
        ),
    ],
)
def test_how_things_stand_is_one_line(more: dict[str, Any], said: str) -> None:
    """
    Whether anything is learned, and why not.
    """
    assert lines({**QUIET, **more}) == [f"no place is known; {said}"]


def test_what_needs_somebody_is_a_warning() -> None:
    """
    An accused place, comparers that lag, a disk that doesn't keep it; and nothing that could steer a terminal.
    """
    shown = lines({**QUIET, "places": [PLACE], "in_force": False, "trouble": "noise.json: no space left"})

    assert sum(line.endswith("(warning)") for line in shown) == 3
    assert "noise.json: no space left (warning)" in shown
    assert "- of 0" in shown[1]
    assert "\x1b" not in "".join(shown)
    assert counted({"places": [PLACE, PLACE]}) == "2 accused"
