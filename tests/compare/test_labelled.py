"""
Pairs with what is to be said of each, written by hand: `labelled/*.yaml`, by kind of body and by rule.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.compare.difference import Kind, Part
from proxy.compare.judge import Judgement, judge
from proxy.compare.signature import signature
from tests.parts.judged import ENDPOINT, book, described, found, part, rules_of

FOLDER = Path(__file__).parent / "labelled"
VERDICTS = ("equivalent", "divergent", "noise", "waived", "skipped")
MIRRORED = {Kind.MISSING: Kind.EXTRA, Kind.EXTRA: Kind.MISSING}


def labelled() -> Iterator[Any]:
    """
    All pairs, each with the media type of its file where it says none.
    """
    for path in sorted(FOLDER.glob("*.yaml")):
        groups = yaml.safe_load(path.read_text())
        media = groups.pop("media")
        for group, pairs in groups.items():
            for pair in pairs:
                yield pytest.param({"media": media, **pair}, id=f"{path.stem}: {group}: {pair['says']}")


PAIRS = list(labelled())


def look(pair: dict[str, Any], *, swapped: bool = False) -> Judgement:
    """
    The judgement of one pair.
    """
    sides = [described(pair[side], pair["media"], type_field=pair.get("type_fields", True)) for side in ("old", "new")]
    noisy = {_noisy(said) for said in pair.get("noisy", ())}
    waived = [frozenset(map(part, waiver)) for waiver in pair.get("waives", ())]
    by = book(
        *rules_of(pair.get("rules", {})),
        noise=frozenset(map(_mirrored, noisy)) if swapped else noisy,
        waived={signature(ENDPOINT, parts).id for parts in waived if not swapped},
        accepted=[frozenset(map(_mirrored, parts)) if swapped else parts for parts in waived],
    )
    old, new = reversed(sides) if swapped else sides
    return judge(old, new, by)


def _noisy(said: str) -> Part:
    return (said, Kind.STATUS) if said.startswith("status:") else part(said)


def _mirrored(one: Part) -> Part:
    pattern, kind = one
    if kind is Kind.STATUS:
        status, old, new = pattern.split(":")
        return f"{status}:{new}:{old}", kind
    return pattern, MIRRORED.get(kind, kind)


def expected(pair: dict[str, Any]) -> tuple[str, set[str]]:
    """
    The verdict, and what has to be found.
    """
    (verdict,) = (name for name in VERDICTS if name in pair)
    finds = pair[verdict] if verdict in {"divergent", "noise", "waived"} else []
    return verdict, {_deep(one) if isinstance(one, dict) else one for one in finds}


def _deep(told: dict[str, Any]) -> str:
    levels, kind = told["deep"]
    return f"{kind} $" + "[0]" * int(levels)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_is_judged_as_it_is_labelled(pair: dict[str, Any]) -> None:
    """
    Verdict, differences and signature are those that somebody wrote down.
    """
    verdict, finds = expected(pair)

    judgement = look(pair)

    assert found(judgement) == finds
    assert (judgement.verdict or "skipped") == verdict
    if verdict == "skipped":
        assert judgement.reason == pair["skipped"]
    if finds:
        counting = pair.get("counts") or pair.get("pattern") or finds
        assert judgement.signature is not None
        assert judgement.signature.parts == signature(ENDPOINT, map(part, counting)).parts


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_is_judged_the_same_the_other_way_round(pair: dict[str, Any]) -> None:
    """
    With old and new changed, what was missing is more; nothing else is another difference, and the verdict is the same.
    """
    straight, swapped = look(pair), look(pair, swapped=True)

    assert (swapped.verdict, swapped.reason) == (straight.verdict, straight.reason)
    assert swapped.parts == frozenset(map(_mirrored, straight.parts))


def test_there_are_enough_of_them_and_each_says_another_thing() -> None:
    """
    Every kind of difference and every kind of rule has several pairs.
    """
    told = [pair.values[0] for pair in PAIRS]
    kinds = [re.split(r"[ :]", said)[0] for pair in told for said in expected(pair)[1]]
    rules = [does for pair in told for does in pair.get("rules", {})]

    assert len(told) >= 300
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    for kind in Kind:
        assert kinds.count(kind.name.lower()) >= 3, kind
    for does in ("ignore", "ignore_values", "numbers", "times", "forms", "case", "whitespace", "url_host", "rewrite"):
        assert rules.count(does) >= 5, does
    for does in ("arrays", "null_is_missing", "status"):
        assert rules.count(does) >= 5, does
