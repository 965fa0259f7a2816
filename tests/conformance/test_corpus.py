"""
Corpora of raw requests and hostile answers, gathered from other projects' tests, sent through Parallax.

They lie beside the project and are not part of it (their licences are their own); without them these tests are skipped.
"""

import asyncio
import base64
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.parts.alone import alone
from tests.parts.client import Answer, get
from tests.parts.origin import LOOPBACK, answer
from tests.parts.scene import Scene
from tests.parts.siege import free_ports
from tests.parts.strict import Cut

SHARED = Path(__file__).parents[2].parent / "shared"
RUNNER = SHARED / "tools" / "run_corpus.py"
CORPORA = SHARED / "corpora"

# As many of the 455 as can be had as labelled while the checklist of docs/http.md holds: see "Corpora" there.
REQUESTS_AS_LABELLED = 450

# How many runners share the cases.
LANES = 4

pytestmark = [
    pytest.mark.skipif(not RUNNER.exists(), reason="the corpora are not beside the project (../shared)"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def run(folder: Path, corpus: str) -> list[dict[str, Any]]:
    """
    The runner's judgement of every case of `corpus`. It asks one after the other and waits long for what may be silent,
    so there are some of it, each with its part of the cases and a worker of its own.
    """
    cases = (CORPORA / corpus).read_text().splitlines()
    nobody, *ports = free_ports(LANES + 1)
    parts = await asyncio.gather(
        *(run_part(folder, cases[lane::LANES], port, nobody) for lane, port in enumerate(ports))
    )
    return [result for part in parts for result in part]


async def run_part(folder: Path, cases: list[str], port: int, nobody: int) -> list[dict[str, Any]]:
    """
    The same for some cases, with the runner behind the worker at `port`, and no new side.
    """
    asked, results = folder / f"cases-{port}.jsonl", folder / f"results-{port}.jsonl"
    asked.write_text("\n".join(cases))
    sides = {"old": {"url": f"http://{LOOPBACK}:{port}"}, "new": {"url": f"http://{LOOPBACK}:{nobody}"}}
    async with alone() as worker:
        await worker.goes_by({**sides, "mirror": {"percent": 0}}, folder)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(RUNNER), "--proxy", "{}:{}".format(*worker.address), "--backend-port", str(port)),
            *("--timeout", "0.6", "--out", str(results), str(asked)),
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        assert await process.wait() == 0
    return [json.loads(line) for line in results.read_text().splitlines()]


def violations(results: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """
    The cases that broke safety, whatever their label.
    """
    return [(result["id"], result["violations"]) for result in results if result.get("violations")]


async def test_raw_requests(tmp_path: Path) -> None:
    """
    455 raw requests: none gets anything ambiguous to the origin, and nearly all are treated as labelled.
    """
    results = await run(tmp_path, "requests.jsonl")
    otherwise = [(result["id"], result["expected"], result["outcome"]) for result in results if not result["ok"]]

    assert violations(results) == []
    assert len(results) == 455
    assert len(results) - len(otherwise) >= REQUESTS_AS_LABELLED, otherwise


async def test_mutations_of_transfer_encoding(tmp_path: Path) -> None:
    """
    852 ways of misspelling Transfer-Encoding: none desynchronises anything.
    """
    results = await run(tmp_path, "te_mutations.jsonl")

    assert violations(results) == []
    assert Counter(result["ok"] for result in results) == {True: 852}


# Two hostile answers are complete before the bytes that make them hostile.
FIRST_ANSWER_ONLY = {
    "llhttp-resp/connection/http-1-1-with-keep-alive-disabled-and-204-status",
    "llhttp-resp/connection/http-1-1-with-keep-alive-disabled-content-length",
}
# Four have a good head and bad chunks: too late for a 502 if the head is out already.
BAD_CHUNKS = {
    "llhttp-resp/transfer-encoding/trailing-space-on-chunked-body",
    "llhttp-resp/transfer-encoding/no-semicolon-before-chunk-extensions",
    "llhttp-resp/transfer-encoding/no-extension-after-semicolon",
    "llhttp-resp/transfer-encoding/unbalanced-chunk-extensions-quoting",
}
# Its head never ends, so only its origin's closing tells.
HALF_A_HEAD = "llhttp-resp/invalid/invalid-space-after-start-line"
FORWARDED, CUT, BAD_GATEWAY = "forwarded", "cut", "502"


def cases(expected: str) -> list[tuple[str, bytes]]:
    """
    The answers that are labelled `expected`: name and bytes.
    """
    if not RUNNER.exists():
        return []
    lines = [json.loads(line) for line in (CORPORA / "upstream_responses.jsonl").read_text().splitlines()]
    return [
        (line["id"], base64.b64decode(line["response_b64"]))
        for line in lines
        if line["scored"] and line["expected"] == expected
    ]


def meant(raw: bytes) -> tuple[int, bytes, bool]:
    """
    What a lenient reader makes of an answer: status and content of its first final answer, and whether that is whole.
    """
    status, head = 100, b""
    while 100 <= status < 200:
        head, _, raw = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1][:3])
    fields = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in fields if line.startswith(b"content-length:")), None)
    if status in (204, 304):
        return status, b"", True
    if [line for line in fields if line.startswith(b"transfer-encoding:")] == [b"transfer-encoding: chunked"]:
        return status, *unchunk(raw)
    if length is not None:
        return status, raw[:length], len(raw) >= length
    return status, raw, True


