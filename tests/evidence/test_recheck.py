"""
Asking again on a real Parallax: what agrees a moment later is told as transient, by endpoint and by signature.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from tests.parts.client import get
from tests.parts.origin import Received, Script, answer
from tests.parts.parallax import Configuration, Parallax, until
from tests.parts.scene import scene

ASKING: Configuration = {
    "compare": {"recheck": {"per_second": 10}},
    "metrics": {"endpoints": ["GET /late", "GET /wrong"]},
}
SHADOW = b"x-parallax-shadow"


def saying(received: list[Received], prices: dict[bytes, list[str]]) -> Script:
    """
    A side that says these prices by path, the last one for good.
    """
    asked: Counter[bytes] = Counter()

    def script(request: Received) -> None:
        received.append(request)
        path = request.head.start.split(b" ")[1]
        said = prices[path]
        price = said[min(asked[path], len(said) - 1)]
        asked[path] += 1
        request.answer(answer(orjson.dumps({"price": price}), b"Content-Type: application/json"))

    return script


async def told(parallax: Parallax, path: bytes) -> dict[str, Any]:
    """
    What the admin port answers.
    """
    _, body = await parallax.fetch(parallax.admin, path, await parallax.signed_in())
    found: dict[str, Any] = orjson.loads(body)
    return found


async def test_what_agrees_a_moment_later_is_transient_and_stays_divergent(tmp_path: Path) -> None:
    """
    New is late with a price once, and wrong about another: both are divergent, one is transient. Sides see marked
    requests, and nobody counts them as requests.
    """
    to_old: list[Received] = []
    to_new: list[Received] = []
    async with scene(ASKING, tmp_path) as stage:
        parallax = stage.parallax
        stage.old.script = saying(to_old, {b"/late": ["2"], b"/wrong": ["3"]})
        stage.new.script = saying(to_new, {b"/late": ["1", "2"], b"/wrong": ["4"]})
        client = await stage.client()
        for path in (b"/late", b"/wrong"):
            assert (await client.ask(get(path))).status == 200
        endpoints: dict[str, Any] = {}
        signatures: dict[str, Any] = {}

        async def are_told() -> bool:
            listed = (await told(parallax, b"/admin/endpoints"))["endpoints"]
            endpoints.update({one["endpoint"]: one for one in listed})
            listed = (await told(parallax, b"/admin/divergences")).get("signatures", ())
            signatures.update({one["endpoint"]: one for one in listed})
            found = [one for one in (*endpoints.values(), *signatures.values()) if one["endpoint"] != "other"]
            return [one["rechecked"] for one in found] == [1, 1, 1, 1]

        await until(are_told, "both have been asked again", 30.0)
        _, metrics = await parallax.fetch(parallax.admin, b"/metrics")
        books = await parallax.settled(2)

        for found in (endpoints, signatures):
            assert (found["GET /late"]["transient"], found["GET /wrong"]["transient"]) == (1, 0)
        assert endpoints["GET /late"]["connects"] == {"old": 1, "new": 1}
        # The first copy may still be under way when the second begins, and then that connects too.
        assert endpoints["GET /wrong"]["connects"]["old"] == 0
        assert (
            endpoints["GET /late"]["paired"]["old"]["pairs"] == endpoints["GET /wrong"]["paired"]["old"]["pairs"] == 1
        )
        assert [signatures[name]["count"] for name in signatures] == [1, 1]
        assert b'parallax_transient_total{endpoint="GET /late"} 1.0' in metrics
        assert b'parallax_rechecked_total{endpoint="GET /wrong"} 1.0' in metrics
        assert b'parallax_requests_total{code="200",endpoint="GET /late",role="live",side="old"} 1.0' in metrics
        assert books.verdicts == {"divergent": 2}
        assert books.balanced
        assert len(to_old) == len(to_new) == 2 + 1 + 2
        assert sum(request.head.value(SHADOW) is not None for request in to_old) == 3
        assert all(request.head.value(SHADOW) is not None for request in to_new)
