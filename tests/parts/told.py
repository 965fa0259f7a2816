"""
Notices, as a plan makes them.
"""

from dataclasses import replace
from typing import Any

from proxy.plan.outbox import Notice


def a_notice(number: str, channel: str = "ops", **changes: Any) -> Notice:
    """
    Of a rollback, long ago.
    """
    made = Notice(
        id=number,
        plan="orders-v2",
        seq=7,
        event="rollback",
        audience="engineers",
        channel=channel,
        stage="live-10",
        subject="orders-v2: rolling back",
        text="Trigger: guard bad-answers.",
        data={"weight": 1.0},
        since=0.0,
    )
    return replace(made, **changes)
