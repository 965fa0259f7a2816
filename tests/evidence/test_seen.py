"""
What a comparer tells once a second: sums, bounded, each told once.
"""

from typing import Any

import orjson
import pytest

from proxy.compare.difference import Kind
from proxy.compare.judge import Book, Judgement, judge
from proxy.compare.rules import Rule
from proxy.evidence import seen as room
from proxy.evidence.seen import Seen
from tests.parts.judged import ENDPOINT, answer, book

VALUE = int(Kind.VALUE)


def judgement(by: Book, old: str, new: str) -> Judgement:
    """
    Of two JSON bodies.
    """
    return judge(answer(old), answer(new), by)


def told(seen: Seen) -> dict[str, Any]:
    """
    What it tells now.
    """
    value: dict[str, Any] = orjson.loads(seen.take())
    return value


def test_a_signature_is_told_once_with_its_count_and_times() -> None:
    """
    And is forgotten then.
    """
    seen, by = Seen(version=3), book()
    for at in (10.0, 11.0, 12.0):
        seen.note(by, judgement(by, '{"a": 1}', '{"a": 2}'), at)
    seen.note(by, judgement(by, '{"a": 1}', '{ "a": 1}'), 13.0)
    first, then = told(seen), told(seen)
    [one] = first["signatures"]

    assert first["version"] == 3
    assert (one["endpoint"], one["severity"], one["parts"]) == (ENDPOINT, "value", [["$.a", VALUE]])
    assert (one["verdict"], one["count"], one["first"], one["last"]) == ("divergent", 3, 10.0, 12.0)
    assert first["pairs"] == {ENDPOINT: 4}
    assert (then["signatures"], then["pairs"], then["overflow"]) == ([], {}, 0)


def test_a_pair_with_the_twin_teaches_and_accuses_nobody() -> None:
    """
    It is no pair of old and new, and has no signature.
    """
    seen, by = Seen(), book()
    seen.note(by, judgement(by, '{"a": 1, "b": 1}', '{"a": 2, "b": true}'), 1.0, twin=True)
    found = told(seen)

    assert (found["signatures"], found["pairs"], found["live"]) == ([], {}, [])
    assert found["twins"] == {ENDPOINT: 1}
    assert sorted(found["noise"]) == [[ENDPOINT, "$.a", VALUE, 1], [ENDPOINT, "$.b", int(Kind.TYPE), 1]]


def test_how_often_new_differs_is_told_of_noisy_places_only() -> None:
    """
    Of the others the signatures tell.
    """
    seen, by = Seen(), book(noise=frozenset({("$.a", Kind.VALUE)}))
    for new in ('{"a": 2, "b": 1}', '{"a": 3, "b": 1}', '{"a": 1, "b": 9}'):
        seen.note(by, judgement(by, '{"a": 1, "b": 1}', new), 1.0)
    found = told(seen)

    assert found["live"] == [[ENDPOINT, "$.a", VALUE, 2]]
    assert sorted(one["verdict"] for one in found["signatures"]) == ["divergent", "noise"]


def test_rules_that_hid_something_are_told_by_their_numbers_until_these_change() -> None:
    """
    With other rules they mean others; noise and waivers make another table, and change nothing here.
    """
    seen, by = Seen(version=1), book(Rule(does="ignore", where="$.z"), Rule(does="ignore", where="$.a"))
    for _ in range(2):
        seen.note(by, judgement(by, '{"a": 1}', '{"a": 2}'), 1.0)
    assert told(seen)["hidden"] == [[ENDPOINT, 1, 2]]
    seen.note(by, judgement(by, '{"a": 1}', '{"a": 2}'), 1.0)
    seen.start(2, rules="the same")
    seen.note(by, judgement(by, '{"a": 1}', '{"a": 2}'), 1.0)
    seen.start(3, rules="the same")
    assert told(seen)["hidden"] == [[ENDPOINT, 1, 1]]
    seen.note(by, judgement(by, '{"a": 1}', '{"a": 2}'), 1.0)
    seen.start(4, rules="others")

    assert (told(seen)["hidden"], seen.version) == ([], 4)


