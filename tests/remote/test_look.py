"""
`parallax status` tells what a running Parallax answers, and what else may answer there.
"""

import json
import os
from pathlib import Path

import pytest

from proxy.remote.find import Target
from proxy.remote.look import look
from proxy.remote.registry import running
from tests.parts.admin import WEIGHTS, admin, ready
from tests.parts.registered import registered

NOBODY = "127.0.0.1:1"


def test_a_ready_parallax_says_who_answers_whom() -> None:
    """
    In lines for people, and in one object for scripts.
    """
    with admin(ready()) as port:
        status = look(Target(url=port.url))

    assert status.ready
    assert status.as_lines() == [
        "ready",
        "old answers 90 % of requests, new 10 %",
        "100 % of copyable requests are copied",
        "worker host/0: epoch 3, configuration a1b2",
        "one worker lags (warning)",
    ]
    assert status.as_values() == {"ready": True, "reason": "", "weights": WEIGHTS, "killed": False}


def test_one_that_is_not_ready_says_why() -> None:
    """
    And who would be answered by whom, all the same.
    """
    with admin({**ready({**WEIGHTS, "killed": True}), "GET /readyz": (503, "draining\n")}) as port:
        status = look(Target(url=port.url))

    assert not status.ready
    assert status.as_lines()[:3] == [
        "not ready: draining",
        "killed: everything goes to old and nothing is copied",
        "after `parallax restore`: old answers 90 % of requests, new 10 %; 100 % of copyable requests are copied",
    ]


def test_one_that_wants_a_token_is_ready_all_the_same() -> None:
    """
    Whether it is ready is everybody's to know; who answers whom isn't.
    """
    with admin({**ready(), "GET /admin/weights": (401, {"error": "sign in"})}) as port:
        status = look(Target(url=port.url))

    assert status.ready
    assert status.as_lines()[1].startswith(f"who answers whom: {port.url} wants a token; set PARALLAX_ADMIN_TOKEN")


@pytest.mark.parametrize("weights", [{"old": 1}, [], 7, "x"])
def test_something_else_that_answers_is_no_parallax(weights: object) -> None:
    """
    Whatever it answers.
    """
    with admin(ready(weights)) as port:
        status = look(Target(url=port.url))

    assert not status.ready
    assert status.reason == f"what answers at {port.url} is no Parallax; name its admin address with --admin"


@pytest.mark.parametrize(
    ("says", "killed", "first", "second"),
    [
        ((200, "ready"), False, "ready", "who answers whom: nothing answers at"),
        (
            (200, "ready, killed"),
            True,
            "ready",
            "killed: everything goes to old and nothing is copied (by ann at noon: x)",
        ),
        ((503, "draining, killed"), True, "not ready: draining", "killed: everything goes to old"),
    ],
)
def test_without_control_the_supervisor_says_whether_a_kill_is_in_force(
    says: tuple[int, str], killed: bool, first: str, second: str, tmp_path: Path
) -> None:
    """
    At night one asks whether it holds, and control may be what hangs. By whom is on disk.
    """
    with admin({"GET /readyz": says}) as health:
        target = local(tmp_path, f"127.0.0.1:{health.port}", killed=killed)
        status = look(target)

    assert status.ready is (says[0] == 200)
    assert status.as_values()["killed"] is killed
    lines = status.as_lines()
    assert lines[0] == first
    assert lines[1].startswith(second)
    assert lines[-1].startswith("who answers whom: nothing answers at http://127.0.0.1:1 (")


def test_without_a_word_of_the_supervisor_the_disk_is_told_as_what_it_is(tmp_path: Path) -> None:
    """
    The last word, which may be of old.
    """
    status = look(local(tmp_path, NOBODY, killed=True))

    assert not status.ready
    assert status.killed is None
    assert status.as_lines()[:2] == [
        f"not ready: neither control nor the supervisor (process {os.getpid()}) answers",
        "the supervisor's last word on disk: killed by ann at noon: x",
    ]


def local(folder: Path, health: str, *, killed: bool) -> Target:
    """
    One that runs here, of which nothing answers but `health`.
    """
    with registered(folder / "registry", folder / "state", NOBODY, health=health):
        (entry,) = running((folder / "registry",))
    latch = {"killed": killed, "by": "ann", "reason": "x", "at": "noon", "number": 1}
    (folder / "state" / "latch.json").write_text(json.dumps(latch))
    return Target(url=f"http://{NOBODY}", entry=entry)


def test_split_data_is_told_with_the_shares() -> None:
    """
    Or 30 % of the writes would be looked for on new.
    """
    with admin(ready({**WEIGHTS, "split": True})) as port:
        lines = look(Target(url=port.url)).as_lines()

    assert "data: split: that is of GET, HEAD and OPTIONS; writes and upgrades go to old" in lines


def test_nobody_there_is_not_ready() -> None:
    """
    Which is an answer.
    """
    status = look(Target(url="http://127.0.0.1:1"))

    assert not status.ready
    assert status.reason.startswith("nothing answers at http://127.0.0.1:1 (")
