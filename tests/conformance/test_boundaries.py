"""
However a request is cut into segments, the same is forwarded and the same is answered.
"""

import base64
import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.parts.client import get, post
from tests.parts.origin import DATE, Received
from tests.parts.scene import Scene

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

REQUESTS = Path(__file__).parents[2].parent / "shared" / "corpora" / "requests.jsonl"
END = get(b"/end", b"Connection: close")
CHUNKED = get(b"/c", b"Transfer-Encoding: chunked", b"Trailer: X-Sum", method=b"PUT")
# Different at each try, and no part of what a client said.
OURS = re.compile(rb"(?:X-Request-Id|traceparent): [0-9a-f-]+\r\n")
# In words a refusal may differ: what is found first depends on what is there.
REFUSED = re.compile(rb"(HTTP/1\.1 [45][0-9]{2} ).*", re.DOTALL)

OWN = {
    "get": get(b"/a?b=c", b"X-A: b", b"Cookie: c=d; e=f"),
    "absolute": b"GET http://shop.test:81/a?b HTTP/1.1\r\nHost: other\r\n\r\n",
    "empty lines": b"\r\n\r\n" + get(b"/a"),
    "1.0": b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "post": post(b"hello, world"),
    "chunked": CHUNKED + b'5;a="b;c"\r\nhello\r\n0A\r\n, world...\r\n000\r\nX-Sum: 1\r\n\r\n',
    "pipelined": post(b"\r\n\r\n", target=b"/1") + get(b"/2", b"Connection: x-a", b"X-A: 1") + CHUNKED + b"0\r\n\r\n",
    "obs-text": get(b"/a", b"X-A: \xff\xfe", b"X-B:\t c \t"),
    "hop-by-hop": get(b"/a", b"Connection: X-A, close-not", b"X-A: 1", b"TE: trailers", b"Keep-Alive: 5"),
    "bad later": get(b"/a") + b"GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "bad at once": b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n",
    "bad chunk": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
}


def accepted() -> dict[str, bytes]:
    """
    What the corpus of raw requests labels as good, where it is at hand.
    """
    if not REQUESTS.exists():
        return {}
    cases = [json.loads(line) for line in REQUESTS.read_text().splitlines()]
    return {
        case["id"]: b"".join(base64.b64decode(part["b64"]) for step in case["steps"] for part in step["parts"])
        for case in cases
        if case["expected"] == "accept"
    }


def reply(received: Received) -> None:
    """
    Answer so that a mixed-up answer shows.
    """
    said = b"%b %b" % (received.target, bytes(received.body))
    content = b"" if received.method == b"HEAD" else said
    received.answer(b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\nContent-Length: %d\r\n\r\n" % len(said) + content)


async def outcome(stage: Scene, pieces: list[bytes]) -> tuple[list[object], bytes]:
    """
    What old gets and what the client gets when `pieces` are read one by one, followed by a last request.
    """
    client = await stage.client()
    before = len(stage.old.requests)
    # When it is refused before it is complete, the answer to that is still to be read.
    with suppress(ConnectionError):
        await client.send_apart(*pieces, END)
    answers = await client.source.rest()
    client.close()
    got: list[object] = [
        (OURS.sub(b"", received.head.raw), bytes(received.body), received.trailers)
        for received in stage.old.requests[before:]
        if received.complete
    ]
    return got, REFUSED.sub(rb"\1", answers)


def halves(raw: bytes) -> Iterator[list[bytes]]:
    """
    Every way to cut in two.
    """
    for at in range(1, len(raw)):
        yield [raw[:at], raw[at:]]


def single(raw: bytes) -> list[bytes]:
    """
    Byte by byte.
    """
    return [raw[at : at + 1] for at in range(len(raw))]


@pytest.mark.parametrize("name", OWN)
async def test_every_cut_is_the_same(stage: Scene, name: str) -> None:
    """
    Whole, byte by byte, and cut in two at every offset: the same requests reach old and the same answers come back.
    """
    raw = OWN[name]
    stage.old.script = reply
    whole = await outcome(stage, [raw])

    assert await outcome(stage, single(raw)) == whole
    for pieces in halves(raw):
        assert await outcome(stage, pieces) == whole, pieces


@pytest.mark.skipif(not REQUESTS.exists(), reason="the corpora are not beside the project (../shared)")
@pytest.mark.parametrize("cuts", [5, pytest.param(None, marks=pytest.mark.prove, id="all")])
async def test_every_cut_of_the_corpus_is_the_same(stage: Scene, cuts: int | None) -> None:
    """
    The same for all that the corpus labels as good; in the short form at a few offsets, drawn anew for each case.
    """
    roll = random.Random(9112)
    stage.old.script = reply
    for name, raw in accepted().items():
        if len(raw) > 5000 and cuts is not None:
            continue
        whole = await outcome(stage, [raw])
        assert await outcome(stage, single(raw)) == whole, name
        ways = list(halves(raw))
        for pieces in ways if cuts is None else roll.sample(ways, min(cuts, len(ways))):
            assert await outcome(stage, pieces) == whole, (name, pieces)
