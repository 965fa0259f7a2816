"""
How many opportunities will it take? For "needs about N more", for feasibility, and for what a defect costs users.

Expectations, not promises: what is answered is about the median; one run in ten needs twice as many. A test's evidence
grows in a straight line on average, so it is followed along the expected counts to its threshold. Runs that are lucky
early stop early, so the median lies below that by a share that is measured (`python -m benchmarks.gates` prints it
beside the exact medians).
"""

from collections.abc import Callable, Sequence
from math import ceil, expm1, inf, log, log1p
from typing import Final

from proxy.gates.statistics import evidence, log_ratio, noticed

# The median as a share of the straight line: within 6 % of the exact one for "above" and 15 % for "below", for budgets
# from 0.0005 to 0.5, where more than a handful of opportunities are needed.
ABOVE_SHARE: Final = 0.92
BELOW_SHARE: Final = 0.75
DELAY_SHARE: Final = 0.88
# More than anybody waits for: at 1,000 a second, eleven days.
LONGEST: Final = 10**9


def needed_pairs(
    budget: float, rate: float, beta: float = 0.05, alpha: float = 0.001, *, bad: int = 0, n: int = 0
) -> int | None:
    """
    About how many more opportunities until a gate that has seen `bad` of `n` decides, if the rate is `rate`: passes at
    `beta`, if that is below the budget, or fails at `alpha`. 0 if it has; None if that can't be said (a rate at the
    budget, or too near).
    """
    if rate == budget:
        return None
    if rate > budget:
        return _until(lambda more: evidence(bad + rate * more, n + more, budget, "above"), -log(alpha), ABOVE_SHARE)
    threshold = -log(beta)
    likely = _until(lambda more: evidence(bad + rate * more, n + more, budget, "below"), threshold, BELOW_SHARE)
    # Without another bad one there is no luck to be had.
    clean = _until(lambda more: evidence(bad, n + more, budget, "below"), threshold, 1.0)
    if rate == 0.0 or likely is None or clean is None:
        return clean if rate == 0.0 else None
    return max(likely, clean)


def delay(budget: float, rates: Sequence[float], every: float, rate: float, *, batch: int = 1) -> int | None:
    """
    About how many opportunities until a change detector for `rates` (those that it can notice, `statistics.noticed`)
    sees that the rate has become `rate`, if it trips falsely once in `every` opportunities and is told of batches of
    `batch`. None if it may never.

    The mean level of the detector grows as Σ exp(D·k), where D = E[ln likelihood ratio] for the rate that it is most
    sensitive by, until it is `every` times their number (Pollak and Tartakovsky, "Optimality properties of the
    Shiryaev–Roberts procedure", 2009, have the asymptotics).
    """
    found = noticed(budget, rates)
    drifts = [log_ratio(rate, 1.0, one, budget) for one in found]
    level = every * len(found)
    least = min((log1p(-level * expm1(-drift)) / drift for drift in drifts if drift > 0.0), default=inf)
    if least > LONGEST:
        return None
    return batch * ceil(max(1.0, DELAY_SHARE * least) / batch)


def _until(reached: Callable[[float], float], threshold: float, share: float) -> int | None:
    """
    The first number of more opportunities at which the expected evidence is enough, to a hundredth, times `share`.
    """
    if reached(0) >= threshold:
        return 0
    high = 1.0
    while reached(high) < threshold:
        high *= 2.0
        if high > LONGEST:
            return None
    low = high / 2.0 if high > 1.0 else 0.0
    while high - low > max(0.5, 0.005 * high):
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) >= threshold else (middle, high)
    return max(1, ceil(share * high))
