"""
Names of values, and which elements of two arrays find each other by them.
"""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.leaf import Rules
from proxy.compare.matching import EFFORT
from proxy.compare.names import Names
from proxy.compare.pairing import by_key, by_name
from proxy.compare.rules import Rule, compile_rules
from tests.parts.judged import found, judged
from tests.parts.planted import VALUES, same


def rules(*several: Rule) -> Rules:
    """
    The machine of these rules.
    """
    body = compile_rules(several).body
    assert body is not None
    return body


@given(VALUES, VALUES)
def test_two_values_have_one_name_exactly_when_they_are_the_same(one: Any, other: Any) -> None:
    """
    Types and all.
    """
    names = Names(exact=True)

    assert (names.of(one, None) == names.of(other, None)) is same(one, other)


def test_a_name_leaves_out_what_rules_leave_out() -> None:
    """
    Ignored members, null where it counts as missing, the order of sets, and what is rewritten.
    """
    names = Names(exact=False)
    by = rules(
        Rule(does="ignore", where="$.at"),
        Rule(does="null_is_missing", where="$.note"),
        Rule(does="arrays", where="$.tags"),
        Rule(does="case", where="$.country"),
    )
    one = {"id": 1, "at": 1, "note": None, "tags": [1, 2, 2], "country": "DE"}

    assert names.of(one, by) == names.of({"country": "de", "id": 1, "tags": [2, 1, 2]}, by)
    assert names.of(one, by) != names.of({"country": "de", "id": 1, "tags": [2, 1, 1]}, by)
    assert names.of(one, by) != names.of({**one, "note": 1}, by)


def test_a_loose_name_says_nothing_of_what_may_be_excused() -> None:
    """
    A tolerance can't be told by a name: such values are compared.
    """
    strict, loose = Names(exact=False), Names(exact=False, loose=True)
    by = rules(Rule(does="numbers", where="$.p", given={"abs": 1}))

    assert strict.of({"p": 1, "q": 1}, by) != strict.of({"p": 2, "q": 1}, by)
    assert loose.of({"p": 1, "q": 1}, by) == loose.of({"p": 9, "q": 1}, by)
    assert loose.of({"p": 1, "q": 1}, by) != loose.of({"p": 1, "q": 2}, by)


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_elements_of_one_name_find_each_other(ours: list[int], theirs: list[int]) -> None:
    """
    As many as there are on both sides, and each has one partner at most.
    """
    pairing = by_name(ours, theirs)

    assert all(ours[one] == theirs[other] for one, other in pairing.pairs)
    assert sorted([one for one, _ in pairing.pairs] + pairing.only_old) == list(range(len(ours)))
    assert sorted([other for _, other in pairing.pairs] + pairing.only_new) == list(range(len(theirs)))
    assert not {ours[one] for one in pairing.only_old} & {theirs[other] for other in pairing.only_new}


def test_keys_find_each_other_before_types_do() -> None:
    """
    7 finds 7, and "7" only what nothing else has found.
    """
    old, new = [{"id": 7}, {"id": "8"}, {"x": 1}], [{"id": "7"}, {"id": 7}, {"id": 8}]

    pairing = by_key(old, new, ["id"], None, Names(exact=False))

    assert (pairing.pairs, pairing.only_old, pairing.only_new) == ([(0, 1), (1, 2)], [2], [0])
    assert pairing.moved


def test_a_set_of_values_in_any_order_accuses_nobody() -> None:
    """
    Also where a tolerance decides which element is which.
    """
    random = Random(3)
    old = [{"id": number, "p": number / 10} for number in range(60)]
    new = [{"id": one["id"], "p": one["p"] + 0.001} for one in old]
    random.shuffle(new)
    said = [Rule(does="arrays", where="$"), Rule(does="numbers", where="$[*].p", given={"abs": 0.01})]

    judgement = judged(str(old).replace("'", '"'), str(new).replace("'", '"'), *said)

    assert judgement.verdict == "equivalent"
    assert set(judgement.hidden) == {0, 1}


def test_looking_for_partners_ends() -> None:
    """
    Where everything may be equal to everything, no more than so many are looked at.
    """
    count = int(EFFORT**0.5) * 3
    old, new = (str([[number, step] for number in range(count)]) for step in (1, 2))
    said = [Rule(does="arrays", where="$"), Rule(does="numbers", where="$[*][*]", given={"abs": 0.4})]

    judgement = judged(old, new, *said)

    assert judgement.verdict == "divergent"
    assert len(found(judgement)) == count
