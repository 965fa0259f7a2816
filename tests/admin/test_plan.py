"""
Calls about the plan: what their bodies say, and how the answers and refusals look.
"""

from typing import Any

import pytest

from proxy.admin.calls import MOVES
from proxy.admin.plan import TAKES, Asked, read_asked
from proxy.admin.steering import Forbidden, Held, Invalid, NotLoaded, Outdated, Refusal, Unknown
from tests.parts.served import VIEWER, admin


def test_every_move_has_a_body() -> None:
    """
    The table of calls and that of bodies are of the same moves.
    """
    assert set(MOVES) == set(TAKES)


@pytest.mark.parametrize(
    ("name", "body", "asked"),
    [
        ("start", {"reason": "go", "text": "plan: a\n", "file": "a.yaml"}, {"text": "plan: a\n", "file": "a.yaml"}),
        ("hold", {}, {"reason": ""}),
        ("rollback", {"route": "search", "seq": 4}, {"reason": "", "route": "search", "seq": 4}),
        ("force", {"seconds": 60, "reason": "go"}, {"seconds": 60.0}),
        ("check", {"item": "preflight/1", "ok": False, "evidence": "x"}, {"item": "preflight/1", "ok": False}),
    ],
)
def test_a_body_becomes_what_is_asked(name: str, body: dict[str, Any], asked: dict[str, Any]) -> None:
    """
    With nothing that it doesn't say.
    """
    read = read_asked(name, body)

    assert read.name == name
    assert {key: getattr(read, key) for key in asked} == asked


@pytest.mark.parametrize(
    ("name", "body", "key"),
    [
        ("start", {}, "reason"),
        ("hold", {"text": "x"}, "text"),
        ("hold", {"plx_secret!": "x"}, "a key"),
        ("amend", {"reason": "x"}, "text"),
        ("amend", {"reason": "x", "text": 1}, "text"),
        ("start", {"reason": "x", "text": "a" * 60_000}, "text"),
        ("rollback", {"stage": "a\x1b"}, "stage"),
        ("force", {"seconds": True, "reason": "x"}, "seconds"),
        ("force", {"seconds": -1, "reason": "x"}, "seconds"),
        ("check", {"item": "a/1", "ok": "yes"}, "ok"),
        ("hold", {"seq": -1}, "seq"),
        ("hold", {"seq": "1"}, "seq"),
        ("hold", {"reason": 1}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(name: str, body: dict[str, Any], key: str) -> None:
    """
    And not repeated.
    """
    with pytest.raises(Invalid) as raised:
        read_asked(name, body)

    assert raised.value.key == key
    assert "secret" not in str(raised.value)


async def test_a_move_is_obeyed_and_the_status_answers() -> None:
    """
    Who looks sees the same.
    """
    async with admin() as served:
        served.know()
        moved = await served.change("/admin/plan/hold", reason="lunch", seq=7)
        looked = await served.ask("/admin/plan", token=VIEWER)

    assert moved.status == looked.status == 200
    assert moved.json() == looked.json()
    assert served.steering.plan.asked == [Asked(name="hold", reason="lunch", seq=7)]


@pytest.mark.parametrize(
    ("refusal", "status", "more"),
    [
        (Outdated("look again", 9), 409, {"seq": 9}),
        (Held("the window is closed"), 409, {}),
        (Forbidden("ops may not approve"), 403, {}),
        (Unknown("there is no plan"), 404, {}),
        (NotLoaded("p.yaml:1: plan: is missing"), 422, {"problems": ["p.yaml:1: plan: is missing"]}),
    ],
)
async def test_a_refusal_says_why(refusal: Refusal, status: int, more: dict[str, Any]) -> None:
    """
    In a sentence, and with what a program needs to ask again.
    """
    async with admin() as served:
        served.know()
        served.steering.refusal = refusal
        answer = await served.change("/admin/plan/hold", reason="lunch")

    assert answer.status == status
    assert answer.json() == {"error": str(refusal), **more}
