"""
Documents of plans: of the examples, of any other, and of one that is under way.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy.gates.outcome import Outcome
from proxy.plan.parse import plan_hash, read_plan
from proxy.plan.render.book import Book
from proxy.plan.render.making import make_book
from proxy.plan.render.running import Running
from proxy.plan.show import GuardSeen, Seen
from proxy.plan.show import status as shown_status
from proxy.plan.state import Done, Event, Phase, State, Step
from proxy.settings.load import load

EXAMPLES = Path(__file__).parents[2] / "config" / "plans"
# Of the example with dates: Monday, 1 March 2027, 09:00 in Berlin.
STARTED = 1_803_888_000.0
HOUR = 3600.0
OUTCOME = Outcome(
    gate="",
    result="pass",
    sentence="41 of 20,000 pairs, budget 0.2 %",
    n=20_000,
    bad=41,
    estimate=0.00205,
    interval=(0.0015, 0.0028),
    budget=0.002,
    pass_ratio=0.4,
    fail_ratio=0.1,
    needed=1200,
    eta=60.0,
)


def book_of(name: str, running: Running | None = None) -> Book:
    """
    The book of an example.
    """
    file = EXAMPLES / f"{name}.yaml"
    return book_from(file.read_text(), file.name, running)


def book_from(text: str, name: str = "plan.yaml", running: Running | None = None) -> Book:
    """
    The book of a plan, with the configuration that lies beside the examples, if it names one of those.
    """
    plan = read_plan(text, name)
    configuration = EXAMPLES / plan.config
    there = configuration.is_file()
    settings = load(configuration, environment={}, is_to_serve=False).settings if there else None
    return make_book(plan, plan_hash(text), name, settings=settings, running=running)


def status(**more: Any) -> dict[str, Any]:
    """
    What `GET /admin/plan` says of the orders plan, rolled back once and now observing its fifth stage.
    """
    plan = book_of("orders-read").plan
    state = State(
        plan_hash="0123456789abcdef" * 4,
        seq=17,
        phase=Phase.RUNNING,
        step=Step.OBSERVING,
        stage=4,
        at=4,
        reached=4,
        attempts={"live-10": 1},
        started=STARTED,
        started_by="alice",
        done=(Done(item="briefing/1", ok=True, at=STARTED + 168 * HOUR, by="dave", note="by mail"),),
        history=tuple(_history()),
    )
    outcomes = {
        "mismatch": replace(OUTCOME, gate="mismatch"),
        "tail": replace(OUTCOME, gate="tail", result="inconclusive", uncovered=("search",)),
        "dbload": replace(OUTCOME, gate="dbload", result="error"),
    }
    guards = (
        GuardSeen(guard="wrong-answers", share=0.02, said="3 of 81,200 pairs"),
        GuardSeen(guard="errors", share=1.4, said="41 of 900 pairs"),
    )
    shown = shown_status(plan, state, Seen(outcomes=outcomes, guards=guards), STARTED + 231 * HOUR)
    return {**json.loads(json.dumps(shown)), **more}


def _history() -> Iterator[Event]:
    """
    Four stages, an attempt at the fifth that is rolled back, and another.
    """
    said = {
        "errors": "guard errors: 41 of 900 pairs, budget 0.2 %",
        "new": "new 10 %, copies 100 %",
    }
    lines = [
        (0.0, "started", "shadow-5", "alice", "as agreed"),
        (0.1, "entered", "shadow-5", "parallax", "new 0 %, copies 5 %"),
        (4.8, "passed", "shadow-5", "parallax", "Copies reach new"),
        (4.9, "entered", "shadow", "parallax", "new 0 %, copies 100 %"),
        (168.0, "approved", "shadow", "carol", "evidence read"),
        (168.1, "passed", "shadow", "parallax", "New answers identically"),
        (168.7, "entered", "staff", "parallax", "staff 100 %"),
        (194.4, "passed", "staff", "parallax", "Staff has worked with new"),
        (194.5, "entered", "live-1", "parallax", "new 1 %"),
        (220.8, "passed", "live-1", "parallax", "One account in a hundred"),
        (220.9, "entered", "live-10", "parallax", said["new"]),
        (222.0, "rollback", "live-10", "parallax", said["errors"]),
        (222.1, "rolled_back", "live-1", "parallax", said["errors"]),
        (226.0, "resumed", "live-1", "alice", "the pool was too small"),
        (230.0, "entered", "live-10", "parallax", said["new"]),
    ]
    for seq, (hours, what, stage, by, words) in enumerate(lines, 3):
        yield Event(at=STARTED + HOUR * hours, seq=seq, what=what, stage=stage, by=by, said=words)
