"""
One request to somebody outside: bounded, whatever is there. What answers lead to is in tests/sources and tests/notify.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.outward import Answer, Question, Silence, ask, ask_whole
from tests.parts.outside import outside


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """
    Names that are looked up; of those that hang, none ends before the test does.
    """
    real, names = socket.getaddrinfo, []
    reading, writing = os.pipe()

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        names.append(host)
        if host == "hangs.test":
            os.read(reading, 1)
        return real("127.0.0.1" if host == "known.test" else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield names
    os.close(writing)


async def test_names_are_looked_up_beside_the_event_loop(looked_up: list[str]) -> None:
    """
    Each time: addresses of services change.
    """
    async with outside() as there:
        url = there.url.replace("127.0.0.1", "known.test")
        for _ in range(2):
            assert isinstance(await ask(Question(url=url)), Answer)

    assert looked_up.count("known.test") == 2
    assert there.asked[0].headers["Host"].startswith("known.test:")


async def test_a_look_up_that_hangs_costs_no_more_than_it_may(looked_up: list[str]) -> None:
    """
    And leaves nothing that the end of the process would wait for.
    """
    got = await ask(Question(url="http://hangs.test/", seconds=0.3))

    assert isinstance(got, Silence)
    assert got.trouble == "late"
    assert looked_up == ["hangs.test"]


async def test_a_secret_on_a_disk_that_hangs_costs_no_more_either(tmp_path: Path) -> None:
    """
    Nothing was asked then.
    """
    os.mkfifo(tmp_path / "secret")
    async with outside() as there:
        got = await ask(Question(url=there.url, bearer="file:secret", folder=tmp_path, seconds=0.3))
        # Somebody comes to write, and the thread that waits for that goes.
        (tmp_path / "secret").write_text("late")

    assert got == Silence(trouble="unusable", said="the disk with its secrets does not answer", is_heard=False)
    assert there.asked == []


async def test_who_is_asked_knows_who_asks_and_that_nothing_may_be_compressed() -> None:
    """
    A small answer may stand for a large one otherwise.
    """
    async with outside() as there:
        await ask(Question(url=there.url, method="GET"))

    [asked] = there.asked
    assert asked.headers["User-Agent"].startswith("parallax/")
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.body == b""


async def test_a_field_is_sent_once_however_its_name_is_written() -> None:
    """
    What a configuration says gives way to what the question is.
    """
    headers = {"content-type": "text/plain", "authorization": "Basic x", "Content-Type": "application/json"}
    async with outside() as there:
        await ask(Question(url=there.url, headers=headers, bearer="token", body=b"{}"))

    [asked] = there.asked
    assert len(set(asked.names)) == len(asked.names)
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Authorization"] == "Bearer token"


async def test_an_answer_that_is_not_whole_says_so() -> None:
    """
    Whoever needs all of it takes it for none.
    """
    async with outside("cut") as there:
        some, none = await ask(Question(url=there.url)), await ask_whole(Question(url=there.url))

    assert some == Answer(status=200, body=b"abc", missing="it was cut short")
    said = "its answer can't be used: it was cut short"
    assert none == Silence(trouble="broken", said=said, is_heard=True)


async def test_no_more_is_kept_than_the_limit() -> None:
    """
    Of an answer that is larger.
    """
    async with outside("flood") as there:
        got = await ask(Question(url=there.url, limit=1000))

    assert got == Answer(status=200, body=b"x" * 1000, missing="it is larger than 1,000 bytes")


async def test_secrets_of_a_question_are_not_shown(tmp_path: Path) -> None:
    """
    What it takes from elsewhere isn't in it.
    """
    (tmp_path / "token").write_text("geheim")
    question = Question(url="http://127.0.0.1:1/", bearer="file:token", folder=tmp_path)
    got = await ask(question)

    assert "geheim" not in repr(question) + repr(got)
