"""
Looking at what rules do: seldom, in turn, and told once.
"""

from typing import Any

import pytest

from proxy.compare.difference import Kind
from proxy.compare.rules import Rule
from proxy.compare.survey import Survey
from proxy.evidence import surveys as room
from proxy.evidence.surveys import EVERY, PAUSE, REST, Surveys, Waiting
from tests.parts.judged import ENDPOINT, answer, book, judged

PAIR = Waiting(book(), answer("1"), answer("2"))


def told(surveys: Surveys) -> dict[str, Any]:
    return surveys.take(lambda pattern: pattern.replace("secret", "#"))


def test_one_pair_waits_and_its_endpoint_pauses() -> None:
    """
    Others have their turn meanwhile.
    """
    surveys = Surveys()
    assert surveys.wants(ENDPOINT, 10.0)
    surveys.note(PAIR, 10.0)

    assert not surveys.wants("GET /other", 10.0)
    assert surveys.next() is PAIR
    assert surveys.next() is None
    assert surveys.wants("GET /other", 10.0)
    assert not surveys.wants(ENDPOINT, 10.0 + PAUSE - 0.01)
    assert surveys.wants(ENDPOINT, 10.0 + PAUSE)


@pytest.mark.parametrize(("took", "rest"), [(0.0, EVERY), (0.001, EVERY), (0.5, 0.5 * REST)])
def test_a_look_that_took_long_is_followed_by_a_long_rest(took: float, rest: float) -> None:
    """
    A twentieth of the time at most is spent on it, whatever the bodies.
    """
    surveys = Surveys()
    surveys.found(ENDPOINT, None, took, 100.0)

    assert not surveys.wants("GET /other", 100.0 + rest - 0.01)
    assert surveys.wants("GET /other", 100.0 + rest)


def test_what_was_seen_is_told_once_without_secrets() -> None:
    """
    Where a rule was met, and what it hides; a pair that was not seen whole is no pair in which a rule was not met.
    """
    surveys = Surveys()
    surveys.start("digest")
    hides = {1: frozenset({("$.secret", Kind.VALUE)})}
    surveys.found(ENDPOINT, Survey(met=frozenset({1, 2}), hides=hides), 0.0, 1.0)
    surveys.found(ENDPOINT, Survey(met=frozenset({2}), whole=False), 0.0, 2.0)
    first = told(surveys)

    assert first == {
        "rules": "digest",
        "pairs": {ENDPOINT: 1},
        "met": [[ENDPOINT, 1, 1], [ENDPOINT, 2, 2]],
        "hides": [[ENDPOINT, 1, [["$.#", Kind.VALUE]]]],
    }
    assert told(surveys) == {"rules": "digest", "pairs": {}, "met": [], "hides": []}


def test_with_other_rules_all_begins_anew() -> None:
    """
    Numbers mean others then; noise and waivers change nothing.
    """
    surveys = Surveys()
    surveys.start("one")
    surveys.found(ENDPOINT, Survey(met=frozenset({1})), 0.0, 1.0)
    surveys.note(PAIR, 2.0)
    surveys.start("one")
    assert surveys.next() is PAIR
    surveys.note(PAIR, 3.0)
    surveys.start("another")

    assert surveys.next() is None
    assert told(surveys) == {"rules": "another", "pairs": {}, "met": [], "hides": []}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Endpoints and rules beyond are left out; those that are known go on.
    """
    monkeypatch.setattr(room, "MOST", 2)
    surveys = Surveys()
    hides = {number: frozenset({("$.a", Kind.VALUE)}) for number in range(5)}
    for _ in range(2):
        surveys.found(ENDPOINT, Survey(met=frozenset(range(5)), hides=hides), 0.0, 1.0)
    seen = told(surveys)

    assert [times for _, _, times in seen["met"]] == [2, 2]
    assert len(seen["hides"]) == 2


def test_the_judge_says_where_rules_are_met_and_what_they_hide() -> None:
    """
    A rule is met where its place is there, whether anything differs or not.
    """
    rules = (
        Rule(does="ignore", where="$.meta"),
        Rule(does="case", where="$.name"),
        Rule(does="case", where="$.misspelt"),
    )
    survey = judged('{"meta": {"a": 1, "b": 2}, "name": "x"}', '{"meta": {"a": 2}, "name": "x"}', *rules, surveyed=True)
    assert survey.survey is not None

    assert survey.survey.met == {0, 1}
    assert survey.survey.hides == {0: {("$.meta.a", Kind.VALUE), ("$.meta.b", Kind.MISSING)}}
    assert survey.survey.whole
