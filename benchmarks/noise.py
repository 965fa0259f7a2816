"""
Does noise hide a change of rate, and is new accused falsely? By simulation, with Diffy's rule on the same data.

`python -m benchmarks.noise` prints a table. Every run: 20,000 twin pairs make a frozen baseline, then up to 5,000 pairs
of old and new come, looked at every 50 as control does. Diffy sees the same pairs, and as many of the twins' as there
are pairs (it asks its second old instance each time), with its default thresholds; "ends" is what it says of all 5,000,
"ever" whether it has said so at any look. For the reasoning see `docs/noise.md`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import median

from proxy.evidence.noise import ALPHA
from proxy.gates.excess import Excess

TWINS = 20_000
PAIRS = 5_000
LOOK = 50
# Diffy's defaults, in percent: https://github.com/opendiffy/diffy, settings threshold.relative and threshold.absolute.
RELATIVE, ABSOLUTE = 20.0, 0.03
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)
CHANGES = ((0.5, 0.55), (0.001, 0.01), (0.01, 0.02), (0.01, 0.06), (0.1, 0.15), (0.3, 0.35), (0.7, 0.75), (0.9, 0.95))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    One run: after how many pairs new was accused, None for never, and what Diffy's rule said at the end, and ever.
    """

    accused: int | None
    diffy_ends: bool
    diffy_ever: bool


def diffy(raw: int, noise: int, total: int) -> bool:
    """
    Diffy's rule for one field: is it reported as a regression?
    """
    more = raw - noise
    return more > 0 and more / (raw + noise) * 100.0 > RELATIVE and more / total * 100.0 > ABSOLUTE


def one_run(old: float, new: float, random: Random, pairs: int = PAIRS) -> Run:
    """
    Twins differ at rate `old`, pairs at rate `new`.
    """
    twins = list(_counts(old, TWINS, random))
    baseline = sum(twins)
    live = Excess()
    accused: int | None = None
    noise, ever, ends = 0, False, False
    for turn, bad in enumerate(_counts(new, pairs, random)):
        live.add(bad, LOOK)
        if accused is None and live.says(ALPHA, baseline, TWINS):
            accused = live.n
        if turn < len(twins):
            noise += twins[turn]
            ends = diffy(live.bad, noise, live.n)
            ever = ever or ends
    return Run(accused=accused, diffy_ends=ends, diffy_ever=ever)


def _counts(rate: float, n: int, random: Random) -> Iterator[int]:
    """
    How many of each `LOOK` differ.
    """
    roll = random.random
    for _ in range(n // LOOK):
        yield sum(roll() < rate for _ in range(LOOK))


def row(old: float, new: float, runs: int, seed: int) -> str:
    """
    One line of the table.
    """
    random = Random(seed)
    done = [one_run(old, new, random) for _ in range(runs)]
    found = [run.accused for run in done if run.accused is not None]
    after = f"{median(found):>8,.0f}" if found else " " * 8
    ends, ever = sum(run.diffy_ends for run in done), sum(run.diffy_ever for run in done)
    shares = [f"{100.0 * count / runs:>8.1f} %" for count in (len(found), ends, ever)]
    return f"{100 * old:>6.1f} % {100 * new:>6.1f} % {shares[0]} {after} {shares[1]} {shares[2]}"


def main() -> None:
    """
    Print the table.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="for each line (default: 1000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    head = f"{'old':>8} {'new':>8} {'accused':>10} {'after':>8} {'diffy ends':>10} {'ever':>10}"
    print(f"new differs more: should be accused ({arguments.runs} runs a line)\n{head}")
    for old, new in CHANGES:
        print(row(old, new, arguments.runs, arguments.seed), flush=True)
    print(f"new differs as often: should not\n{head}")
    for rate in RATES:
        print(row(rate, rate, arguments.runs, arguments.seed), flush=True)


if __name__ == "__main__":
    main()
