"""
When stages come: windows, freezes, what gates need, and what has been already.
"""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.plan.model import Plan, Stage
from proxy.plan.render.making import begins, make_book, windows
from proxy.plan.render.schedule import forecast
from tests.parts.documents import book_of
from tests.parts.plans import a_plan

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
spans = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)).map(sorted)


def always(_: Stage, at: float) -> float:
    return at


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def a_windowed(**rest: Any) -> Plan:
    window = {"allow": ("Mon-Thu 09:00-16:00",), "fit": "1h"}
    return a_plan({"weight": 0}, {"weight": 10}, windows={"default": window}, **rest)


@given(st.lists(st.tuples(spans, st.integers(0, 20_000)), min_size=1, max_size=6))
def test_the_expected_dates_lie_between_the_others(stages: list[tuple[list[int], int]]) -> None:
    """
    And time goes on, from stage to stage.
    """
    plan = a_plan(*({"weight": 0, "observe": f"{least}s..{most}s"} for (least, most), _ in stages))
    found = forecast(plan, 100.0, [needed for _, needed in stages], always)

    clock = 100.0
    for stage in found:
        for dates in (stage.entered, stage.left):
            assert dates.earliest <= dates.expected <= dates.latest
        assert stage.entered.expected >= clock
        clock = stage.left.expected


def test_a_stage_takes_as_long_as_its_slowest_gate() -> None:
    """
    But not longer than it may, and not less than it must.
    """
    plan = a_plan({"weight": 0, "observe": "10m..1h"})

    assert [forecast(plan, 0.0, [needed], always)[0].left.expected for needed in (0.0, 1800.0, 1e6)] == [
        MINUTE + 10 * MINUTE,
        MINUTE + 30 * MINUTE,
        MINUTE + HOUR,
    ]


def test_a_stage_waits_for_its_window() -> None:
    """
    And for the next one, where too little is left of it.
    """
    opens = windows(a_windowed())
    stage = a_windowed().stages[0]

    assert opens(stage, at("2027-03-01T08:00")) == at("2027-03-01T09:00")
    assert opens(stage, at("2027-03-01T12:00")) == at("2027-03-01T12:00")
    assert opens(stage, at("2027-03-01T15:30")) == at("2027-03-02T09:00")
    assert opens(stage, at("2027-03-04T17:00")) == at("2027-03-08T09:00")


def test_a_stage_waits_for_the_end_of_a_freeze() -> None:
    """
    Whatever window it has.
    """
    plan = a_windowed(freezes=({"dates": "2027-03-02..2027-03-03", "why": "closing"},))
    bare = a_plan({"weight": 0}, freezes=({"dates": "2027-03-02..2027-03-03", "why": "closing"},))

    assert windows(plan)(plan.stages[0], at("2027-03-02T10:00")) == at("2027-03-04T09:00")
    assert windows(bare)(bare.stages[0], at("2027-03-02T10:00")) == at("2027-03-04T00:00")


def test_a_window_that_never_opens_stops_no_document() -> None:
    """
    `plan validate` tells of it.
    """
    plan = a_plan({"weight": 0}, windows={"default": {"allow": ("Mon 09:00-10:00",), "fit": "2h"}})

    assert windows(plan)(plan.stages[0], at("2027-03-01T08:00")) >= at("2027-03-01T08:00")


def test_what_has_been_is_no_forecast_any_more() -> None:
    """
    The rest is counted from there.
    """
    plan = a_plan({"weight": 0}, {"weight": 10}, {"weight": 50})
    been = {"s0": (0.0, 5000.0), "s1": (6000.0, None)}
    first, second, third = forecast(plan, 0.0, [0.0] * 3, always, been)

    assert first.left.latest == 5000.0
    assert second.entered.earliest == 6000.0
    assert third.entered.expected == second.left.expected == 6000.0 + MINUTE + 10 * MINUTE


def test_a_day_begins_on_the_plans_own_clock() -> None:
    """
    Which is where its people are.
    """
    book = book_of("orders-read")

    assert begins(book.plan, book.zone) == at("2027-02-28T23:00")
    assert book.stages[0].planned.entered.expected == at("2027-03-01T08:00")


def test_a_plan_without_a_date_counts_from_nothing() -> None:
    """
    Its windows are left out: nobody knows on which day of the week it starts.
    """
    book = make_book(a_windowed(), "0" * 64, "plan.yaml")

    assert book.begin is None
    assert not book.is_dated
    assert [view.planned.entered.expected for view in book.stages] == [0.0, 11 * MINUTE]
