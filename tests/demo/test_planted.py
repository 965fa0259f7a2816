"""
The table of planted differences, against the shops' real answers.
"""

from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from proxy.compare import answer as judged
from proxy.compare.judge import Book, judge
from proxy.demo.drawn import draw
from proxy.demo.load import script
from proxy.demo.planted import BY_ENDPOINT, CUT_AT, PLANTED, SLOWER_BY, Effect, Parts, Planted, effect_on
from proxy.demo.shop import Answer, answer
from proxy.demo.tally import MIX, Ask

ASKS = tuple(islice(script(), 5000))


def both(ask: Ask) -> tuple[Answer, Answer]:
    return answer("old", ask.method, ask.target, ask.body), answer("new", ask.method, ask.target, ask.body)


def compared(given: Answer) -> tuple[int, str, tuple[tuple[str, str], ...], bytes]:
    return given.status, given.content_type, given.headers, given.body[: given.cut_at]


def test_each_endpoint_stands_in_the_table_once_and_is_asked_for() -> None:
    """
    No planted difference is left out of the load, and none hides another.
    """
    assert len(BY_ENDPOINT) == len(PLANTED)
    assert set(BY_ENDPOINT) <= set(MIX)


@pytest.mark.parametrize("endpoint", MIX)
def test_the_shops_differ_exactly_where_the_table_says(endpoint: str) -> None:
    """
    For every request of a long run, the answers differ in what is compared if and only if the table says so.
    """
    asks = [ask for ask in ASKS if ask.endpoint == endpoint]
    differing = {ask.target for ask in asks if compared(both(ask)[0]) != compared(both(ask)[1])}
    told = {ask.target for ask in asks if effect_on(endpoint, ask.target) in (Effect.DIVERGENT, Effect.FAILED)}

    assert asks
    assert differing == told


# How often noise is drawn, tests/demo/test_drawn.py looks at.
@pytest.mark.parametrize(
    "planted", [one for one in PLANTED if one.effect is not Effect.NOISE], ids=lambda planted: planted.endpoint
)
def test_what_is_said_about_how_often_is_so(planted) -> None:  # type: ignore[no-untyped-def]
    """
    "1 product in 8" is one in eight, give or take what chance does in a long run.
    """
    asks = [ask for ask in ASKS if ask.endpoint == planted.endpoint]
    share = sum(planted.hits(ask.target) for ask in asks) / len(asks)
    words = planted.how_often.split()
    said = 1.0 if words == ["always"] else int(words[0]) / int(words[-1])

    assert share == pytest.approx(said, rel=0.35)


@pytest.mark.parametrize("planted", [one for one in PLANTED if one.parts or one.noise], ids=lambda one: one.endpoint)
def test_the_judge_finds_just_the_parts_that_the_table_has(planted: Planted) -> None:
    """
    What is planted in new, and what both shops draw, are the signatures that Parallax's own judge comes to.
    """
    dice, seen = Random(1), set[Parts]()
    for ask in ASKS:
        if ask.endpoint == planted.endpoint and planted.hits(ask.target):
            old, new = (replace(one, body=draw(one.body, dice)) for one in both(ask))
            if compared(old) != compared(new):
                seen.add(found(old, new))

    always = {planted.parts | planted.noise}
    assert seen == always


def found(old: Answer, new: Answer) -> Parts:
    """
    The parts of the signature of two answers, as the admin API writes them.
    """
    judgement = judge(as_judged(old), as_judged(new), Book(endpoint="GET /a"))
    assert judgement.signature is not None
    return frozenset((path, kind.name.lower()) for path, kind in judgement.signature.parts)


def as_judged(given: Answer) -> judged.Answer:
    return judged.Answer(
        status=given.status,
        fields=(("content-type", given.content_type),),
        media=given.content_type,
        coding="",
        content=given.body,
    )


def test_a_long_invoice_is_cut_and_answers_in_full_on_old() -> None:
    """
    The cut is announced nowhere: the length is that of the whole answer.
    """
    old, new = answer("old", "GET", "/invoices/13"), answer("new", "GET", "/invoices/13")

    assert (old.cut_at, new.cut_at) == (None, CUT_AT)
    assert old.body == new.body
    assert len(new.body) > CUT_AT


def test_recommendations_differ_in_time_alone() -> None:
    """
    New is slower by the stated time and says the same.
    """
    old, new = answer("old", "GET", "/recommendations/5"), answer("new", "GET", "/recommendations/5")

    assert (old.delay, new.delay) == (0.0, SLOWER_BY)
    assert compared(old) == compared(new)
