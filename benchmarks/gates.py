"""
Do gates and guards keep what they promise? Chances of errors, and how soon they decide, in tables.

`python -m benchmarks.gates` takes about two minutes and needs no quiet machine: nothing is timed. What can be computed
exactly is (`stopping.py`), and simulated with the same looks beside it; everything else is simulated from `--seed`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from random import Random
from statistics import mean, median, stdev

from benchmarks.stopping import (
    Boundary,
    Draw,
    crossed,
    naively_crossed,
    quantiles,
    run_length,
    run_length_one_by_one,
    stopped,
)
from proxy.gates.forecast import delay, needed_pairs
from proxy.gates.statistics import ChangeDetector, Direction, binomial_tail

LOOK, LONGEST = 50, 50_000
BUDGETS = (0.001, 0.005, 0.05, 0.5)
ALPHA, BETA = 0.001, 0.05
LEVELS: tuple[tuple[Direction, float], ...] = (("above", ALPHA), ("above", 0.01), ("below", 0.01), ("below", BETA))
# What gates are planned with, found by simulation of another implementation: budget, rate, median and nine tenths of
# the opportunities until they decide, looked at every 10.
PLANNED = (
    (0.001, 0.002, 20_850, 40_065),
    (0.001, 0.005, 2_245, 4_164),
    (0.001, 0.01, 595, 1_281),
    (0.005, 0.01, 4_250, 8_194),
    (0.005, 0.02, 640, 1_231),
    (0.005, 0.05, 130, 250),
    (0.005, 0.2, 20, 40),
    (0.5, 0.55, 1_730, 2_952),
    (0.5, 0.6, 445, 800),
    (0.001, 0.0, 4_070, 4_070),
    (0.001, 0.0001, 4_070, 8_920),
    (0.001, 0.0003, 8_920, 18_990),
    (0.005, 0.0, 820, 820),
    (0.005, 0.001, 1_370, 2_520),
    (0.005, 0.0025, 3_800, 8_800),
    (0.01, 0.0, 410, 410),
    (0.5, 0.4, 200, 442),
    (0.5, 0.45, 850, 2_120),
)
# The same for guards with this budget, these rates and one false alarm in 5,000,000: rate, median.
BUDGET, RATES, EVERY = 0.005, (0.01, 0.02, 0.05, 0.2, 0.6), 5e6
NOTICED = ((0.01, 4_607), (0.02, 770), (0.05, 166), (0.2, 26), (1.0, 4))
# One look: rate, direction, level, n.
SINGLE: tuple[tuple[float, Direction, float, int], ...] = (
    (0.005, "above", 0.05, 2_000),
    (0.02, "above", ALPHA, 600),
    (0.001, "below", BETA, 1_500),
)
# Clean ones before it breaks.
CLEAN = 20_000
# Small enough to be waited for.
SHORT_EVERY = 20_000.0


def errors(runs: int, seed: int) -> Iterator[str]:
    """
    At the budget, a look every 50 up to 50,000: how often the answer is ever yes.
    """
    yield f"{'budget':>8} {'says':>6} {'level':>7} {'exactly':>9} {f'of {runs}':>8}   naive z-test at 5 %"
    for budget in BUDGETS:
        naive = naively_crossed(budget, look=LOOK, longest=LONGEST, runs=runs, seed=seed) / runs
        for direction, level in LEVELS:
            *_, (_, exact) = stopped(budget, direction, level, budget, look=LOOK, longest=LONGEST)
            seen = crossed(budget, direction, level, look=LOOK, longest=LONGEST, runs=runs, seed=seed)
            yield f"{budget:>8} {direction:>6} {level:>7} {100 * exact:>7.3f} % {seen:>8}   {100 * naive:>6.1f} %"


def bursts(runs: int, seed: int) -> Iterator[str]:
    """
    A rate of four fifths of the budget, whose bad ones come several at a time: how often a gate fails it by request.
    """
    yield f"{'at a time':>10} {'alpha':>7} {'fails':>9}"
    for burst in (1, 5, 10, 20, 50):
        seen = crossed(
            BUDGET, "above", ALPHA, look=LOOK, longest=LONGEST, runs=runs, seed=seed, rate=0.8 * BUDGET, burst=burst
        )
        yield f"{burst:>10} {ALPHA:>7} {100 * seen / runs:>7.1f} %"


def one_look(runs: int, seed: int) -> Iterator[str]:
    """
    A single look at a fixed n: how often the answer is yes, simulated, and as the tail of a binomial.
    """
    yield f"{'budget':>8} {'rate':>7} {'says':>6} {'n':>6} {'closed':>9} {'simulated':>10}"
    random = Random(seed)
    for rate, direction, level, n in SINGLE:
        edge = Boundary(BUDGET, direction, level).at(n)
        closed = binomial_tail(edge, n, rate) if direction == "below" else 1.0 - binomial_tail(edge - 1, n, rate)
        draw, sign = Draw(n, rate), 1 if direction == "above" else -1
        seen = sum(sign * (draw(random) - edge) >= 0 for _ in range(100 * runs)) / (100 * runs)
        yield f"{BUDGET:>8} {rate:>7} {direction:>6} {n:>6} {100 * closed:>7.2f} % {100 * seen:>8.2f} %"


def power() -> Iterator[str]:
    """
    How soon gates decide, exactly, beside what was planned, and what `needed_pairs` forecasts.
    """
    head = f"{'budget':>8} {'rate':>7} {'says':>6} {'planned':>17} {'exactly':>17} {'ratio':>12} {'forecast':>9}"
    yield head
    for budget, rate, middle, most in PLANNED:
        direction: Direction = "above" if rate > budget else "below"
        level = ALPHA if rate > budget else BETA
        exact = quantiles(stopped(budget, direction, level, rate, look=10, longest=100_000), 0.5, 0.9)
        half, nine = (found or 0 for found in exact)
        yield (
            f"{budget:>8} {rate:>7} {direction:>6} {middle:>8,}/{most:>8,} {half:>8,}/{nine:>8,} "
            f"{half / middle:>6.2f}/{nine / most:.2f} {needed_pairs(budget, rate) or 0:>9,}"
        )


def false_alarms(runs: int, seed: int) -> Iterator[str]:
    """
    How long guards run at their budget until they trip, where 20,000 are promised.
    """
    yield f"{'fed':>28} {'mean run':>10} {'s. e.':>8}"
    for batch in (1, 200, 1_000):
        random, draw = Random(seed), Draw(batch, BUDGET)
        lengths = [
            run_length(_detector(SHORT_EVERY), draw, random, batch=batch, longest=4_000_000) for _ in range(runs)
        ]
        yield f"{f'batches of {batch:,}':>28} {mean(lengths):>10,.0f} {stdev(lengths) / sqrt(runs):>8,.0f}"
    random, draw = Random(seed), Draw(200, BUDGET)
    lengths = [
        run_length_one_by_one(_detector(SHORT_EVERY), draw, random, batch=200, longest=100_000) for _ in range(runs)
    ]
    yield f"{'200, one by one, good first':>28} {mean(lengths):>10,.0f} {stdev(lengths) / sqrt(runs):>8,.0f}"


def noticing(runs: int, seed: int) -> Iterator[str]:
    """
    After how many pairs guards notice a rate, by the size of batches, and what `delay` forecasts.
    """
    yield f"{'rate':>8} {'planned':>9} " + " ".join(f"{f'of {batch}':>7} {'said':>6}" for batch in (1, 50, 200))
    for rate, planned in NOTICED:
        row = []
        for batch in (1, 50, 200):
            random, draw = Random(seed), Draw(batch, rate)
            found = median(
                run_length(_detector(EVERY), draw, random, batch=batch, longest=1_000_000) for _ in range(runs)
            )
            row.append(f"{found:>7,.0f} {delay(BUDGET, RATES, EVERY, rate, batch=batch) or 0:>6,}")
        yield f"{100 * rate:>6.0f} % {planned:>9,} {' '.join(row)}"


def late(runs: int, seed: int) -> Iterator[str]:
    """
    Why guards aren't gates: after 20,000 clean pairs, how many of a new rate until each says so (median).
    """
    yield f"{'rate':>8} {'gate':>8} {'guard':>8}"
    for rate in (0.02, 0.05, 0.2, 1.0):
        random, draw = Random(seed), Draw(1, rate)
        boundary = Boundary(BUDGET, "above", ALPHA)
        cuts = [boundary.at(CLEAN + n) for n in range(1, 20_001)]
        gate = median(_until(cuts, draw, random) for _ in range(runs))
        seasoned = _detector(EVERY)
        for _ in range(CLEAN // 200):
            seasoned.add(0, 200)
        guard = median(
            run_length(replace(seasoned, levels=list(seasoned.levels)), draw, random, batch=1, longest=20_000)
            for _ in range(runs)
        )
        yield f"{100 * rate:>6.0f} % {gate:>8,.0f} {guard:>8,.0f}"


def _until(cuts: list[int], draw: Draw, random: Random) -> int:
    bad = 0
    for n, cut in enumerate(cuts, start=1):
        bad += draw(random)
        if bad >= cut:
            return n
    return len(cuts)


def _detector(every: float) -> ChangeDetector:
    return ChangeDetector(budget=BUDGET, rates=RATES, every=every)


def main() -> None:
    """
    Print the tables.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=600, help="of each simulation of a gate (default: 600)")
    parser.add_argument("--guard-runs", type=int, default=200, help="of each simulation of a guard (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    runs, few, seed = arguments.runs, arguments.guard_runs, arguments.seed
    for title, lines in (
        (f"gates at their budget: errors, a look every {LOOK} up to {LONGEST:,}", errors(runs, seed)),
        (f"gates by request, a rate of {0.8 * BUDGET} in bursts, a budget of {BUDGET}", bursts(runs, seed)),
        ("gates, one look at a fixed number", one_look(runs, seed)),
        (f"gates: how soon (median/nine tenths; alpha {ALPHA}, beta {BETA}, a look every 10)", power()),
        (f"guards at their budget of {BUDGET}: {SHORT_EVERY:,.0f} are promised", false_alarms(few, seed)),
        (f"a break after {CLEAN:,} clean pairs: gate and guard (median)", late(few, seed)),
        (f"guards: how soon (median; one false alarm in {EVERY:,.0f})", noticing(few, seed)),
    ):
        print(f"\n{title}")
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