def unchunk(raw: bytes) -> tuple[bytes, bool]:
    """
    The content of chunks, and whether they have their end.
    """
    content = b""
    while raw:
        line, _, raw = raw.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            return content, raw == b"\r\n"
        content += raw[:size]
        raw = raw[size + 2 :]
    return content, False


async def final(stage: Scene, raw: bytes, *, finish: bool) -> tuple[str, Answer]:
    """
    What a client gets for old's `raw`. Afterwards the connection that `raw` came on is gone, and the next request, of
    the same client while it may ask, and of another, gets its own answer.
    """
    client = await stage.client()
    client.send(get(b"/case"))
    received = await stage.old.request()
    received.answer(raw)
    if finish:
        received.connection.finish()
    got = await client.begin()
    while got.status < 200 and got.status != 101:
        got = await client.begin()
    outcome = BAD_GATEWAY if got.status == 502 else FORWARDED
    try:
        await got.whole()
    except Cut:
        outcome = CUT
    await received.connection.closed()
    if outcome != CUT and got.value(b"connection") != b"close":
        client.send(get(b"/next"))
        following = await stage.old.request()
        following.answer(answer(b"next"))
        assert following.connection is not received.connection
        assert bytes((await client.answer()).body) == b"next"
    assert await stage.canary() == []
    return outcome, got


@pytest.mark.parametrize("finish", [True, False], ids=["closing", "staying"])
async def test_hostile_answers(stage: Scene, finish: bool) -> None:
    """
    Of 24 hostile answers 18 become 502, 4 a 502 or a visible cut, 2 the first answer only; the connection is discarded
    each time, whether or not the origin closes it, and the next request gets its own answer.
    """
    outcomes: dict[str, str] = {}
    for name, raw in cases("bad_gateway"):
        if finish or name != HALF_A_HEAD:
            outcomes[name], _ = await final(stage, raw, finish=finish)
        await stage.clear()
    unlike = {
        name: outcome
        for name, outcome in outcomes.items()
        if outcome != (FORWARDED if name in FIRST_ANSWER_ONLY else BAD_GATEWAY)
        and not (name in BAD_CHUNKS and outcome == CUT)
    }

    assert unlike == {}
    assert len(outcomes) == (24 if finish else 23)


async def test_good_answers(stage: Scene) -> None:
    """
    Of 40 good answers 38 pass with status and content as meant, cut where they are cut; 2 are a 101 that nobody asked
    for, and become 502.
    """
    passed, outcomes = 0, Counter[str]()
    for name, raw in cases("forward"):
        outcome, got = await final(stage, raw, finish=True)
        if b" 101 " in raw[:20]:
            outcomes[outcome] += 1
        else:
            whole = outcome == FORWARDED
            assert (name, got.status, bytes(got.body), whole) == (name, *meant(raw))
            passed += 1
        await stage.clear()

    assert passed == 38
    assert outcomes == {BAD_GATEWAY: 2}
