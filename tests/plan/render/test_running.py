"""
How far a plan has come, from what its status says.
"""

import json

import pytest

from proxy.errors import ConfigurationError
from proxy.plan.render.running import level, read_running, tally
from tests.parts.documents import status


def test_a_status_is_read() -> None:
    """
    All that documents tell of it.
    """
    running = read_running(json.dumps(status()), "status.json")

    assert (running.stage, running.step, running.attempt, running.seq) == ("live-10", "observing", 2, 17)
    assert running.stages["staff"].state == "passed"
    assert running.outcomes["mismatch"].result == "pass"
    assert running.checks == {"briefing/1": (True, "dave", "by mail")}
    assert tally(running, "rollback") == 1
    assert level(running, "errors") == "tripped: 41 of 900 pairs"
    assert level(running, "unknown") == "–"
    assert not running.is_over
    assert running.is_cut


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan": "a"}', "nothing", '{"hash": 1, "phase": 2, "stages": 3}'])
def test_anything_else_is_refused(text: str) -> None:
    """
    In a sentence that says what would be right.
    """
    with pytest.raises(ConfigurationError, match=r"^status.json: .*; give what `parallax plan status --json` prints$"):
        read_running(text, "status.json")
