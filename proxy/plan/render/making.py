"""
The book of a plan: dates worked out, and everything put beside the stage it belongs to.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from proxy.plan.calendar import is_open
from proxy.plan.check_stages import window_of
from proxy.plan.exposure import Exposure, exposures
from proxy.plan.facts import Facts, facts_of
from proxy.plan.model import Plan, Stage
from proxy.plan.render.book import Book, GateView, StageView
from proxy.plan.render.commands import Commands
from proxy.plan.render.running import Running
from proxy.plan.render.samples import slowest
from proxy.plan.render.schedule import Opens, Planned, forecast, settling
from proxy.plan.render.tasks import stage_tasks
from proxy.settings.model import Settings

# Openings that are looked at for one that is long enough: three years of days.
LONGEST: Final = 2 * 3 * 366


def make_book(
    plan: Plan, digest: str, file: str, *, settings: Settings | None = None, running: Running | None = None
) -> Book:
    """
    `digest` is the plan's hash, `file` how its file is called in commands.
    """
    zone = ZoneInfo(plan.timezone)
    begin = begins(plan, zone)
    facts = None if settings is None else facts_of(settings)
    wants = exposures(plan) if facts is None else exposures(plan, facts.base)
    gates = _gates(plan, facts, running)
    gathering = [max((view.takes or 0.0 for view in views), default=0.0) for views in gates]
    opens = windows(plan)
    planned = forecast(plan, begin or 0.0, gathering, _always if begin is None else opens)
    has_begun = running is not None and running.has_begun
    present = _present(plan, running, gathering, opens) if running is not None and has_begun else planned
    return Book(
        plan=plan,
        digest=digest,
        file=file,
        zone=zone,
        begin=begin,
        stages=_stages(plan, wants, gates, planned, present, Commands(file=file), running),
        facts=facts,
        settings=settings,
        running=running,
    )


def begins(plan: Plan, zone: ZoneInfo) -> float | None:
    """
    Midnight of the day on which the plan is meant to start, on its own clock.
    """
    if plan.start is None:
        return None
    return datetime(plan.start.year, plan.start.month, plan.start.day, tzinfo=zone).astimezone(UTC).timestamp()


def windows(plan: Plan) -> Opens:
    """
    When stages are entered that could be entered at a time. What never opens again is taken for open: `check` tells.
    """

    def opens(stage: Stage, at: float) -> float:
        window = window_of(plan, stage)
        for _ in range(LONGEST):
            found = is_open(window, plan.freezes, plan.timezone, at)
            closes = found.until if found.open else found.next
            if closes is None or (found.open and (window is None or closes - at >= window.fit)):
                return at
            at = closes
        return at

    return opens


def _always(_: Stage, at: float) -> float:
    return at


def _gates(plan: Plan, facts: Facts | None, running: Running | None) -> list[tuple[GateView, ...]]:
    takes = slowest(plan, facts)
    found = []
    for stage in plan.stages:
        is_present = running is not None and running.stage == stage.name
        views = []
        for name in stage.gates:
            expected = takes.get((stage.name, name))
            views.append(
                GateView(
                    name=name,
                    gate=plan.gates[name],
                    outcome=running.outcomes.get(name) if running is not None and is_present else None,
                    needed=expected.likely if expected is not None else None,
                    takes=expected.likely_seconds if expected is not None else None,
                    route=expected.route if expected is not None else "",
                )
            )
        found.append(tuple(views))
    return found


def _present(plan: Plan, running: Running, gathering: Sequence[float], opens: Opens) -> tuple[Planned, ...]:
    been = {name: (walked.entered, walked.left) for name, walked in running.stages.items()}
    first = min(entered for entered, _ in been.values() if entered is not None)
    return forecast(plan, first, gathering, opens, been)


def _stages(
    plan: Plan,
    wants: Sequence[Exposure],
    gates: Sequence[tuple[GateView, ...]],
    planned: Sequence[Planned],
    present: Sequence[Planned],
    commands: Commands,
    running: Running | None,
) -> tuple[StageView, ...]:
    return tuple(
        StageView(
            number=number + 1,
            stage=stage,
            exposure=wants[number],
            before=wants[number - 1] if number else None,
            planned=planned[number],
            present=present[number],
            walked=running.stages.get(stage.name) if running is not None else None,
            settle=settling(plan, stage),
            gates=gates[number],
            tasks=stage_tasks(plan, commands, running, number + 1, planned[number]),
        )
        for number, stage in enumerate(plan.stages)
    )
