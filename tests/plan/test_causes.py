"""
Which signatures a guard may have tripped for.
"""

import pytest

from proxy.plan.causes import may_cause
from proxy.plan.criteria import BlindGuard, EventGuard

PRICE = [("$.price", "value")]
BROKEN = [("status:200:500", "status"), ("$", "type")]
MISSING = [("status:200:404", "status")]
BOTH = [("status:500:503", "status")]


@pytest.mark.parametrize(
    ("event", "caused", "not_caused"),
    [
        ("mismatch", [PRICE, BROKEN, MISSING], [BOTH]),
        ("old_ok & new_error", [BROKEN], [PRICE, MISSING, BOTH]),
        ("new_ms > 400 | new_error", [BROKEN, BOTH], [PRICE]),
        ("new_ms > 1.1 * old_ms", [], [PRICE, BROKEN, MISSING, BOTH]),
    ],
)
def test_a_signature_is_a_cause_if_its_pairs_are_bad(
    event: str, caused: list[object], not_caused: list[object]
) -> None:
    """
    By the guard's own event; of latencies a signature knows nothing.
    """
    guard = EventGuard(event=event, max=0.01)

    assert [parts for parts in (PRICE, BROKEN, MISSING, BOTH) if may_cause(guard, parts)] == caused
    assert not any(may_cause(guard, parts) for parts in not_caused)  # type: ignore[arg-type]


def test_silence_has_no_signature() -> None:
    """
    Nor has a number of Prometheus.
    """
    assert not may_cause(BlindGuard(source="blind"), BROKEN)
