"""
What holds for all bodies: nothing is accused that is the same, every single change is found, and the sides are equals.
"""

import json
from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.answer import Answer
from proxy.compare.difference import Kind, Part
from proxy.compare.judge import Judgement, judge
from proxy.compare.rules import Rule
from proxy.compare.signature import signature
from tests.parts.judged import ENDPOINT, PACKERS, answer, book, found
from tests.parts.planted import NAMES, VALUES, WRITINGS, Writing, elements, planted, write_json, write_xml, xml_plants

MIRRORED = {Kind.MISSING: Kind.EXTRA, Kind.EXTRA: Kind.MISSING}
SEEDS = st.integers(0, 2**32)
WHOLE = [name for name in PACKERS if not name.endswith(("-cut", "-more"))]
CODINGS = st.sampled_from([None, *WHOLE])
BODIES = pytest.mark.parametrize("writing", WRITINGS.values(), ids=WRITINGS)


def packed(text: str | bytes, media: str, coding: str | None = None) -> Answer:
    """
    An answer with this body, in some coding.
    """
    content = text.encode() if isinstance(text, str) else text
    if coding is None:
        return answer(content, media)
    name, pack = PACKERS[coding]
    return answer(pack(content), media, coding=name)


def mirrored(parts: frozenset[Part]) -> frozenset[Part]:
    """
    What would be found with old and new changed.
    """
    return frozenset((pattern, MIRRORED.get(kind, kind)) for pattern, kind in parts)


def both_ways(old: Answer, new: Answer, *rules: Rule) -> Judgement:
    """
    The judgement of a pair, once it is sure that it is the same the other way round.
    """
    straight, swapped = judge(old, new, book(*rules)), judge(new, old, book(*rules))
    assert (swapped.verdict, swapped.reason) == (straight.verdict, straight.reason)
    assert swapped.parts == mirrored(straight.parts)
    if straight.signature is not None and swapped.signature is not None:
        assert swapped.signature == signature(ENDPOINT, mirrored(frozenset(straight.signature.parts)))
    return straight


# Rules made up...

TEXTS = st.sampled_from(["", "a", "[0-9]+", "l.*", "(?i)x", "^.", r"\s+", "."])
SEGMENTS = (
    st.sampled_from(NAMES).map(lambda name: "['" + name.replace("'", "\\'") + "']")
    | st.sampled_from(["[*]", ".*", "..id", "..x", ".**", ".new"])
    | st.sampled_from(["..['@a']", ".a", ".item", "['#text']"])
)
PATHS = st.lists(SEGMENTS, max_size=3).map(lambda parts: "$" + "".join(parts))
SOMEWHERE = PATHS | st.sampled_from(["", "header:content-type", "header:etag"])
GIVEN: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ignore": st.just({}),
    "ignore_values": TEXTS.map(lambda text: {"pattern": text}),
    "numbers": st.fixed_dictionaries({"abs": st.sampled_from([0, 0.005, 2]), "rel": st.sampled_from([0, 0.1])}),
    "times": st.sampled_from([0.0, 2.0, 1e9]).map(lambda seconds: {"within": seconds}),
    "forms": st.sampled_from(["uuid", "hash", "base64", "integer", "number", "timestamp"]).map(
        lambda form: {"form": form}
    ),
    "case": st.just({}),
    "whitespace": st.just({}),
    "url_host": st.just({}),
    "rewrite": st.tuples(TEXTS, st.sampled_from(["", "-", r"\g<0>\g<0>"])).map(
        lambda both: {"pattern": both[0], "with": both[1]}
    ),
    "arrays": st.sampled_from([{}, {"key": "id"}, {"key": ("id", "name")}]),
    "null_is_missing": st.just({}),
}
STATUS_RULE = st.just(Rule(does="status", given={"of": [200, "4xx"]}))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """
    Any rule anywhere, but never `ignore` without a place.
    """
    does = draw(st.sampled_from(list(GIVEN)))
    return Rule(does=does, where=draw(SOMEWHERE if does != "ignore" else PATHS), given=draw(GIVEN[does]))


RULES = st.lists(rules() | STATUS_RULE, max_size=4)


# Nothing is accused...


