"""
Pairs of one endpoint that cost the comparer all its time: the others have their verdicts.
"""

import asyncio
import json
from pathlib import Path

import pytest

from tests.parts.client import get
from tests.parts.origin import Received, answer
from tests.parts.parallax import until
from tests.parts.scene import Scene, scene

JSON = b"Content-Type: application/json"
CONFIGURATION = {
    "mirror": {"breaker": False},
    "judge": {"max_seconds": 0.5},
    # Endpoints with rules need no other naming: the very first exchange is of them.
    "compare": {
        "endpoints": {
            "GET /slow": {"ignore_values": [{"pattern": "(a+)+b"}]},
            "GET /quick/{number}": {"ignore": ["$.side"]},
        }
    },
}


def of(received: Received, side: str) -> bytes:
    """
    One side's answer, which differs from the other's in one value.
    """
    said = "a" * 40 + side[0].upper() if received.target == b"/slow" else side
    return answer(json.dumps({"side": said}).encode(), JSON)


async def ask(stage: Scene, target: bytes) -> None:
    """
    One request of a client of its own.
    """
    client = await stage.client()
    assert (await client.ask(get(target, b"Connection: close"))).status == 200
    client.close()


@pytest.mark.asyncio(loop_scope="session")
async def test_an_endpoint_whose_pairs_take_too_long_takes_no_verdicts_of_others(tmp_path: Path) -> None:
    """
    A pattern that never ends, as often as it takes until that endpoint is kept away, beside pairs of another one.
    """
    async with scene(CONFIGURATION, tmp_path) as stage:
        parallax = stage.parallax
        stage.old.script = lambda received: received.answer(of(received, "old"))
        stage.new.script = lambda received: received.answer(of(received, "new"))
        parallax.forgiven.add("endpoint_too_slow")
        # The comparer is there: what it finds waiting at its beginning has no cost yet.
        await ask(stage, b"/quick/0")
        await parallax.settled(1)
        asked = 0

        async def is_told() -> bool:
            nonlocal asked
            asked += 1
            await asyncio.gather(ask(stage, b"/slow"), ask(stage, b"/quick/%d" % asked))
            return bool(parallax.events("endpoint_too_slow"))

        await until(is_told, "the slow endpoint is told of", 30.0)
        books = await parallax.settled(1 + 2 * asked)
        [event] = parallax.events("endpoint_too_slow")

    assert event["endpoint"] == "GET /slow"
    assert books.verdicts == {"equivalent": 1 + asked}, books
    assert set(books.skipped) <= {"judge_error", "queue_full"}
