"""
Tests of what answers of Prometheus mean. The bodies are what Prometheus 2.42 sent to such queries.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.promql import Reading, read_answer

SAMPLE = [1790000000.123, "1.5"]


def answer(kind: str, result: object) -> bytes:
    """
    A successful answer.
    """
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def series(value: str) -> dict[str, object]:
    """
    One series of a vector.
    """
    return {"metric": {"__name__": "up", "job": "old"}, "value": [1790000000.123, value]}


def test_one_number_is_a_value() -> None:
    """
    As a vector with one series, or as a scalar.
    """
    assert read_answer(200, answer("vector", [series("1.5")])) == Reading(kind="value", value=1.5)
    assert read_answer(200, answer("scalar", SAMPLE)) == Reading(kind="value", value=1.5)
    assert read_answer(200, answer("vector", [series("-1e-7")])).value == -1e-7


@pytest.mark.parametrize(
    "body", [answer("vector", []), *[answer("vector", [series(one)]) for one in ("NaN", "+Inf", "-Inf")]]
)
def test_nothing_and_no_number_are_no_data(body: bytes) -> None:
    """
    A metric that isn't there, 0 / 0, and what is divided by 0.
    """
    reading = read_answer(200, body)

    assert reading.kind == "no data"
    assert reading.value is None
    assert reading.why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (answer("vector", [series("1"), series("2")]), "the query gives 2 series, and one is wanted"),
        (answer("matrix", [{"metric": {}, "values": [SAMPLE]}]), "the query gives a matrix, and one number is wanted"),
        (answer("matrix", []), "the query gives a matrix, and one number is wanted"),
        (answer("string", [1790000000.123, "1.5"]), "the query gives a string, and one number is wanted"),
        (
            answer("vector", [{"metric": {}, "histogram": [1790000000.123, {"count": "4"}]}]),
            "the query gives a histogram, and one number is wanted",
        ),
    ],
)
def test_queries_that_a_gate_cannot_use(body: bytes, why: str) -> None:
    """
    They are wrong however often they are asked, and it is said what is wrong.
    """
    assert read_answer(200, body) == Reading(kind="misconfigured", why=why)


def test_errors_say_what_prometheus_says() -> None:
    """
    In its words, not too many of them.
    """
    said = {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 1:5: parse error' + "x" * 999,
    }
    reading = read_answer(400, json.dumps(said).encode())

    assert reading.kind == "error"
    assert reading.why.startswith('Prometheus answers 400: invalid parameter "query": 1:5: parse error')
    assert len(reading.why) < 250
    assert read_answer(None, b"", "refused").why == "refused"
    assert read_answer(None, b"") == Reading(kind="error", why="Prometheus doesn't answer")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"status": "success"}'),
        (200, b'{"status": "success", "data": []}'),
        (200, answer("vector", {})),
        (200, answer("vector", ["x"])),
        (200, answer("vector", [{"value": [1]}])),
        (200, answer("vector", [{"value": [1, 1.5]}])),
        (200, answer("vector", [series("many")])),
        (200, answer("scalar", None)),
        (200, b'{"status": "error", "error": "no"}'),
        (503, answer("vector", [series("1")])),
        (302, b""),
        (200, b"[" * 200_000),
        (200, b"\xff\xfe"),
    ],
)
def test_anything_else_is_an_error(status: int, body: bytes) -> None:
    """
    Never a number, never an exception.
    """
    assert read_answer(status, body).kind == "error"


@given(st.binary(max_size=200), st.integers(100, 599))
def test_whatever_comes_is_read(body: bytes, status: int) -> None:
    """
    No bytes raise, and only numbers are values.
    """
    assert (read_answer(status, body).value is None) or status == 200
