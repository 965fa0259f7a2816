"""
What a real Prometheus answers, in every shape that an answer has; and what comes of one that doesn't.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.gates.promql import read_answer
from proxy.outward import Answer, Silence
from proxy.sources.prometheus import LIMIT, PATH, PromClient
from tests.parts.outside import Fault, outside
from tests.parts.prometheus import running_prometheus

SEVERAL = 'label_replace(vector(1), "a", "1", "", "") or label_replace(vector(2), "a", "2", "", "")'


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The address of a real one.
    """
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as address:
        yield address


async def said(url: str, query: str) -> tuple[int, Any]:
    """
    Status and JSON of what it answers.
    """
    got = await PromClient(url=url).query(query)
    assert isinstance(got, Answer), got
    return got.status, json.loads(got.body)


@pytest.mark.parametrize(
    ("query", "kind", "values"),
    [
        ("vector(1.5)", "vector", ["1.5"]),
        ("no_such_metric", "vector", []),
        ("vector(0) / 0", "vector", ["NaN"]),
        ("vector(1) / 0", "vector", ["+Inf"]),
        (SEVERAL, "vector", ["1", "2"]),
    ],
)
async def test_the_answer_comes_as_it_is(url: str, query: str, kind: str, values: list[str]) -> None:
    """
    A number, nothing, not a number, no end, several series: all of these are 200.
    """
    status, body = await said(url, query)

    assert (status, body["status"], body["data"]["resultType"]) == (200, "success", kind)
    assert [one["value"][1] for one in body["data"]["result"]] == values


@pytest.mark.parametrize(
    ("query", "kind", "value"),
    [
        ("vector(1.5)", "value", 1.5),
        ("1", "value", 1.0),
        ("no_such_metric", "no data", None),
        ("vector(0) / 0", "no data", None),
        ("scalar(no_such_metric)", "no data", None),
        ("vector(1) / 0", "no data", None),
        (SEVERAL, "misconfigured", None),
        ('"text"', "misconfigured", None),
        ("vector(1)[5m:1m]", "misconfigured", None),
        ("sum(", "error", None),
    ],
)
async def test_what_gates_make_of_it(url: str, query: str, kind: str, value: float | None) -> None:
    """
    A number, no data, a query that can't be used, and an error are told apart.
    """
    got = await PromClient(url=url).query(query)
    assert isinstance(got, Answer), got
    reading = read_answer(got.status, got.body)

    assert (reading.kind, reading.value) == (kind, value)


@pytest.mark.parametrize(("query", "kind"), [("1", "scalar"), ('"text"', "string"), ("vector(1)[5m:1m]", "matrix")])
async def test_so_do_answers_that_are_no_vector(url: str, query: str, kind: str) -> None:
    """
    Whoever judges them tells them apart.
    """
    _, body = await said(url, query)

    assert body["data"]["resultType"] == kind


async def test_a_query_that_makes_no_sense_is_an_answer_too(url: str) -> None:
    """
    400, and Prometheus says what is wrong.
    """
    status, body = await said(url, "rate(")

    assert (status, body["status"], body["errorType"]) == (400, "error", "bad_data")


async def test_queries_may_be_long_and_in_any_script(url: str) -> None:
    """
    They travel in the body.
    """
    long = " + ".join(["vector(1)"] * 2000)

    status, body = await said(url, f'label_replace({long}, "size", "ä&=+%", "", "")')

    assert status == 200
    [one] = body["data"]["result"]
    assert (one["metric"], one["value"][1]) == ({"size": "ä&=+%"}, "2000")


async def test_one_that_is_down_is_no_answer(tmp_path: Path) -> None:
    """
    Stopped, or never there.
    """
    with running_prometheus(tmp_path) as address:
        pass

    got = await PromClient(url=address).query("vector(1)")

    assert got == Silence(trouble="unreachable", said="connection refused", is_heard=False)


async def test_what_it_takes_to_be_let_in_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A token from a file, which is read anew each time, and fields.
    """
    monkeypatch.setenv("TENANT", "payments")
    (tmp_path / "token").write_text("one\n")
    async with outside() as there:
        client = PromClient(
            url=f"{there.url}/prom/", token="file:token", headers={"X-Scope-OrgID": "env:TENANT"}, folder=tmp_path
        )
        await client.query("up")
        (tmp_path / "token").write_text("two")
        await client.query("up")

    assert [asked.headers["Authorization"] for asked in there.asked] == ["Bearer one", "Bearer two"]
    assert there.asked[0].headers["X-Scope-OrgID"] == "payments"
    assert there.asked[0].path == f"/prom{PATH}"
    assert there.asked[0].form == {"query": "up", "timeout": "4500ms"}
    assert "one" not in repr(client)


async def test_a_token_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """
    By its place.
    """
    got = await PromClient(url="http://127.0.0.1:9", token="file:gone", folder=tmp_path).query("up")

    remedy = "can't be read (no such file or directory); write the path of a file"
    assert got == Silence(trouble="unusable", said=f"file:gone: {remedy}", is_heard=False)


@pytest.mark.parametrize(
    ("fault", "trouble", "sentence"),
    [
        ("hang", "late", "no answer within 1 s"),
        ("hang_in_body", "broken", "its answer can't be used: it did not end within 1 s"),
        ("close", "broken", "it closed the connection without an answer"),
        ("reset", "broken", "it closed the connection without an answer"),
        ("cut", "broken", "its answer can't be used: it was cut short"),
        ("garbage", "broken", "what it answered is no HTTP"),
    ],
)
async def test_one_that_misbehaves_is_no_answer(fault: Fault, trouble: str, sentence: str) -> None:
    """
    And takes no longer than it may.
    """
    async with outside(fault) as there:
        got = await PromClient(url=there.url, seconds=1.0).query("up")

    assert isinstance(got, Silence)
    assert (got.trouble, got.said) == (trouble, sentence)


async def test_more_than_anybody_reads_is_not_read() -> None:
    """
    An answer without end.
    """
    async with outside("flood") as there:
        got = await PromClient(url=there.url, seconds=20).query("up")

    sentence = f"its answer can't be used: it is larger than {LIMIT:,} bytes"
    assert got == Silence(trouble="broken", said=sentence, is_heard=True)


@pytest.mark.parametrize("status", [301, 307, 401, 503])
async def test_other_answers_come_as_they_are(status: int) -> None:
    """
    Redirects too: the token is for whom it was given to.
    """
    async with outside(status) as there:
        got = await PromClient(url=there.url).query("up")

    assert got == Answer(status=status, body=b"so it is")
    assert len(there.asked) == 1


async def test_whom_nobody_vouches_for_gets_no_question(tmp_path: Path) -> None:
    """
    Its certificate must be of an authority that is believed: the one that is named, here.
    """
    async with outside(encrypted=tmp_path) as there:
        stranger = await PromClient(url=there.url).query("up")
        friend = await PromClient(url=there.url, ca="ca.pem", folder=tmp_path).query("up")
        nobody = await PromClient(url=there.url, ca="gone.pem", folder=tmp_path).query("up")

    assert isinstance(stranger, Silence)
    assert (stranger.trouble, stranger.is_heard) == ("untrusted", False)
    assert isinstance(friend, Answer)
    assert isinstance(nobody, Silence)
    assert nobody.said == "gone.pem: can't be used as authorities (FileNotFoundError)"
    assert len(there.asked) == 1