@BODIES
@given(data=st.data(), seed=SEEDS, codings=st.tuples(CODINGS, CODINGS), said=RULES)
def test_what_is_the_same_is_never_accused(
    writing: Writing, data: st.DataObject, seed: int, codings: tuple[str | None, str | None], said: list[Rule]
) -> None:
    """
    One value written in two ways, in any two codings, by any rules.
    """
    value, random = data.draw(writing.values), Random(seed)
    old, new = (packed(writing.write(value, random), writing.media, coding) for coding in codings)

    judgement = both_ways(old, new, *said)

    assert (judgement.verdict, found(judgement)) == ("equivalent", set())


@given(elements(), SEEDS, st.tuples(CODINGS, CODINGS), RULES)
def test_what_is_the_same_in_xml_is_never_accused(
    element: Any, seed: int, codings: tuple[str | None, str | None], said: list[Rule]
) -> None:
    """
    One element written in two ways, in any two codings, by any rules.
    """
    random = Random(seed)
    old, new = (packed(write_xml(element, random), "text/xml", coding) for coding in codings)

    judgement = both_ways(old, new, *said)

    assert (judgement.verdict, found(judgement)) == ("equivalent", set())


ANYTHING = st.binary(max_size=80) | st.text(max_size=40).map(str.encode) | st.from_regex(rb"[\[{<][\x00-\xff]{0,40}")
MEDIA = ["application/json", "application/x-ndjson", "application/xml", "text/html", "text/plain", "image/png"]
MEDIA += ["application/x-www-form-urlencoded", "application/x-unknown", "multipart/mixed; boundary=x"]


@given(ANYTHING, st.sampled_from(MEDIA), st.tuples(CODINGS, CODINGS), RULES)
def test_the_same_bytes_are_never_accused_whatever_they_are(
    content: bytes, media: str, codings: tuple[str | None, str | None], said: list[Rule]
) -> None:
    """
    The same bytes, and two names of one charset, so that the bytes are read.
    """
    old, new = (
        packed(content, f"{media}; charset={charset}", coding)
        for charset, coding in zip(("utf-8", "utf8"), codings, strict=True)
    )

    judgement = both_ways(old, new, *said)

    assert (judgement.verdict, found(judgement)) == ("equivalent", set())


# Every change is found...


@BODIES
@given(data=st.data(), seed=SEEDS)
def test_a_single_change_is_found_where_it_is(writing: Writing, data: st.DataObject, seed: int) -> None:
    """
    One value, type, member, element or order that changed is one difference, at its place.
    """
    value, random = data.draw(writing.values), Random(seed)
    plant = data.draw(planted(value, writing))
    old, new = (packed(writing.write(one, random), writing.media) for one in (value, plant.value))

    judgement = both_ways(old, new)

    assert (judgement.verdict, found(judgement)) == ("divergent", plant.finds())


@given(data=st.data(), seed=SEEDS)
def test_a_single_change_is_found_beside_what_rules_excuse(data: st.DataObject, seed: int) -> None:
    """
    Rules that hide all there is in one member hide nothing in another.
    """
    json, random = WRITINGS["json"], Random(seed)
    value = data.draw(json.values)
    plant = data.draw(planted(value, json))
    junk = data.draw(st.tuples(VALUES, VALUES))
    said = [one for one in data.draw(RULES) if one.where.startswith("$[")]
    said = [Rule(does=one.does, where=f"$.junk{one.where[1:]}", given=one.given) for one in said]
    old, new = (
        packed(write_json({"junk": one, "free": whole}, random), json.media)
        for one, whole in zip(junk, (value, plant.value), strict=True)
    )

    judgement = both_ways(old, new, *said, Rule(does="ignore", where="$.junk"))

    assert (judgement.verdict, found(judgement)) == ("divergent", plant.finds("free"))


@given(st.data(), elements(), SEEDS)
def test_a_single_change_of_xml_is_found(data: st.DataObject, element: Any, seed: int) -> None:
    """
    A text, an attribute, an element, a name, or the order of two children.
    """
    changed, random = data.draw(st.sampled_from(list(xml_plants(element)))), Random(seed)
    old, new = (packed(write_xml(one, random), "application/xml") for one in (element, changed))

    judgement = both_ways(old, new)

    assert judgement.verdict == "divergent"


@given(st.binary(min_size=1, max_size=200).map(b"%PDF".__add__), st.data())
def test_a_single_byte_is_found(content: bytes, data: st.DataObject) -> None:
    """
    Of what is compared as a whole: which byte is another, or how long it is.
    """
    at = data.draw(st.integers(4, len(content) - 1))
    other = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    shorter = content[:at] + content[at + 1 :]
    old = packed(content, "application/pdf")

    judgement = both_ways(old, packed(other, "application/pdf"))

    assert [(one.kind, one.old) for one in judgement.differences] == [(Kind.BODY, f"byte {at}")]
    assert found(both_ways(old, packed(shorter, "application/pdf"))) == {"length $"}


