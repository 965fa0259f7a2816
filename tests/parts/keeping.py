"""
Intents and lines of the audit, as somebody would save them.
"""

from proxy.routing.intent import Intent
from proxy.store.audit import Entry


def intent(epoch: int, new: float = 1.0) -> Intent:
    """
    What somebody wants.
    """
    return Intent(epoch=epoch, new=new, mirror=100.0)


def entry(reason: str = "because", epoch: int = 1, latch: int | None = None) -> Entry:
    """
    Why somebody wanted it.
    """
    return Entry(
        actor="ops",
        role="operator",
        peer="127.0.0.1",
        action="weights",
        reason=reason,
        before={"new": 0.0},
        after={"new": 1.0},
        epoch=epoch,
        latch=latch,
    )
