"""
The one place that reads clocks, so that everything else can be given a time.
"""

from time import monotonic, time

__all__ = ["monotonic", "time"]
