"""
Quantiles estimated from fixed-bucket histograms.
"""

from collections.abc import Sequence


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """
    The value that `share` (0 to 1) of the observations don't exceed, None without observations.

    `counts[i]` observations were in (bounds[i − 1], bounds[i]], the last one above every bound. Inside a bucket
    values are taken as evenly spread, from 0 in the first, as Prometheus' `histogram_quantile` does; above the last
    bound there is nothing to go by, and the bound itself is the answer.
    """
    rank = share * sum(counts)
    if not any(counts):
        return None
    before = 0
    for index, count in enumerate(counts[:-1]):
        if count and before + count >= rank:
            low = bounds[index - 1] if index else min(0.0, bounds[0])
            return low + (bounds[index] - low) * max(0.0, rank - before) / count
        before += count
    return bounds[-1]
