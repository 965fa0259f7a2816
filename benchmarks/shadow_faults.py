"""
What a misbehaving new, or comparer, costs the clients of old: the same visitors against two Parallaxes on the same old,
one copying everything to a new with a fault, one copying nothing, in alternating blocks.

    python -m benchmarks.shadow_faults [--quick] [--only "refused,2 s late"] [--no-breaker]
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import click
import orjson
import uvloop

from benchmarks.backends import PATHS, SIZES, Backend, backends, document
from benchmarks.contenders import Contender, parallax, reported
from benchmarks.faults import DIFFERING, FAULTS
from benchmarks.ledger import Ledger, read_ledger, settled_ledger
from benchmarks.processes import HOST, CannotMeasure, ended_by_signal, pss_bytes, running
from benchmarks.strikes import STRIKES, struck
from benchmarks.visitors import Habit, Visit, visit

# What is held for copies has a budget; the interpreter and the allocator around it get a tenth.
MEMORY = 64 * 2**20 * 1.1
# A copy that never gets an answer is given up after 30 s (`mirror.head_timeout`); until then its exchange is open.
PATIENCE = 40.0
HEALTHY = "healthy"
KNOWN = (HEALTHY, *FAULTS, *STRIKES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """
    One fault's figures. Latencies in ms, `*_on` with the copy and `*_off` without; memory in bytes.
    """

    fault: str
    p99_on: float
    p99_off: float
    p99_more: float
    second_on: float
    second_off: float
    slowest_second_on: float
    slowest_second_off: float
    sent_on: int
    errors_on: int
    errors_off: int
    same_heads: bool
    growth: int
    shadow_memory: int
    books: Ledger

    def objections(self) -> list[str]:
        """
        Which promises were not kept, in a few words each.
        """
        allowed = max(1.0, 0.05 * self.p99_off)
        ended = self.books.ended
        return [
            words
            for broken, words in (
                (self.errors_on > 0, f"{self.errors_on} errors"),
                (self.p99_more > allowed, f"p99 +{self.p99_more:.2f} ms"),
                (self.second_on - self.second_off > allowed, f"second +{self.second_on - self.second_off:.2f} ms"),
                (not self.same_heads, "other bytes"),
                (self.growth > MEMORY or self.shadow_memory > 64 * 2**20, "memory"),
                (self.books.eligible != ended, f"books: {self.books.eligible} eligible, {ended} ended"),
                (self.books.eligible != self.sent_on, f"books: {self.sent_on} sent, {self.books.eligible} eligible"),
            )
            if broken
        ]


def p99(latencies: list[float]) -> float:
    """
    The 99th percentile; 0 of nothing.
    """
    return quantiles(latencies, n=100, method="inclusive")[98] if len(latencies) > 1 else 0.0


def try_fault(fault: str, contenders: tuple[Contender, Contender], habit: Habit, rounds: int) -> Trial:
    """
    Alternate blocks with and without the copy; the first of a pair changes from round to round.
    """
    on, off = contenders
    seen: dict[str, list[Visit]] = {on.name: [], off.name: []}
    for contender in contenders:
        uvloop.run(visit(contender.port, habit))
    before, base = settled_ledger(on, seconds=PATIENCE), pss_bytes(on.pid or 0)
    growth = shadow_memory = 0
    for number in range(rounds):
        for contender in contenders[:: 1 if number % 2 else -1]:
            with struck(on, fault if contender is on else "", habit.seconds / 4):
                seen[contender.name].append(uvloop.run(visit(contender.port, habit)))
            if contender is on:
                growth = max(growth, pss_bytes(on.pid or 0) - base)
                shadow_memory = max(shadow_memory, read_ledger(on).shadow_memory)
    sent = sum(one.sent for one in seen[on.name])
    books = settled_ledger(on, at_least=before.eligible + sent, seconds=PATIENCE).since(before)
    pairs = list(zip(seen[on.name], seen[off.name], strict=True))

    def middle(name: str, *, second: bool = False) -> float:
        return median(p99(one.second if second else one.latencies) for one in seen[name])

    return Trial(
        fault=fault,
        p99_on=middle(on.name),
        p99_off=middle(off.name),
        p99_more=median(p99(one.latencies) - p99(other.latencies) for one, other in pairs),
        second_on=middle(on.name, second=True),
        second_off=middle(off.name, second=True),
        slowest_second_on=max(max(one.second, default=0.0) for one in seen[on.name]),
        slowest_second_off=max(max(one.second, default=0.0) for one in seen[off.name]),
        sent_on=sent,
        errors_on=sum(one.errors for one in seen[on.name]),
        errors_off=sum(one.errors for one in seen[off.name]),
        same_heads=set[bytes]().union(*(one.heads for one in seen[on.name]))
        == set[bytes]().union(*(one.heads for one in seen[off.name])),
        growth=growth,
        shadow_memory=shadow_memory,
        books=books,
    )


def show(trial: Trial) -> str:
    """
    One line of the table.
    """
    complaints = "; ".join(trial.objections())
    ended = {**trial.books.verdicts, **trial.books.skipped}
    counts = ", ".join(f"{key} {count:,}" for key, count in sorted(ended.items()))
    return (
        f"{trial.fault:<16}{trial.p99_off:>8.2f}{trial.p99_on:>8.2f}{trial.p99_more:>+8.2f}"
        f"{trial.second_off:>9.2f}{trial.second_on:>8.2f}{trial.slowest_second_off:>9.1f}{trial.slowest_second_on:>8.1f}"
        f"{trial.errors_off:>8}{trial.errors_on:>5}{trial.growth / 2**20:>9.1f}{trial.shadow_memory / 2**20:>8.2f}"
        f"  {complaints or 'holds'}\n{'':<18}{trial.books.eligible:,} eligible: {counts}"
    )


HEADING = "\n".join(
    (
        f"{'':<16}{'p99 ms, all':>24}{'p99 ms, second':>17}{'slowest second':>17}{'errors':>13}{'MiB':>9}{'shadow':>8}",
        f"{'new':<16}{'off':>8}{'on':>8}{'more':>8}{'off':>9}{'on':>8}{'off':>9}{'on':>8}{'off':>8}{'on':>5}{'more':>9}{'MiB':>8}",
    )
)


@contextmanager
def _fault_urls(directory: Path, new: Backend) -> Iterator[dict[str, str]]:
    with running("faults", [sys.executable, "-m", "benchmarks.faults"], directory) as program:
        program.await_true(lambda: bool(reported(program, "ports")), "it listened")
        ports = reported(program, "ports")["ports"]
        urls = {fault: f"http://{HOST}:{ports[fault]}" for fault in FAULTS}
        yield {HEALTHY: new.url} | urls | dict.fromkeys(STRIKES, urls[DIFFERING])


def _run(faults: list[str], habit: Habit, rounds: int, breaker: bool) -> list[Trial]:
    trials = []
    with ended_by_signal(), ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallax-bench-")))
        old, new = stack.enter_context(backends(directory))
        urls = stack.enter_context(_fault_urls(directory, new))
        click.echo(HEADING)
        for fault in faults:
            with (
                parallax(
                    (old.url, urls[fault]), directory, name="on", mirror={"percent": 100, "breaker": breaker}
                ) as on,
                parallax((old.url, urls[fault]), directory, name="off", mirror={"percent": 0}) as off,
            ):
                trials.append(try_fault(fault, (on, off), habit, rounds))
            click.echo(show(trials[-1]))
    return trials


@click.command()
@click.option("--rate", default=1000, show_default=True, help="Requests a second, over all connections.")
@click.option("--connections", default=32, show_default=True)
@click.option("--rounds", default=8, show_default=True, help="Blocks with the copy, and as many without.")
@click.option("--seconds", default=2.0, show_default=True, help="Length of a block.")
@click.option("--only", help=f"Faults, by comma: {', '.join(KNOWN)}.")
@click.option("--breaker/--no-breaker", default=True, show_default=True, help="Without it every copy meets the fault.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here too."
)
@click.option("--quick", is_flag=True, help="2 rounds of 1 s: for development, not for figures.")
def main(
    *,
    rate: int,
    connections: int,
    rounds: int,
    seconds: float,
    only: str | None,
    breaker: bool,
    json_path: Path | None,
    quick: bool,
) -> None:
    """
    Measure what a misbehaving new or comparer costs the clients of old. Exit code 1 if a promise was not kept.

    Example: python -m benchmarks.shadow_faults --only "refused,2 s late" --no-breaker
    """
    faults = [name.strip() for name in only.split(",")] if only else list(KNOWN)
    if unknown := set(faults) - set(KNOWN):
        raise CannotMeasure(f"There is no fault called {unknown.pop()!r}: use {', '.join(KNOWN)}.")
    habit = Habit(
        rate=rate,
        connections=connections,
        seconds=1.0 if quick else seconds,
        path=PATHS["1k"],
        body=document(SIZES["1k"]),
    )
    trials = _run(faults, habit, 2 if quick else rounds, breaker)
    if json_path is not None:
        json_path.write_bytes(orjson.dumps([asdict(trial) for trial in trials], option=orjson.OPT_INDENT_2))
    if any(trial.objections() for trial in trials):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
