"""
Noise on a real Parallax: learned from twins, called noise, accused when new does more of it, and remembered.
"""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from time import time
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.parts.client import Client, get, post
from tests.parts.origin import Received, Script, answer
from tests.parts.parallax import Configuration, Parallax, until
from tests.parts.scene import Scene, scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEARNING: Configuration = {"noise": {"sample": 100, "per_second": 1000}, "metrics": {"endpoints": ["GET /a"]}}


def noisy(times: Callable[[int], bool]) -> Script:
    """
    A side whose field `at` is another one in each answer that `times` says.
    """
    count = itertools.count()

    def script(received: Received) -> None:
        number = next(count)
        body = orjson.dumps({"id": 7, "at": number if times(number) else -1})
        received.answer(answer(body, b"Content-Type: application/json"))

    return script


async def known(parallax: Parallax) -> dict[str, Any]:
    """
    What is known of noise.
    """
    _, body = await parallax.fetch(parallax.admin, b"/admin/noise", await parallax.signed_in())
    listing: dict[str, Any] = orjson.loads(body)
    return listing


async def asking(stage: Scene, done: Callable[[], Awaitable[bool]], what: str) -> None:
    """
    One request after the other until it is `done`.
    """
    client = await stage.client()

    async def one_more() -> bool:
        for _ in range(20):
            assert (await client.ask(get(b"/a"))).status == 200
        return await done()

    await until(one_more, what, 60.0)


def has_state(parallax: Parallax, state: str) -> Callable[[], Awaitable[bool]]:
    """
    Whether the one place is in this state.
    """

    async def done() -> bool:
        return [place["state"] for place in (await known(parallax))["places"]] == [state]

    return done


@asynccontextmanager
async def learned(folder: Path, times: Callable[[int], bool]) -> AsyncIterator[Scene]:
    """
    Old and new differ from themselves alike, and that is known.
    """
    async with scene(LEARNING, folder) as stage:
        stage.old.script, stage.new.script = noisy(times), noisy(times)
        await asking(stage, has_state(stage.parallax, "noise"), "noise is known")
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def restless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """
    Both sides give another answer each time, and that is known.
    """
    async with learned(tmp_path_factory.mktemp("restless"), lambda number: True) as stage:
        yield stage


async def test_what_old_does_too_is_noise(restless: Scene) -> None:
    """
    Learned from the twin, told with its rates, and the verdict from then on; the twin's answers are in no book.
    """
    stage = restless
    before = await stage.parallax.books()

    async def is_noise() -> bool:
        return (await stage.parallax.books()).since(before).verdicts.get("noise", 0) > 0

    async def is_in_force() -> bool:
        return bool((await known(stage.parallax))["in_force"])

    async def is_measured() -> bool:
        return bool((await known(stage.parallax))["places"][0]["live"])

    await asking(stage, is_in_force, "comparers judge by it")
    since = time()
    await asking(stage, is_noise, "pairs are noise")
    await asking(stage, is_measured, "new is measured")
    books = await stage.parallax.settled(0)
    _, body = await stage.parallax.fetch(stage.parallax.admin, b"/admin/divergences", await stage.parallax.signed_in())
    _, metrics = await stage.parallax.fetch(stage.parallax.admin, b"/metrics")
    place = (await known(stage.parallax))["places"][0]

    assert (place["endpoint"], place["path"], place["kind"]) == ("GET /a", "$.at", "value")
    # Once that was said to be in force, not one pair was blamed for it.
    assert all(signature["last"] < since for signature in orjson.loads(body)["signatures"])
    assert place["rate"] > 0.5
    # Of the pairs before, nobody knew whether they differ there.
    assert place["live_rate"] == 1.0
    assert b'parallax_twins_total{endpoint="GET /a"}' in metrics
    assert books.balanced


async def test_new_that_does_more_of_it_is_accused(tmp_path: Path) -> None:
    """
    A place that is noisy a third of the time is no place to hide: its differences are divergent again, and it is told.
    """
    random = Random(3)
    async with learned(tmp_path, lambda number: random.random() < 0.3) as stage:
        parallax = stage.parallax
        stage.new.script = noisy(lambda number: True)
        await asking(stage, has_state(parallax, "accused"), "new is accused")
        before = await parallax.settled(0)

        async def is_divergent() -> bool:
            return (await parallax.books()).since(before).verdicts.get("divergent", 0) > 0

        await asking(stage, is_divergent, "pairs are divergent again")
        _, metrics = await parallax.fetch(parallax.admin, b"/metrics")

        assert b'parallax_noise_accused{endpoint="GET /a"} 1' in metrics
        assert [line["path"] for line in parallax.events("noise_accused")] == ["$.at"]


async def test_a_new_control_goes_on_with_what_is_known(restless: Scene) -> None:
    """
    What was frozen is frozen, with its counts and its author, and judged by meanwhile.
    """
    parallax = restless.parallax
    client = await Client.connect(parallax.admin)
    signed = await parallax.signed_in()
    asked = post(
        b'{"reason": "good enough"}',
        signed,
        b"Content-Type: application/json",
        target=b"/admin/noise/freeze",
    )
    frozen = orjson.loads((await client.ask(asked.replace(b"shop.test", b"localhost"), b"POST")).body)
    client.close()
    assert frozen["frozen"] is True
    parallax.forgiven.add("child_ended")
    os.kill(parallax.control(), signal.SIGKILL)

    async def is_back() -> bool:
        return (await known(parallax)).get("frozen") is True

    await until(is_back, "control is back", 30.0)
    place = (await known(parallax))["places"][0]

    async def is_told() -> bool:
        _, audit = await parallax.fetch(parallax.admin, b"/admin/audit?limit=1000", signed)
        return "noise_freeze" in [entry["action"] for entry in orjson.loads(audit).get("entries", [])]

    await until(is_told, "the audit can be read again")
    assert (place["twins"], place["rate"]) == (frozen["places"][0]["twins"], frozen["places"][0]["rate"])
