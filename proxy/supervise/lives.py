"""
The lives of workers: what is known of each incarnation, dead or alive, and how long the dead are remembered.
"""

from dataclasses import dataclass, field
from typing import Any

from proxy.log import Log
from proxy.supervise.child import Child

# Totals of dead workers are kept for a restarted control. A worker that dies all day must not grow us without end:
# beyond this the oldest go, which lowers the totals of a control that is restarted later.
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Life:
    """
    One worker incarnation. `snapshot` is its newest, as bytes that nobody here looks into.
    """

    worker: str
    incarnation: int
    child: Child
    alive: bool = True
    snapshot: bytes | None = None

    def status(self) -> dict[str, Any]:
        """
        Its entry in STATUS.
        """
        return {
            "id": self.worker,
            "incarnation": self.incarnation,
            "alive": self.alive,
            "epoch": self.child.epoch,
            "digest": self.child.digest,
            "armed": self.child.armed,
            "killed": self.child.killed,
        }


@dataclass(slots=True, kw_only=True)
class Lives:
    """
    All of them, by incarnation, the oldest first.
    """

    log: Log
    known: dict[int, Life] = field(default_factory=dict)

    @property
    def workers(self) -> list[Child]:
        """
        The workers that are connected.
        """
        return [life.child for life in self.known.values() if life.alive]

    def begin(self, worker: str, child: Child) -> None:
        """
        A worker is connected.
        """
        self.known[child.incarnation] = Life(worker=worker, incarnation=child.incarnation, child=child)

    def forget(self) -> None:
        """
        Let go of the dead that left no totals, and of the oldest beyond `KEPT_BYTES`.
        """
        dead = [life for life in self.known.values() if not life.alive]
        kept = sum(len(life.snapshot) for life in dead if life.snapshot is not None)
        for life in dead:
            if life.snapshot is None:
                del self.known[life.incarnation]
            elif kept > KEPT_BYTES:
                kept -= len(life.snapshot)
                del self.known[life.incarnation]
                self.log.warning("totals_forgotten", worker=life.worker, incarnation=life.incarnation)
