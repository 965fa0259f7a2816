"""
Tests of what hooks answer.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.outcome import Result
from proxy.gates.persistence import Looks, Persistence
from proxy.gates.webhook import Reply, WebhookSpec, judge_webhook, read_reply


@pytest.mark.parametrize(
    ("status", "result"),
    [
        *((status, "pass") for status in (200, 201, 204)),
        *((status, "fail") for status in (409, 412, 417, 422)),
        *((status, "error") for status in (301, 400, 401, 403, 404, 405, 408, 429, 500, 502, 503)),
        (202, "inconclusive"),
    ],
)
def test_a_status_means(status: int, result: Result) -> None:
    """
    Only a clear no is a no: what speaks of the hook itself accuses nobody.
    """
    assert read_reply(status, b"") == Reply(result=result, said=f"it answers {status}")
    assert read_reply(status, b"<html>").result == result
    assert read_reply(status, b'{"ok": false}').result == result


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive", "error"])
def test_an_outcome_in_the_body_wins(outcome: Result) -> None:
    """
    Whatever the status is, unless the server says that it is broken.
    """
    body = b'{"outcome": "%b", "reason": "load test:\\n 3 of 9 fail"}' % outcome.encode()

    for status in (200, 202, 409, 404):
        assert read_reply(status, body) == Reply(result=outcome, said="load test: 3 of 9 fail")
    assert read_reply(502, body).result == "error"


@pytest.mark.parametrize("body", [b'{"outcome": "yes"}', b'{"outcome": true}', b'{"outcome": ["pass"]}'])
def test_another_outcome_is_an_error(body: bytes) -> None:
    """
    A word that isn't known is not taken for yes.
    """
    assert read_reply(200, body).result == "error"


def test_words_are_few() -> None:
    """
    What a hook says at length is cut.
    """
    assert len(read_reply(200, b'{"reason": "%b"}' % (b"x" * 9_999)).said) == 200
    assert read_reply(None, b"", "timed out") == Reply(result="error", said="timed out")
    assert read_reply(None, b"").said == "the hook doesn't answer"


@given(st.integers(100, 599), st.binary(max_size=99))
def test_whatever_comes_is_read(status: int, body: bytes) -> None:
    """
    No bytes raise.
    """
    assert read_reply(status, body).said


def test_one_answer_is_enough_unless_more_are_wanted() -> None:
    """
    By default the newest counts; so many of the last, if the plan says so; four errors in a row are one.
    """
    once = WebhookSpec(name="load-test")
    twice = WebhookSpec(name="load-test", persistence=Persistence(pass_of=(2, 2), fail_of=(1, 1)))
    yes, no, broken = (read_reply(status, b"") for status in (200, 409, 500))

    outcome, looks = judge_webhook(once, Looks(), yes)
    assert (outcome.result, outcome.sentence) == ("pass", "it answers 200: 1 of the last 1 said yes, 1 pass")
    outcome, looks = judge_webhook(once, looks, no)
    assert (outcome.result, outcome.sentence) == ("fail", "it answers 409: 1 of the last 1 said no, 1 fail")
    outcome, looks = judge_webhook(twice, Looks(), yes)
    assert (outcome.result, outcome.needed, outcome.eta) == ("inconclusive", 1, 30.0)
    for _ in range(4):
        outcome, looks = judge_webhook(twice, looks, broken)
    assert (outcome.result, outcome.sentence) == ("error", "it answers 500: no answer to go by, 4 in a row")
