"""
The commands about evidence, printed into a pipe.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from proxy.cli import main
from tests.parts.admin import Admin, admin
from tests.parts.registered import TOKEN
from tests.remote.test_evidence import NUMBER, ROW, SAMPLE, TARGET

KNOWN: dict[str, Any] = {**ROW, "samples": [SAMPLE], "trouble": None}


@pytest.fixture
def port() -> Iterator[Admin]:
    """
    An admin port that knows one signature.
    """
    answers = {
        "GET /admin/divergences": (200, {"signatures": [KNOWN], "dropped": 0, "trouble": None}),
        f"GET /admin/divergences/{NUMBER}?limit=3": (200, KNOWN),
    }
    with admin(answers) as found:
        yield found


def printed(port: Admin, *words: str) -> list[str]:
    """
    The lines of one command, which nobody sees on a terminal.
    """
    told = {"PARALLAX_ADMIN_URL": port.url, "PARALLAX_ADMIN_TOKEN": TOKEN, "COLUMNS": "40"}
    result = CliRunner().invoke(main, words, env={"XDG_RUNTIME_DIR": None, **told}, prog_name="parallax")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_pipe_gets_one_line_for_each_signature(port: Admin) -> None:
    """
    However long, so that grep finds it with all that is told of it.
    """
    [line] = [line for line in printed(port, "evidence", "list") if NUMBER in line]

    assert line.endswith("GET /api/customers/{id}/orders  status 200 → 500, value $.orders[*].lines[*].price")


def test_a_pipe_gets_samples_in_whole_lines(port: Admin) -> None:
    """
    Both answers side by side, as wide as they are.
    """
    shown = printed(port, "evidence", "show", NUMBER)

    assert sum(line.startswith("curl ") and TARGET in line for line in shown) == 2
    assert max(map(len, shown)) < len(TARGET) + 100
    assert any(line.split() == ["status", "200", "status", "200"] for line in shown)