def test_noise_is_told_and_known_by_names_without_secrets() -> None:
    """
    A member's name can be one: what it is called outside is what the judging table has.
    """
    masked = {"$.secret": "$.#12"}
    by = book(noise=frozenset({("$.#12", Kind.VALUE)}), masked=lambda pattern: masked.get(pattern, pattern))
    seen, pair = Seen(), judgement(by, '{"secret": 1, "b": 1}', '{"secret": 2, "b": 1}')
    seen.note(by, pair, 1.0, twin=True)
    seen.note(by, pair, 1.0)
    found = told(seen)

    assert pair.verdict == "noise"
    assert found["noise"] == found["live"] == [[ENDPOINT, "$.#12", VALUE, 1]]


def test_waived_parts_are_known_by_names_without_secrets() -> None:
    """
    Two waived signatures at once are waived too, whatever their names.
    """
    accepted = [frozenset({("$.#12", Kind.VALUE)}), frozenset({("$.b", Kind.VALUE)})]
    by = book(accepted=accepted, masked=lambda pattern: pattern.replace("secret", "#12"))

    assert judgement(by, '{"secret": 1, "b": 1}', '{"secret": 2, "b": 2}').verdict == "waived"
    assert judgement(by, '{"secret": 1, "c": 1}', '{"secret": 2, "c": 2}').verdict == "divergent"


def test_what_could_not_be_judged_is_no_pair() -> None:
    """
    The books have its reason.
    """
    seen, by = Seen(), book()
    broken = judge(answer(b"x", coding="gzip"), answer(b"y", coding="gzip"), by)
    assert broken.verdict is None
    seen.note(by, broken, 1.0)

    assert told(seen)["pairs"] == {}


def test_who_was_hit_is_told_by_side_that_served() -> None:
    """
    By digest; of a signature that isn't there nothing is.
    """
    seen, by = Seen(), book()
    differs = judgement(by, '{"a": 1}', '{"a": 2}')
    assert differs.signature is not None
    seen.note(by, differs, 1.0)
    for live in (0, 1, 1):
        seen.hit(differs.signature.id, "#ann", live)
    seen.hit("0" * 16, "#bob", 0)

    assert told(seen)["signatures"][0]["keys"] == {"#ann": [1, 2]}


def test_all_of_it_is_bounded_and_what_is_beyond_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A side that answers something else each time costs no memory.
    """
    monkeypatch.setattr(room, "MOST", 3)
    monkeypatch.setattr(room, "MOST_KEYS", 2)
    seen, by = Seen(), book()
    for number in range(5):
        seen.note(by, judgement(by, f'{{"m{number}": 1}}', f'{{"m{number}": 2}}'), 1.0)
    first = next(iter(seen.signatures.values())).signature.id
    for number in range(5):
        seen.hit(first, f"#{number}", 0)
    for number in range(5):
        seen.note(by, judgement(by, f'{{"m{number}": 1}}', f'{{"m{number}": 2}}'), 1.0, twin=True)
    found = told(seen)

    assert (len(found["signatures"]), len(found["noise"])) == (3, 3)
    assert len(found["signatures"][0]["keys"]) == 2
    assert found["pairs"] == {ENDPOINT: 5}
    assert found["overflow"] == 2 + 3 + 2


def test_secrets_are_taken_out_of_patterns() -> None:
    """
    Names of members can be some.
    """
    seen, by = Seen(), book()
    seen.note(by, judgement(by, '{"ann@example.com": 1}', '{"ann@example.com": 2}'), 1.0)
    found = orjson.loads(seen.take(lambda pattern: "#" * len(pattern)))

    assert "ann" not in str(found["signatures"])
