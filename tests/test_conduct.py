"""
The commands that move a plan: what each sends, and how it is told.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.admin.plan import TAKES, read_asked
from proxy.cli import main
from proxy.conduct import COMMANDS
from proxy.plan.state import Hold, Step
from tests.parts.admin import Admin, admin, ready
from tests.parts.shown import RUNNING, a_status

TOKEN = "plx_" + "o" * 43


@pytest.fixture
def port() -> Iterator[Admin]:
    """
    An admin port with a plan that takes every move.
    """
    moves = {f"POST /admin/plan/{name}": (200, a_status()) for name in TAKES}
    with admin({**ready(), "GET /admin/plan": (200, a_status()), **moves}) as found:
        yield found


def run(port: Admin, *words: str) -> Result:
    told = {"PARALLAX_ADMIN_URL": port.url, "PARALLAX_ADMIN_TOKEN": TOKEN, "PARALLAX_RUNTIME_DIR": "/nowhere"}
    return CliRunner().invoke(main, ["plan", *words], env=told, prog_name="parallax")


def test_there_is_a_command_for_every_move() -> None:
    """
    And one that looks.
    """
    assert {command.name for command in COMMANDS} == {*TAKES, "status"}


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("start", "--reason", "go"), {"reason": "go"}),
        (("approve",), {}),
        (("approve", "--reason", "looked", "--seq", "7"), {"reason": "looked", "seq": 7}),
        (("hold",), {}),
        (("resume", "--reason", "x", "--route", "search"), {"reason": "x", "route": "search"}),
        (("advance", "--reason", "x"), {"reason": "x"}),
        (("rollback", "--to", "shadow"), {"stage": "shadow"}),
        (("rollback", "--cohort", "beta", "--reason", "x"), {"cohort": "beta", "reason": "x"}),
        (("abort",), {}),
        (("tick",), {}),
        (("force", "--for", "30m", "--reason", "x"), {"seconds": 1800.0, "reason": "x"}),
        (("check", "preflight/2", "--evidence", "here"), {"item": "preflight/2", "ok": True, "evidence": "here"}),
        (("check", "preflight/2", "--failed"), {"item": "preflight/2", "ok": False}),
        (("sign",), {}),
    ],
)
def test_each_sends_what_it_was_given(words: tuple[str, ...], body: dict[str, Any], port: Admin) -> None:
    """
    And nothing else; what it sends is a body that the call takes.
    """
    result = run(port, *words)
    (asked,) = port.asked

    assert result.exit_code == 0, result.output
    assert asked.call == f"POST /admin/plan/{words[0]}"
    assert asked.body == body
    assert read_asked(words[0], asked.body).name == words[0]
    assert result.output.startswith("orders running; s1: observing")


@pytest.mark.parametrize("name", ["start", "amend"])
def test_the_text_of_a_plan_travels_in_the_body(name: str, port: Admin, tmp_path: Path) -> None:
    """
    With the place that it was read from; one that can't be read is told before anything is asked.
    """
    file = tmp_path / "p.yaml"
    file.write_text("plan: p\n")
    sent, missing = run(port, name, str(file), "--reason", "x"), run(port, name, "/nowhere.yaml", "--reason", "x")

    assert sent.exit_code == 0
    assert [asked.body for asked in port.asked] == [{"text": "plan: p\n", "file": str(file), "reason": "x"}]
    assert missing.exit_code == 2
    assert "/nowhere.yaml" in missing.output


def test_what_is_no_time_is_bad_usage(port: Admin) -> None:
    """
    Nothing is asked.
    """
    result = run(port, "force", "--for", "soon", "--reason", "x")

    assert result.exit_code == 2
    assert port.asked == []


def test_status_is_a_picture_or_for_scripts(port: Admin) -> None:
    """
    Exit code 1 where it holds.
    """
    people, scripts = run(port, "status"), run(port, "status", "--json")
    port.answers["GET /admin/plan"] = 200, a_status(replace(RUNNING, step=Step.HELD, held=Hold.GATE))
    held = run(port, "status")

    assert people.output.startswith("orders   running  for 16 min 40 s  seq 7\n\n●")
    assert json.loads(scripts.output) == json.loads(json.dumps(a_status()))
    assert (people.exit_code, scripts.exit_code, held.exit_code) == (0, 0, 1)


def test_a_refusal_is_told_as_it_is(port: Admin) -> None:
    """
    No is 1, what has to be asked differently is 2.
    """
    port.answers["POST /admin/plan/advance"] = 409, {"error": "errors must pass first"}
    port.answers["POST /admin/plan/start"] = 422, {"error": "p.yaml:1: plan: is missing", "problems": []}
    no, bad = run(port, "advance", "--reason", "x"), run(port, "start", "--reason", "x")

    assert (no.exit_code, bad.exit_code) == (1, 2)
    assert "errors must pass first" in no.output
    assert "plan: is missing" in bad.output


@pytest.mark.parametrize("name", ["hold", "rollback", "abort"])
def test_who_wants_less_for_new_does_not_have_to_ask_twice(name: str, port: Admin) -> None:
    """
    While Parallax starts it is asked again; nobody else's command is.
    """
    call, starting = f"POST /admin/plan/{name}", (503, {"error": "the store is being opened; ask again in a second"})
    port.answers[call] = [starting, starting, (200, a_status())]
    port.answers["POST /admin/plan/approve"] = [starting, (200, a_status())]
    done, refused = run(port, name), run(port, "approve")

    assert (done.exit_code, port.calls().count(call)) == (0, 3)
    assert done.stderr.count("asking again for up to 10 s") == 1
    assert (refused.exit_code, port.calls().count("POST /admin/plan/approve")) == (1, 1)
