"""
`parallax status` tells what a running Parallax answers, and what else may answer there.
"""

import pytest

from proxy.remote.find import Target
from proxy.remote.look import look
from tests.parts.admin import WEIGHTS, admin, ready


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
    assert status.as_values() == {"ready": True, "reason": "", "weights": WEIGHTS}


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


def test_nobody_there_is_not_ready() -> None:
    """
    Which is an answer.
    """
    status = look(Target(url="http://127.0.0.1:1"))

    assert not status.ready
    assert status.reason.startswith("nothing answers at http://127.0.0.1:1 (")
