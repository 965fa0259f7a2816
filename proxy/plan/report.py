"""
What `parallax plan validate` says of a plan that can be carried out: its stages, how long its gates take, and what a
defect would cost. Values for scripts, lines for people.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table

from proxy.plan.blast import REACTION, Blast, blasts, by_guard
from proxy.plan.check import Checked
from proxy.plan.exposure import Exposure, exposures
from proxy.plan.facts import Facts
from proxy.plan.feasibility import Forecast, about, forecasts, show_rate
from proxy.plan.kinds import show_time
from proxy.plan.model import Plan, Stage
from proxy.settings.kinds import show_number


def report_values(checked: Checked, facts: Facts | None) -> dict[str, Any]:
    """
    As JSON.
    """
    plan = checked.plan
    return {
        "plan": plan.plan,
        "hash": checked.hash,
        "stages": [
            {"name": stage.name, **exposure.as_values(), "observe": list(stage.observe), "gates": list(stage.gates)}
            for stage, exposure in zip(plan.stages, _exposures(plan, facts), strict=True)
        ],
        "gates": [
            {**asdict(one), "seconds": one.seconds, "likely_seconds": one.likely_seconds, "fits": one.fits}
            for one in forecasts(plan, facts)
        ],
        "blast_radius": [asdict(one) for one in blasts(plan, facts)],
        "reaction_seconds": REACTION,
        "warnings": list(checked.warnings),
        "problems": [],
    }


def report(name: str, checked: Checked, facts: Facts | None) -> Iterator[RenderableType]:
    """
    For people; `name` is that of the file.
    """
    plan = checked.plan
    yield from (f"{warning} (warning)" for warning in checked.warnings)
    least = sum(stage.observe.least + _settle(plan, stage) for stage in plan.stages)
    yield (
        f"{name}: can be used: plan {plan.plan}, {_count(len(plan.stages), 'stage')}, "
        f"{_count(len(plan.gates), 'gate')}, {_count(len(plan.guards), 'guard')}; {about(least)} at the least"
    )
    yield f"hash {checked.hash}"
    yield ""
    yield _stages(plan, facts)
    found = list(forecasts(plan, facts))
    if found:
        yield ""
        yield f"Time that gates take at {show_rate(plan.expect.rate)} requests a second"
        yield _times(found)
    for guard, rows in by_guard(blasts(plan, facts)).items():
        yield ""
        yield f"Bad answers to clients until guard {guard} has taken new back, {REACTION} s of reaction included"
        yield _costs(rows)


def _exposures(plan: Plan, facts: Facts | None) -> tuple[Exposure, ...]:
    return exposures(plan) if facts is None else exposures(plan, facts.base)


def _settle(plan: Plan, stage: Stage) -> float:
    return plan.defaults.settle if stage.settle is None else stage.settle


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _table(*columns: str) -> Table:
    """
    A table with these heads: after `<` on the left, and after `~` what may be broken into lines where there is no room.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in columns:
        name = column.lstrip("<~")
        table.add_column(name, justify="left" if "<" in column else "right", no_wrap="~" not in column, overflow="fold")
    return table


def _stages(plan: Plan, facts: Facts | None) -> Table:
    table = _table("<stage", "new", "copied", "<~and", "observe", "<~gates", "<then", "<back to")
    for stage, exposure in zip(plan.stages, _exposures(plan, facts), strict=True):
        own = {**stage.routes, **stage.cohorts}
        approvals = f"{stage.approvals.count} approve" if stage.advance == "approve" else "auto"
        table.add_row(
            stage.name,
            f"{show_number(exposure.weight)} %",
            f"{show_number(exposure.mirror)} %",
            ", ".join(f"{name} {show_number(share)} %" for name, share in own.items()),
            f"{show_time(stage.observe.least)}..{show_time(stage.observe.most)}",
            " ".join(stage.gates),
            approvals,
            "no way back" if not stage.reversible else stage.rollback.to if stage.rollback is not None else "",
        )
    return table


def _times(found: list[Forecast]) -> Table:
    table = _table("<stage", "<gate", "<route", "needs", "<~of", "~a second", "least", "likely", "has")
    for one in found:
        table.add_row(
            one.stage,
            one.gate,
            one.route,
            "" if one.needed is None else f"{one.needed:,}",
            one.counted,
            "?" if one.rate is None else show_rate(one.rate),
            "?" if one.seconds is None else about(one.seconds),
            "?" if one.likely_seconds is None else about(one.likely_seconds),
            about(one.most),
        )
    return table


def _costs(rows: Mapping[float, tuple[Blast, ...]]) -> Table:
    first = next(iter(rows.values()))
    table = _table("wrong", "after", "that is", *(f"~at {one.stage}" for one in first))
    for defect, found in rows.items():
        slowest = max((one.seconds for one in found if one.seconds is not None), default=None)
        needed = found[0].opportunities
        table.add_row(
            f"{show_number(100 * defect)} %",
            "never" if needed is None else f"{needed:,}",
            "" if slowest is None else about(slowest),
            *("" if one.users is None else show_rate(one.users) for one in found),
        )
    return table