# Rules...


@given(st.data(), VALUES, VALUES, SEEDS, RULES)
def test_rules_hide_and_never_break_anything(
    data: st.DataObject, old: Any, new: Any, seed: int, said: list[Rule]
) -> None:
    """
    Two values that have nothing to do with each other, and two that nearly are the same, by any rules: there is a
    verdict, the same one either way, and what was looked at by the way changes nothing.
    """
    random = Random(seed)
    near = data.draw(planted(old, WRITINGS["json"])).value
    for other in (new, near):
        ours, theirs = (packed(write_json(one, random), "application/json") for one in (old, other))

        judgement = both_ways(ours, theirs, *said)

        assert judgement.verdict in {"equivalent", "divergent"}
        assert (judgement.verdict == "divergent") is bool(judgement.differences)
        surveyed = judge(ours, theirs, book(*said), surveyed=True)
        assert (surveyed.verdict, surveyed.parts) == (judgement.verdict, judgement.parts)


@given(elements(), elements(), SEEDS, RULES)
def test_rules_never_break_xml(old: Any, new: Any, seed: int, said: list[Rule]) -> None:
    """
    Two documents that have nothing to do with each other.
    """
    random = Random(seed)
    ours, theirs = (packed(write_xml(one, random), "application/xml") for one in (old, new))

    judgement = both_ways(ours, theirs, *said)

    assert (judgement.verdict == "divergent") is bool(judgement.differences)


NUMBERS = st.lists(st.integers(0, 7), max_size=5)


def most_partners(old: list[Any], new: list[Any], near: Callable[[Any, Any], bool]) -> int:
    """
    How many can have a partner at once: all ways are tried.
    """
    few, many = sorted((old, new), key=len)
    return max(sum(map(near, few, some)) for some in permutations(many, len(few)))


@given(NUMBERS, NUMBERS, st.sampled_from([1, 2]))
def test_sets_within_tolerance_accuse_nobody_who_could_be_excused(old: list[int], new: list[int], within: int) -> None:
    """
    Of all ways to pair the elements it is one with the fewest differences.
    """
    said = Rule(does="arrays", where="$"), Rule(does="numbers", where="$[*]", given={"abs": within})
    ours, theirs = (packed(json.dumps(one), "application/json") for one in (old, new))

    judgement = both_ways(ours, theirs, *said)

    excused = most_partners(old, new, lambda one, other: abs(one - other) <= within)
    assert len(judgement.differences) == max(len(old), len(new)) - excused


THING = st.fixed_dictionaries({"id": st.integers(0, 1), "p": st.integers(0, 5), "q": st.integers(0, 3)})
THINGS = st.lists(THING, max_size=5)


@given(THINGS, THINGS)
def test_sets_of_objects_within_tolerance_are_the_same_either_way(
    old: list[dict[str, int]], new: list[dict[str, int]]
) -> None:
    """
    Where names tell some elements apart, and tolerances the others: what is left over on either side, too.
    """
    numbers = [Rule(does="numbers", where=f"$[*].{name}", given={"abs": 1}) for name in "pq"]
    ours, theirs = (packed(json.dumps(one), "application/json") for one in (old, new))

    judgement = both_ways(ours, theirs, Rule(does="arrays", where="$"), *numbers)

    excused = most_partners(
        old, new, lambda one, other: one["id"] == other["id"] and all(abs(one[at] - other[at]) <= 1 for at in "pq")
    )
    assert (judgement.verdict == "equivalent") is (excused == max(len(old), len(new)))


@given(VALUES, VALUES, SEEDS)
def test_what_is_ignored_may_be_anything(old: Any, new: Any, seed: int) -> None:
    """
    Also missing, on either side.
    """
    random = Random(seed)
    ignore = Rule(does="ignore", where="$.a.b")
    wholes = [{"a": {"b": old, "c": 1}}, {"a": {"b": new, "c": 1}}, {"a": {"c": 1}}]
    pairs = [packed(write_json(whole, random), "application/json") for whole in wholes]

    for one in pairs:
        for other in pairs:
            assert both_ways(one, other, ignore).verdict == "equivalent"
