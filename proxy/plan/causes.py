"""
Whether pairs of a signature are what a guard trips for: what a rollback may be blamed on. Pure.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from proxy.gates.events import compile_event
from proxy.plan.criteria import EventGuard, Guard

# The pattern of a difference of statuses, as `proxy.compare.difference` writes it.
STATUS: Final = re.compile(r"status:(\d{3}):(\d{3})")
FAILED: Final = 500


def may_cause(guard: Guard, parts: Iterable[tuple[str, Any]]) -> bool:
    """
    Whether a pair that differs in these parts (pattern and kind) is bad by the guard's event, as far as a signature
    tells: it knows statuses and that the pair is divergent, and nothing of latencies.
    """
    if not isinstance(guard, EventGuard):
        return False
    codes = [tuple(map(int, match.groups())) for pattern, _ in parts if (match := STATUS.fullmatch(pattern))]
    old, new = codes[0] if codes else (200, 200)
    facts = {"old_ok": old < FAILED, "new_ok": new < FAILED, "mismatch": old < FAILED, "failed": False}
    return compile_event(guard.event, guard.of).bad(facts) is True
