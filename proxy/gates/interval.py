"""
Where may the rate lie? An interval that holds at all times at once, for reports; gates decide by `statistics.evidence`.
"""

from collections.abc import Callable
from math import inf, lgamma, log, log1p
from typing import Final

# Where the bisection of an interval's ends stops, as a share of the rate: three digits are shown.
PRECISE: Final = 1e-4


def interval(bad: int, n: int, alpha: float = 0.05) -> tuple[float, float] | None:
    """
    All rates that are not rejected by `bad` of `n`; None without data. The chance that the true rate is ever outside,
    at any of all looks, is `alpha` at most (Ville), if it stays the same.

    A rate p is rejected when the likelihood of the counts, averaged over all rates by Jeffreys' prior, is 1/alpha times
    what it is at p: the beta-binomial mixture (Robbins, "Statistical methods related to the law of the iterated
    logarithm", 1970; for sequential counts Lindon and Malek, "Anytime-valid inference for multinomial count data",
    2020). The logarithm of the likelihood is concave in p, so what is left is an interval around bad / n.
    """
    if not n:
        return None
    good = n - bad
    mixture = lgamma(bad + 0.5) + lgamma(good + 0.5) - lgamma(n + 1) - 2.0 * lgamma(0.5)
    least = mixture + log(alpha)

    def stays(rate: float) -> bool:
        if rate <= 0.0 or rate >= 1.0:
            return (bad if rate <= 0.0 else good) == 0
        return (bad * log(rate) if bad else 0.0) + (good * log1p(-rate) if good else 0.0) > least

    estimate = bad / n
    return 1.0 - _end(1.0 - estimate, lambda rate: stays(1.0 - rate)), _end(estimate, stays)


def _end(inside: float, stays: Callable[[float], bool]) -> float:
    low, high = inside, 1.0
    if stays(high):
        return high
    while high - low > PRECISE * min(low or inf, 1.0 - low or inf) and high - low > 1e-12:
        middle = (low + high) / 2.0
        low, high = (middle, high) if stays(middle) else (low, middle)
    return high
