"""
What became different in control's facts, as the events that listeners of `GET /admin/events` are told. Pure.
"""

from collections.abc import Callable
from typing import Any

from proxy.admin.facts import Facts

# Counters and gauges that always move; who wants them asks for them.
MOVING = frozenset({"connections", "inflight", "served", "shadow_memory", "still_on_new"})

Event = tuple[str, Any]


class Watch:
    """
    Compares. `weights` gives the answer of `GET /admin/weights`, None before there is one.
    """

    def __init__(self, facts: Facts, weights: Callable[[], dict[str, Any] | None]) -> None:
        self._facts = facts
        self._weights = weights
        self._told: dict[str, Any] = {}

    def present(self) -> list[Event]:
        """
        The state: what a new listener is told at once.
        """
        workers = None if self._facts.status is None else self._workers()
        return [(kind, value) for kind, value in (("weights", self._weights()), ("workers", workers)) if value]

    def changed(self) -> list[Event]:
        """
        Those parts of the state that differ from what they were when this was asked last.
        """
        events = []
        for kind, value in self.present():
            still = _still(value)
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


def _still(value: Any) -> Any:
    """
    A value without what always moves.
    """
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in MOVING}
    return [_still(item) for item in value] if isinstance(value, list) else value
