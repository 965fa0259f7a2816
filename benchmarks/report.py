"""
Blocks in, figures and text out. Pure: reads no clock, no file and no socket.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.ledger import Ledger
from benchmarks.measure import Block

# CPU per request, Parallax as a share of the other: what we hold ourselves to.
GOALS = {
    ("1k", "nginx"): 1.0,
    ("1k", "envoy"): 0.5,
    ("1k", "before"): 1.05,
    ("1k", "unrouted"): 1.15,
    ("68k", "nginx"): 1.0,
    ("68k", "before"): 1.05,
    ("68k", "unrouted"): 1.15,
}
# The same when every answer has to be judged.
DIFFERING_GOALS = {("1k", "nginx"): 1.5, ("1k", "before"): 1.05, ("1k", "unrouted"): 1.15, ("68k", "before"): 1.05}
# What judging may cost where bodies are long: so many times what finding two answers equal does and two bare parses.
JUDGING = 1.5
JUDGING_SIZE = "68k"
# Below this share of eligible exchanges with a verdict a run measured something else than comparing.
VERDICT_SHARE = 0.999
# A proxy that copies less than this did not do the work that the others did.
COPY_SHARE = 0.99

MEASURES: dict[str, Callable[[Block], float]] = {
    "cpu": lambda block: block.cpu_us,
    "rps": lambda block: block.rps,
    "p50": lambda block: block.p50_ms,
    "p99": lambda block: block.p99_ms,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """
    Median and quartiles of a handful of figures.
    """

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}–{self.high:.2f})"


def spread(figures: Sequence[float]) -> Spread:
    """
    Median and quartiles; of a single figure, that figure thrice.
    """
    if len(figures) == 1:
        return Spread(low=figures[0], middle=figures[0], high=figures[0])
    low, middle, high = quantiles(figures, n=4, method="inclusive")
    return Spread(low=low, middle=middle, high=high)


def names_of(blocks: Iterable[Block]) -> list[str]:
    """
    The contenders in these blocks, in the order of their first round.
    """
    return list(dict.fromkeys(block.contender for block in blocks))


def ratios(blocks: Sequence[Block], ours: str, theirs: str, measure: str) -> Spread:
    """
    Ours / theirs, one ratio per round, so that what slows the whole machine for a while slows both.
    """
    read = MEASURES[measure]
    by_round: dict[int, dict[str, Block]] = {}
    for block in blocks:
        by_round.setdefault(block.round, {})[block.contender] = block
    pairs = [(both[ours], both[theirs]) for both in by_round.values() if ours in both and theirs in both]
    return spread([read(one) / max(read(other), 1e-9) for one, other in pairs])


def verdict_share(books: Ledger) -> float:
    """
    Verdicts among eligible exchanges; 0 if there were none.
    """
    return sum(books.verdicts.values()) / books.eligible if books.eligible else 0.0


def objections(blocks: Sequence[Block], books: Ledger | None) -> list[str]:
    """
    Why this run does not count, one sentence each; nothing if it does.
    """
    found = []
    for name in names_of(blocks):
        own = [block for block in blocks if block.contender == name]
        copies, requests = sum(block.copies for block in own), sum(block.requests for block in own)
        if name != "direct" and copies < COPY_SHARE * requests:
            found.append(f"{name} copied only {copies:,} of {requests:,} requests to new.")
        if name == "direct" and copies:
            found.append(f"New saw {copies:,} requests while nobody copied: something else uses it.")
        if errors := sum(block.errors for block in own):
            found.append(f"{name} gave {errors:,} errors.")
    if books is not None:
        if (share := verdict_share(books)) < VERDICT_SHARE:
            found.append(f"Parallax judged only {share:.3%} of the eligible exchanges.")
        if books.eligible != books.ended:
            found.append(f"Parallax's books don't balance: {books.eligible:,} eligible, {books.ended:,} ended.")
        if missing := max(0, sum(block.requests for block in blocks if block.contender == "parallax") - books.eligible):
            found.append(f"Parallax's books lack {missing:,} requests.")
        right = "identical" if not blocks or blocks[0].answers == "equal" else "divergent"
        if wrong := sum(count for verdict, count in books.verdicts.items() if verdict != right):
            found.append(f"Parallax called {wrong:,} answers something else than {right}.")
    return found


def describe(blocks: Sequence[Block], books: Ledger | None) -> str:
    """
    The whole report on one size, as text.
    """
    lines = _table(blocks)
    if "parallax" in names_of(blocks):
        lines += ["", *_ratio_lines(blocks)]
    if books is not None:
        lines += ["", *_book_lines(books)]
    complaints = objections(blocks, books)
    lines += ["", *(f"DOES NOT COUNT: {one}" for one in complaints)] if complaints else ["", "This run counts."]
    return "\n".join(lines)


def describe_judging(blocks: Sequence[Block], parses: Sequence[float]) -> str:
    """
    What judging costs Parallax, round by round, beside the parts it can't do without; "" where nothing was judged.
    `parses` are what two bare parses took in each round, in µs.
    """
    by_round: dict[int, dict[str, float]] = {}
    for block in blocks:
        if block.contender == "parallax":
            by_round.setdefault(block.round, {})[block.answers] = block.cpu_us
    rounds = [(number, costs) for number, costs in by_round.items() if costs.keys() >= {"equal", "differing"}]
    if not rounds:
        return ""
    equal, judged = (spread([costs[answers] for _, costs in rounds]) for answers in ("equal", "differing"))
    bare = spread([parses[number] for number, _ in rounds])
    share = spread([costs["differing"] / (JUDGING * (costs["equal"] + parses[number])) for number, costs in rounds])
    goal = f"   goal: ≤ 1 – {'met' if share.middle <= 1.0 else 'MISSED'}" if blocks[0].size == JUDGING_SIZE else ""
    return (
        f"Parallax needs {equal.middle:.1f} µs where answers are equal, {judged.middle:.1f} µs where they are judged; "
        f"two parses need {bare.middle:.1f} µs.\nJudged / {JUDGING} × (equal + two parses): {share}{goal}"
    )


def _table(blocks: Sequence[Block]) -> list[str]:
    lines = [
        f"{'':<10}{'CPU µs/req':>12}{'(quartiles)':>18}"
        + "".join(f"{title:>9}" for title in ("req/s", "p50 ms", "p99 ms", "PSS MiB", "copies"))
    ]
    for name in names_of(blocks):
        own = [block for block in blocks if block.contender == name]
        cpu = spread([block.cpu_us for block in own])
        quartiles = f"{cpu.low:.1f}–{cpu.high:.1f}" if name != "direct" else ""
        rps, p50, p99 = (median(MEASURES[measure](block) for block in own) for measure in ("rps", "p50", "p99"))
        pss = median(block.pss for block in own) / 2**20
        copies = sum(block.copies for block in own) / sum(block.requests for block in own)
        lines.append(
            f"{name:<10}{cpu.middle:>12.1f}{quartiles:>18}{rps:>9.0f}{p50:>9.2f}{p99:>9.2f}{pss:>9.1f}{copies:>9.3f}"
        )
    return lines


def _ratio_lines(blocks: Sequence[Block]) -> list[str]:
    size, goals = blocks[0].size, GOALS if blocks[0].answers == "equal" else DIFFERING_GOALS
    lines = [f"{'Parallax /':<12}{'CPU':>20}{'req/s':>20}{'p99':>20}"]
    for other in ("nginx", "envoy", "relay", "before", "unrouted", "direct"):
        if other in names_of(blocks):
            cpu, rps, p99 = (ratios(blocks, "parallax", other, measure) for measure in ("cpu", "rps", "p99"))
            shown = str(cpu) if other != "direct" else "-"
            line = f"{other:<12}{shown:>20}{rps!s:>20}{p99!s:>20}"
            if (goal := goals.get((size, other))) is not None:
                line += f"   goal: CPU ≤ {goal} – {'met' if cpu.middle <= goal else 'MISSED'}"
            lines.append(line)
    return lines


def _book_lines(books: Ledger) -> list[str]:
    counts = ", ".join(f"{key} {count:,}" for key, count in sorted({**books.verdicts, **books.skipped}.items()))
    return [
        f"Eligible {books.eligible:,}: {counts or 'nothing ended'}.",
        f"With a verdict: {verdict_share(books):.3%} (needs {VERDICT_SHARE:.1%}).",
    ]
