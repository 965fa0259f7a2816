"""
Whether pairs of a signature are what a guard trips, or a gate fails for: what a rollback may be blamed on. Pure.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from proxy.gates.events import compile_event
from proxy.plan.criteria import EventGate, EventGuard, Gate, Guard

# The pattern of a difference of statuses, as `proxy.compare.difference` writes it.
STATUS: Final = re.compile(r"status:(\d{3}):(\d{3})")
FAILED: Final = 500


def may_cause(judge: Gate | Guard, parts: Iterable[tuple[str, Any]]) -> bool:
    """
    Whether a pair that differs in these parts (pattern and kind) is bad by the event of a guard or gate, as far as a
    signature tells: it knows statuses and that the pair is divergent, and nothing of latencies.
    """
    if not isinstance(judge, EventGate | EventGuard):
        return False
    codes = [tuple(map(int, match.groups())) for pattern, _ in parts if (match := STATUS.fullmatch(pattern))]
    old, new = codes[0] if codes else (200, 200)
    facts = {"old_ok": old < FAILED, "new_ok": new < FAILED, "mismatch": old < FAILED, "failed": False}
    return compile_event(judge.event, judge.of).bad(facts) is True
