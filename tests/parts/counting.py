"""
Parallax with a control that arms events, reads what workers count of them, and keeps the sums with its marks in one
file, as a plan does with its evidence.

As a program (`python -m tests.parts.counting serve …`) it is `parallax serve` with that control.
"""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from proxy.clock import time
from proxy.gates.events import event
from proxy.gates.merging import Marks, begin, read
from proxy.tasks import spawn

ENVIRONMENT = "COUNTS"
MISMATCH = event("mismatch", per_route=True)
SERVED = event("error", of="old")
EVENTS = (MISMATCH, SERVED)
LOOK_SECONDS = 0.1


def empty() -> dict[str, Any]:
    """
    Before anything was counted.
    """
    return {"marks": None, "sums": {}, "traffic": {}, "eligible": 0, "compared": 0, "life": "", "armed": False}


def load(file: Path) -> dict[str, Any]:
    """
    What was kept last.
    """
    try:
        kept: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return empty()
    return kept


def look(facts: Any, file: Path) -> None:
    """
    Read on from where the file says, and write it anew, whole.
    """
    kept, now = load(file), time()
    readings = list(facts.readings.values())
    marks = begin(readings, now) if kept["marks"] is None else Marks.from_values(kept["marks"])
    counts, marks = read(readings, marks, EVENTS, now)
    for spec in EVENTS:
        for route, count in counts.events[spec.id].items():
            n, bad = kept["sums"].get(f"{spec.expression} {route}", (0, 0))
            kept["sums"][f"{spec.expression} {route}"] = n + count.n, bad + count.bad
    for route, requests in counts.traffic.items():
        kept["traffic"][route] = kept["traffic"].get(route, 0) + requests
    kept["eligible"] += counts.eligible
    kept["compared"] += counts.compared
    # Written by this life of control, with all workers counting.
    table = facts.table
    kept |= {"marks": marks.as_values(), "life": str(os.getpid())}
    kept["armed"] = all(worker.table == table.name and table.events == EVENTS for worker in facts.alive)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(kept))
    new.replace(file)


def control(arguments: list[str]) -> int:
    """
    The process of control.
    """
    import proxy.control

    class Counting(proxy.control.Control):
        async def pulse(self) -> None:
            spawn(self._count(), name="count")
            await super().pulse()

        async def _count(self) -> None:
            await self.joined.wait()
            while not self.ended.is_set():
                if self.steering is not None:
                    self.steering.arm(EVENTS)
                    look(self._facts, Path(os.environ[ENVIRONMENT]))
                await asyncio.sleep(LOOK_SECONDS)

    proxy.control.Control = Counting  # type: ignore[misc]
    return proxy.control.main(arguments)


def serve() -> None:
    """
    The process of the supervisor.
    """
    import proxy.supervisor
    from proxy.cli import main

    command = (sys.executable, "-m", "tests.parts.counting", "proxy.control")
    proxy.supervisor.Launch = partial(proxy.supervisor.Launch, control_command=command)  # type: ignore[misc, assignment]
    main()


if __name__ == "__main__":
    if sys.argv[1] == "proxy.control":
        sys.exit(control(sys.argv[2:]))
    serve()
