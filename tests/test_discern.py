"""
The commands about noise: what they ask, what they say, and their exit codes.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from tests.parts.admin import Admin, admin
from tests.parts.registered import TOKEN


def place(path: str, state: str, **more: Any) -> dict[str, Any]:
    """
    One place as the admin port lists it.
    """
    known = {"endpoint": "GET /a", "path": path, "kind": "value", "state": state, "twins": 200, "rate": 0.05}
    return {**known, "live": 300, "live_rate": 0.25, "last": 0.0, **more}


LISTING: dict[str, Any] = {
    "learning": False,
    "open_until": 0.0,
    "frozen": False,
    "sample": 1.0,
    "in_force": True,
    "places": [place("$.at", "noise"), place("$.b", "accused"), place("$.at", "proposed", endpoint="GET /c")],
    "trouble": None,
}
COUNTED = "1 accused, 1 proposed, 1 noise"


@pytest.fixture
def port() -> Iterator[Admin]:
    """
    An admin port that takes every decision, except about what it doesn't know.
    """
    changes = {f"POST /admin/noise/{action}": (200, LISTING) for action in ("accept", "freeze", "learn")}
    unknown = {"POST /admin/noise/forget": (404, {"error": "nothing is known of such a place"})}
    with admin({"GET /admin/noise": (200, LISTING), **changes, **unknown}) as found:
        yield found


def run(port: Admin, *words: str) -> Result:
    """
    One command for the Parallax at `port`, as its operator.
    """
    told = {"PARALLAX_ADMIN_URL": port.url, "PARALLAX_ADMIN_TOKEN": TOKEN, "COLUMNS": "120"}
    return CliRunner().invoke(main, words, env={"XDG_RUNTIME_DIR": None, **told}, prog_name="parallax")


@pytest.mark.parametrize("words", [("noise",), ("noise", "list")])
def test_noise_alone_lists_what_is_to_be_decided_first(words: tuple[str, ...], port: Admin) -> None:
    """
    With both rates, and how things stand.
    """
    people, scripts = run(port, *words), run(port, *words, "--json")
    lines = [" ".join(line.split()) for line in people.output.splitlines()]

    assert people.exit_code == 0
    assert lines[1] == "accused 5 % of 200 25 % 300 1970-01-01 00:00:00 GET /a value $.b"
    assert [line.split()[0] for line in lines[1:4]] == ["accused", "proposed", "noise"]
    assert lines[4].startswith(
        f"{COUNTED}; old is asked twice for 1 % of copied requests; what is new is only proposed"
    )
    assert json.loads(scripts.output) == LISTING


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (("--state", "accused"), ["$.b"]),
        (("--endpoint", "GET /a"), ["$.at", "$.b"]),
        (("--endpoint", "GET /c", "--state", "noise"), []),
    ],
)
def test_only_what_was_asked_for_is_listed(words: tuple[str, ...], paths: list[str], port: Admin) -> None:
    """
    By endpoint, by state, by both.
    """
    assert [one["path"] for one in json.loads(run(port, "noise", "list", *words, "--json").output)["places"]] == paths


@pytest.mark.parametrize(
    ("words", "call", "body", "said"),
    [
        (
            ("accept", "--endpoint", "GET /a", "--path", "$.b", "--kind", "value"),
            "POST /admin/noise/accept",
            {"endpoint": "GET /a", "path": "$.b", "kind": "value"},
            "noise from now on: GET /a value $.b",
        ),
        (("accept", "--endpoint", "GET /a"), "POST /admin/noise/accept", {"endpoint": "GET /a"}, "noise from now on:"),
        (("freeze",), "POST /admin/noise/freeze", {}, "nothing more is learned"),
        (("learn",), "POST /admin/noise/learn", {}, "noise is learned"),
    ],
)
def test_a_decision_is_sent_with_its_reason(
    words: tuple[str, ...], call: str, body: dict[str, str], said: str, port: Admin
) -> None:
    """
    Nothing more than was given; and how things stand then is told.
    """
    result = run(port, "noise", *words, "--reason", "agreed")

    assert result.exit_code == 0, result.output
    assert port.calls() == [call]
    assert port.asked[0].body == {**body, "reason": "agreed"}
    assert result.output.startswith(said)
    assert result.output.endswith(f"{COUNTED}\n")


def test_a_decision_about_what_is_not_known_is_exit_code_1(port: Admin) -> None:
    """
    In the words of Parallax; without a reason it is not asked at all.
    """
    unknown = run(port, "noise", "forget", "--endpoint", "GET /z", "--reason", "x")
    without = run(port, "noise", "forget", "--endpoint", "GET /z")

    assert (unknown.exit_code, without.exit_code) == (1, 2)
    assert "nothing is known of such a place" in unknown.output
    assert port.calls() == ["POST /admin/noise/forget"]
