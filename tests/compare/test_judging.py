"""
The judging table in use: which rules a pair has, by its endpoint and its route, and by which numbers they are known.
"""

from proxy.compare.answer import Answer
from proxy.compare.judge import Judgement, judge
from proxy.compare.judging import Judging, JudgingTable, decode, encode, first_numbers, for_disk, rules_digest
from proxy.compare.redaction import Redaction
from proxy.compare.rules import Rule

AT = Rule(does="ignore", where="$.at")
COUNT = Rule(does="numbers", where="$.count", given={"abs": 1})
NAME = Rule(does="case", where="$.name")
TABLE = JudgingTable(
    version=3,
    rules=(AT,),
    by_endpoint={"GET /a": (COUNT, NAME), "GET /b": (COUNT,)},
    by_route={"search": (NAME,), "images": (COUNT, NAME)},
)


def body(content: bytes) -> Answer:
    """
    An answer with this body.
    """
    return Answer(status=200, fields=(), media="application/json", coding="", content=content)


def judged(endpoint: str, route: str, old: bytes, new: bytes) -> Judgement:
    """
    What is said of a pair.
    """
    return judge(body(old), body(new), Judging(TABLE).book(endpoint, route))


def test_a_routes_rules_come_after_those_of_all_and_of_the_endpoint() -> None:
    """
    Only on that route; of one without rules nothing changes.
    """
    old, new = b'{"at": 1, "name": "a"}', b'{"at": 2, "name": "A"}'

    assert judged("GET /c", "search", old, new).verdict == "equivalent"
    assert judged("GET /c", "", old, new).verdict == "divergent"
    assert judged("GET /c", "other", old, new).verdict == "divergent"
    assert judged("GET /a", "other", old, new).verdict == "equivalent"


def test_a_number_is_one_rule_wherever_it_hid_something() -> None:
    """
    Those of routes are beyond those of any endpoint.
    """
    old, new = b'{"count": 1, "name": "a"}', b'{"count": 2, "name": "A"}'

    assert dict(first_numbers(TABLE)) == {"search": 3, "images": 4}
    assert judged("GET /c", "images", old, new).hidden == {4: 1, 5: 1}
    assert judged("GET /b", "search", old, new).hidden == {1: 1, 3: 1}
    assert judged("GET /a", "", old, new).hidden == {1: 1, 2: 1}


def test_where_no_rule_is_nobody_has_to_look_for_any() -> None:
    """
    By endpoint or by route.
    """
    judging = Judging(JudgingTable(version=1, by_endpoint={"GET /a": (NAME,)}, by_route={"search": (NAME,)}))

    assert [judging.has_rules(*one) for one in (("GET /a",), ("GET /b", "search"), ("GET /b",))] == [True, True, False]


def test_a_table_comes_out_as_it_went_in() -> None:
    """
    And is known by its rules, those of routes too.
    """
    assert decode(encode(TABLE)) == TABLE
    assert rules_digest(TABLE) != rules_digest(JudgingTable(version=3, rules=(AT,), by_endpoint=TABLE.by_endpoint))


def test_secrets_travel_with_a_table_and_are_on_no_disk() -> None:
    """
    What lies on disk is a table too, as if nobody had named any.
    """
    table = JudgingTable(version=1, redact=Redaction(headers=("x-user",), secrets=("hunter-two", "a\nb")))

    assert decode(encode(table)) == table
    assert b"hunter" not in for_disk(encode(table))
    assert "hunter" not in repr(table)
    assert decode(for_disk(encode(table))) == JudgingTable(version=1, redact=Redaction(headers=("x-user",)))
    assert for_disk(encode(TABLE)) == encode(TABLE)
