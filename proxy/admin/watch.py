"""
What became different in control's facts, as the events that listeners of `GET /admin/events` are told. Pure.
"""

from collections.abc import Callable
from typing import Any

from proxy.admin.facts import Facts

# Counters and gauges that always move; who wants them asks for them.
MOVING = frozenset({"connections", "inflight", "served", "shadow_memory", "still_on_new"})
# The same of a plan: what its evidence is, but not what it says.
MOVING_OF_PLANS = frozenset(
    {
        *("now", "eta", "observe", "guards", "pins", "in_force"),
        *("sentence", "n", "bad", "estimate", "interval", "pass_ratio", "fail_ratio", "needed", "routes", "uncovered"),
    }
)

Event = tuple[str, Any]
Answer = Callable[[], dict[str, Any] | None]


class Watch:
    """
    Compares. `weights` gives the answer of `GET /admin/weights`, `plan` that of `GET /admin/plan`; None before there is
    one.
    """

    def __init__(self, facts: Facts, weights: Answer, plan: Answer = lambda: None) -> None:
        self._facts = facts
        self._weights = weights
        self._plan = plan
        self._told: dict[str, Any] = {}

    def present(self) -> list[Event]:
        """
        The state: what a new listener is told at once.
        """
        workers = None if self._facts.status is None else self._workers()
        known = (("weights", self._weights()), ("workers", workers), ("plan", self._plan()))
        return [(kind, value) for kind, value in known if value]

    def changed(self) -> list[Event]:
        """
        Those parts of the state that differ from what they were when this was asked last.
        """
        events = []
        for kind, value in self.present():
            still = _still(value, MOVING_OF_PLANS if kind == "plan" else MOVING)
            if self._told.get(kind) != still:
                self._told[kind] = still
                events.append((kind, value))
        return events

    def _workers(self) -> dict[str, Any]:
        status = self._facts.status
        assert status is not None
        return {
            "ready": status.ready,
            "draining": status.draining,
            "workers": [
                {
                    "id": worker.id,
                    "incarnation": worker.incarnation,
                    "alive": worker.alive,
                    "epoch": worker.epoch,
                    "config": worker.digest,
                    "killed": worker.killed,
                }
                for worker in status.workers
            ],
        }


def divergence(sample: dict[str, Any]) -> dict[str, Any]:
    """
    The short form of a sample; `GET /admin/divergences` has the whole.
    """
    return {
        name: sample[name] for name in ("at", "endpoint", "live", "method", "request_id", "first") if name in sample
    }


def _still(value: Any, moving: frozenset[str]) -> Any:
    """
    A value without what always moves.
    """
    if isinstance(value, dict):
        return {key: _still(item, moving) for key, item in value.items() if key not in moving}
    return [_still(item, moving) for item in value] if isinstance(value, list) else value
