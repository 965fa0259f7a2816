"""
A gate that is asked of somebody else: what goes there, and what comes back.
"""

from pathlib import Path

import pytest

from proxy.outward import Answer, Silence
from proxy.sources.webhook import LIMIT, Asked, Webhook
from tests.parts.outside import Fault, outside

ASKED = Asked(plan="orders-v2", hash="9f2c", stage="live-10", attempt=2, gate="business")


async def test_it_is_told_what_it_decides_about(tmp_path: Path) -> None:
    """
    The hash of the plan included: a yes to another plan is none to this one.
    """
    (tmp_path / "hook").write_text("secret-token\n")
    async with outside() as there:
        hook = Webhook(url=f"{there.url}/hooks/1", headers={"X-Token": "file:hook"}, folder=tmp_path)
        got = await hook.ask(ASKED)

    [asked] = there.asked
    assert got == Answer(status=200, body=b"so it is")
    assert (asked.path, asked.headers["X-Token"]) == ("/hooks/1", "secret-token")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.json == {"plan": "orders-v2", "hash": "9f2c", "stage": "live-10", "attempt": 2, "gate": "business"}


async def test_its_address_can_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As those of many services are. It isn't told when it can't be used.
    """
    async with outside() as there:
        monkeypatch.setenv("HOOK", f"{there.url}/secret")
        await Webhook(url="env:HOOK").ask(ASKED)
    monkeypatch.setenv("HOOK", "ftp://secret")
    unusable = await Webhook(url="env:HOOK").ask(ASKED)

    assert [asked.path for asked in there.asked] == ["/secret"]
    assert unusable == Silence(trouble="unusable", said="its address is no http or https URL", is_heard=False)


@pytest.mark.parametrize("status", [204, 302, 417, 500])
async def test_every_status_is_an_answer(status: int) -> None:
    """
    Which of them means yes is decided elsewhere; a redirect is not followed.
    """
    async with outside(status) as there:
        got = await Webhook(url=there.url).ask(ASKED)

    assert isinstance(got, Answer)
    assert got.status == status
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("hang", "no answer within 1 s"),
        ("reset", "it closed the connection without an answer"),
        ("garbage", "what it answered is no HTTP"),
        ("flood", f"its answer can't be used: it is larger than {LIMIT:,} bytes"),
    ],
)
async def test_one_that_misbehaves_is_no_answer(fault: Fault, sentence: str) -> None:
    """
    It may have heard the question, and that is told.
    """
    async with outside(fault) as there:
        got = await Webhook(url=there.url, seconds=1.0).ask(ASKED)

    assert isinstance(got, Silence)
    assert (got.said, got.is_heard) == (sentence, True)


@pytest.mark.parametrize(
    ("url", "headers", "sentence"),
    [
        ("http://127.0.0.1:1/", {}, "connection refused"),
        ("http://no-such-name.invalid/", {}, "its name has no address"),
        ("https://", {}, "its address is no http or https URL"),
        (
            "http://127.0.0.1:1/",
            {"X-A": "b\r\nX-Evil: c"},
            "X-A: there are characters in it that can't stand in a header field",
        ),
        ("env:NOT_SET", {}, "env:NOT_SET: there is no such environment variable; set it for parallax serve"),
    ],
)
async def test_who_cannot_be_asked_has_heard_nothing(url: str, headers: dict[str, str], sentence: str) -> None:
    """
    And the sentence has nothing of the address.
    """
    got = await Webhook(url=url, headers=headers).ask(ASKED)

    assert isinstance(got, Silence)
    assert (got.said, got.is_heard) == (sentence, False)
