"""
What rules did: put together from what comparers told, and judged.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from proxy.compare.difference import Kind
from proxy.compare.judging import JudgingTable, decode, encode, rules_digest
from proxy.compare.rules import Rule
from proxy.errors import LinkError
from proxy.evidence.usage import ENOUGH, SHOWN, WIDE, Usage

GENERAL = (Rule(does="ignore", where="$.meta"), Rule(does="case", where="$.name"))
OWN = (Rule(does="numbers", where="$.total", given={"abs": 0.5}),)
TABLE = JudgingTable(version=7, rules=GENERAL, by_endpoint={"GET /a": OWN})
VALUE = int(Kind.VALUE)


def saw(
    pairs: dict[str, int],
    *,
    met: Sequence[Sequence[Any]] = (),
    hidden: Sequence[Sequence[Any]] = (),
    hides: Sequence[Sequence[Any]] = (),
    rules: str = rules_digest(TABLE),
) -> dict[str, Any]:
    """
    What one comparer tells.
    """
    return {"hidden": hidden, "surveys": {"rules": rules, "pairs": pairs, "met": met, "hides": hides}}


def rows(*told: dict[str, Any], table: JudgingTable = TABLE) -> list[dict[str, Any]]:
    """
    The listing after that.
    """
    usage = Usage()
    usage.follow(table, 100.0, dict)
    for one in told:
        usage.take(one)
    found: list[dict[str, Any]] = usage.listing(table, {})["rules"]
    return found


def test_general_rules_are_counted_over_all_endpoints_and_own_ones_at_theirs() -> None:
    """
    Numbers go on from the general rules to those of an endpoint.
    """
    found = rows(
        saw({"GET /a": 3, "GET /b": 4}, met=[["GET /a", 0, 2], ["GET /b", 0, 1], ["GET /a", 2, 3], ["GET /b", 2, 9]]),
        saw({"GET /a": 1}, hidden=[["GET /a", 2, 5]], hides=[["GET /a", 2, [["$.total", VALUE]]]]),
    )

    assert [row["rule"] for row in found] == ["ignore $.meta", "case $.name", "numbers $.total (abs 0.5)"]
    assert [(row["endpoint"], row["pairs"], row["met"], row["hidden"]) for row in found] == [
        (None, 8, 3, 0),
        (None, 8, 0, 0),
        ("GET /a", 4, 3, 5),
    ]
    assert found[2]["places"] == [{"path": "$.total", "kind": "value"}]


@pytest.mark.parametrize(("pairs", "finding"), [(ENOUGH - 1, None), (ENOUGH, "never met")])
def test_a_rule_that_met_nothing_is_told_after_enough_pairs(pairs: int, finding: str | None) -> None:
    """
    And one that did is not; nor one whose endpoint nobody has asked for.
    """
    found = rows(saw({"GET /b": pairs}, met=[["GET /b", 0, 1]]))

    assert [row["finding"] for row in found] == [None, finding, None]


@pytest.mark.parametrize(
    ("rule", "pattern", "finding"),
    [
        (Rule(does="ignore", where="$.meta"), "$.meta.x{}", "hides more than it names"),
        (Rule(does="ignore", where="$"), "$.x{}", "hides more than it names"),
        (Rule(does="ignore_values", given={"pattern": ".*"}), "$.x{}", "hides more than it names"),
        (Rule(does="ignore", where="$..etag"), "$.x{}.etag", None),
        (Rule(does="ignore", where="$.*['e tag']"), "$.x{}['e tag']", None),
        (Rule(does="ignore", where="$.ids[3]"), "$.x{}[*]", None),
        (Rule(does="ignore", where="header:x"), "header:x{}", None),
        (Rule(does="status", given={"of": [200, 204]}), "status:200:{}", None),
    ],
)
def test_a_rule_that_hides_at_many_places_below_what_it_names_is_told(
    rule: Rule, pattern: str, finding: str | None
) -> None:
    """
    However many places there are that bear the name it has: those were meant.
    """
    table = JudgingTable(version=1, rules=(rule,))
    places = [[pattern.format(number), VALUE] for number in range(WIDE)]
    told = saw({"GET /a": 1}, met=[["GET /a", 0, 1]], hides=[["GET /a", 0, places]], rules=rules_digest(table))
    fewer = saw({"GET /a": 1}, met=[["GET /a", 0, 1]], hides=[["GET /a", 0, places[1:]]], rules=rules_digest(table))

    assert [row["finding"] for row in rows(told, table=table)] == [finding]
    assert [row["finding"] for row in rows(fewer, table=table)] == [None]


def test_only_some_places_are_shown() -> None:
    """
    And how many more there are.
    """
    places = [[f"$.meta.x{number}", VALUE] for number in range(SHOWN + 5)]
    found = rows(saw({}, hides=[["GET /a", 0, places]]))

    assert (len(found[0]["places"]), found[0]["more"]) == (SHOWN, 5)


def test_other_rules_begin_anew_and_other_noise_does_not() -> None:
    """
    What a comparer tells of rules that are no more is left out.
    """
    usage = Usage()
    usage.follow(TABLE, 100.0, dict)
    usage.take(saw({"GET /a": 5}))
    usage.follow(decode(encode(JudgingTable(version=8, rules=GENERAL, by_endpoint={"GET /a": OWN}))), 200.0, dict)
    assert (usage.since, usage.listing(TABLE, {})["pairs"]) == (100.0, 5)

    other = JudgingTable(version=9, rules=GENERAL)
    usage.follow(other, 300.0, dict)
    usage.take(saw({"GET /a": 5}))

    assert (usage.since, usage.listing(other, {})["pairs"]) == (300.0, 0)


@pytest.mark.parametrize("spoil", [{"hidden": [["GET /a"]]}, {"surveys": None}, {"surveys": {}}])
def test_another_shape_is_refused(spoil: dict[str, Any]) -> None:
    """
    As all that comes over a link.
    """
    usage = Usage()
    usage.follow(TABLE, 1.0, dict)

    with pytest.raises(LinkError):
        usage.take({**saw({}), **spoil})


def test_rules_of_an_endpoint_that_nobody_asked_for_are_told_of_with_the_likeliest_one() -> None:
    """
    Once so many others were asked for since these rules came into force; what came before says nothing of them.
    """
    usage = Usage()
    usage.follow(TABLE, 100.0, lambda: {"GET /b": 5000})
    early = usage.listing(TABLE, {"GET /b": 5000 + ENOUGH - 1})["rules"]
    (*general, late) = usage.listing(TABLE, {"GET /b": 5000 + ENOUGH, "GET /a/": 0, "other": 3})["rules"]
    (*_, near) = usage.listing(TABLE, {"GET /a/": 5000, "GET /b": 0, "other": 300})["rules"]
    (*_, asked) = usage.listing(TABLE, {"GET /a": 1, "GET /b": 9000})["rules"]

    assert [row["finding"] for row in (*early, *general, asked)] == [None] * 6
    assert late["finding"] == near["finding"] == "never met"
    assert late["says"].startswith("has an endpoint that none of 103 requests was of; did you mean GET /b?")
    assert near["says"] == "has an endpoint that none of 300 requests was of; did you mean GET /a/?"
