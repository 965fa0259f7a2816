"""
Documents of plans: of the examples, of any other, and of one that is under way.
"""

from pathlib import Path
from typing import Any

from proxy.plan.parse import plan_hash, read_plan
from proxy.plan.render.book import Book
from proxy.plan.render.making import make_book
from proxy.plan.render.running import Running
from proxy.settings.load import load

EXAMPLES = Path(__file__).parents[2] / "config" / "plans"
# Of the example with dates: Monday, 1 March 2027, 09:00 in Berlin.
STARTED = 1_803_888_000.0
HOUR = 3600.0


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
    names = ["shadow-5", "shadow", "staff", "live-1", "live-10", "live-50", "live-100", "soak"]
    entered = [STARTED + 24 * HOUR * day for day in (0, 0.2, 7.03, 8.1, 9.2)]
    left = [*entered[1:], None]
    stages = [
        {
            "name": name,
            "title": "",
            "weight": 0,
            "mirror": 100,
            "state": "passed" if place < 4 else "present" if place == 4 else "to_come",
            "entered": entered[place] if place < 5 else None,
            "left": left[place] if place < 5 else None,
        }
        for place, name in enumerate(names)
    ]
    return {
        "plan": "orders-read",
        "hash": "0123456789abcdef" * 4,
        "phase": "running",
        "seq": 17,
        "stage": "live-10",
        "step": "observing",
        "held": None,
        "said": "",
        "waits": [],
        "attempt": 2,
        "since": entered[4],
        "stages": stages,
        "gates": [_outcome("mismatch", "pass"), _outcome("tail", "inconclusive"), _outcome("dbload", "error")],
        "guards": [
            {"guard": "wrong-answers", "share": 0.02, "said": "3 of 81,200 pairs"},
            {"guard": "errors", "share": 1.4, "said": "41 of 900 pairs"},
        ],
        "eta": 1200.0,
        "waiting_for": ["gate tail"],
        "history": [
            _event(1, 0.0, "start", "shadow-5", "alice", "as agreed"),
            _event(2, 4.8, "stage_passed", "shadow-5", "", "all gates"),
            _event(9, 222.0, "rollback", "live-10", "", "guard errors: 41 of 900 pairs, budget 0.2 %"),
            _event(12, 226.0, "resume", "live-1", "alice", "the pool was too small"),
            _event(17, 230.0, "stage_start", "live-10", "", "attempt 2"),
        ],
        "pins": [],
        "approvals": [],
        "checklists": {
            "briefing": [{"item": "briefing/1", "title": "Support", "ok": True, "by": "dave", "note": "by mail"}],
            "cutover": [{"item": "cutover/1", "title": "Poll", "ok": None, "by": "", "note": ""}],
        },
        **more,
    }


def _event(seq: int, hours: float, what: str, stage: str, by: str, said: str) -> dict[str, Any]:
    return {"seq": seq, "at": STARTED + HOUR * hours, "what": what, "stage": stage, "by": by, "said": said}


def _outcome(gate: str, result: str) -> dict[str, Any]:
    return {
        "gate": gate,
        "result": result,
        "sentence": "41 of 20,000 pairs, budget 0.2 %",
        "n": 20_000,
        "bad": 41,
        "estimate": 0.00205,
        "interval": [0.0015, 0.0028],
        "budget": 0.002,
        "pass_ratio": 0.4,
        "fail_ratio": 0.1,
        "needed": 1200,
        "eta": 60.0,
        "routes": [],
        "uncovered": ["search"] if gate == "tail" else [],
    }
