"""
The one place that reads clocks, so that everything else can be given a time.
"""

from datetime import UTC, datetime
from time import monotonic, time

__all__ = ["TICK", "monotonic", "time", "timestamp"]

# A worker's one timer moves its coarse clock every so many seconds: all its timeouts are so coarse.
TICK = 0.25


def timestamp() -> str:
    """
    The present time, UTC, in ISO 8601 with milliseconds.
    """
    return datetime.fromtimestamp(time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
