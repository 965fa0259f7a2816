"""
One command: Parallax against nginx, Envoy, a bare relay and no proxy, all up at once, in alternating blocks.

    python -m benchmarks.compare [--quick] [--size 1k|68k|both] [--only nginx,parallax] [--json FILE] …
"""

import platform
import random
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

import click
import orjson

from benchmarks.backends import SIZES, Backend, backends, document
from benchmarks.contenders import NAMES, Contender, Equipment, envoy_binary, open_contender
from benchmarks.ledger import Ledger, read_ledger, settled_ledger
from benchmarks.measure import Block, Load, run_block, run_wrk
from benchmarks.processes import CannotMeasure, ended_by_signal, find_tool
from benchmarks.report import describe, describe_judging, objections

WARM_UP = 1
# Parses of one document, of which the quickest counts.
PARSES = 200
KINDS = {
    "equal": "answers",
    "differing": "differing answers",
    "many": "differing answers about many things",
    "gzip": "differing answers in gzip",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    How much is measured: `blocks` rounds of `seconds` for every contender, in an order drawn from `seed`.
    """

    blocks: int
    seconds: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    All blocks of one size, Parallax's books over them by what the answers were, and what two bare parses of a body
    took in each round, in µs.
    """

    loads: Sequence[Load]
    blocks: list[Block]
    books: dict[str, Ledger]
    parses: list[float]

    def of(self, answers: str) -> list[Block]:
        """
        The blocks with such answers.
        """
        return [block for block in self.blocks if block.answers == answers]

    def objections(self) -> list[str]:
        """
        Why this run does not count, if it doesn't.
        """
        return [one for load in self.loads for one in objections(self.of(load.answers), self.books.get(load.answers))]


def measure(contenders: Sequence[Contender], new: Backend, loads: Sequence[Load], plan: Plan) -> Outcome:
    """
    Run all rounds for one size. Of several loads, the one with equal answers is there to say what judging adds, and
    only for Parallax.
    """
    order = random.Random(plan.seed)
    ours = next((contender for contender in contenders if contender.name == "parallax"), None)
    runs = [
        (contender, load)
        for load in loads
        for contender in contenders
        if contender is ours or load.answers != "equal" or len(loads) == 1
    ]
    for contender, load in runs:
        run_wrk(contender.port, load, WARM_UP)
    before = _read_books(ours, loads) if ours is not None else {}
    blocks, parses = [], []
    for number in range(plan.blocks):
        for contender, load in order.sample(runs, len(runs)):
            blocks.append(run_block(contender, new, load, number=number, seconds=plan.seconds))
        parses.append(two_parses(SIZES[loads[0].size]))
        click.echo(".", nl=False, err=True)
    click.echo(err=True)
    blocks.sort(key=lambda block: (block.round, NAMES.index(block.contender)))
    books = {}
    if ours is not None:
        answered = sum(block.requests for block in blocks if block.contender == ours.name)
        at_least = sum(ledger.eligible for ledger in before.values()) + answered
        books = {key: one.since(before[key]) for key, one in _read_books(ours, loads, at_least=at_least).items()}
    return Outcome(loads=loads, blocks=blocks, books=books, parses=parses)


def _read_books(ours: Contender, loads: Sequence[Load], *, at_least: int = 0) -> dict[str, Ledger]:
    """
    The books once they have settled, by what the answers were.
    """
    settled_ledger(ours, at_least=at_least)
    return {load.answers: read_ledger(ours, load.path) for load in loads}


def two_parses(size: int) -> float:
    """
    What it takes here and now to parse the two bodies of a pair, and no more, in µs of CPU.
    """
    body, best = document(size), float("inf")
    for _ in range(PARSES):
        start = process_time()
        orjson.loads(body)
        orjson.loads(body)
        best = min(best, process_time() - start)
    return best * 1e6


def chosen(only: str | None, equipment: Equipment) -> list[str]:
    """
    The contenders to start: those asked for, without Envoy where it isn't installed and wasn't asked for by name, and
    without an older checkout, or one without routes, unless there is one.
    """
    absent = {"before" if equipment.before is None else "", "" if equipment.routed else "unrouted"}
    every = [name for name in NAMES if name not in absent]
    names = [name.strip() for name in only.split(",")] if only else every
    if unknown := set(names) - set(NAMES):
        raise CannotMeasure(f"There is no contender called {unknown.pop()!r}: use {', '.join(NAMES)}.")
    if "envoy" in names and equipment.envoy is None:
        try:
            envoy_binary()
        except CannotMeasure as missing:
            if only:
                raise
            click.echo(f"{missing.message} This run goes on without it.", err=True)
            names.remove("envoy")
    return names


def machine() -> dict[str, object]:
    """
    Where the figures come from.
    """
    nginx = subprocess.run([find_tool("nginx", "nginx"), "-v"], capture_output=True, text=True, check=False).stderr
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "nginx": nginx.strip().rpartition("/")[2],
    }


def _title(load: Load, plan: Plan) -> str:
    return (
        f"\n{SIZES[load.size]:,} byte {KINDS[load.answers]}, {load.headers} headers, {load.connections} keep-alive "
        f"connections, {plan.blocks} blocks of {plan.seconds} s each, medians"
    )


def _show(outcome: Outcome, plan: Plan) -> None:
    """
    The whole report on one size.
    """
    for load in outcome.loads:
        if blocks := outcome.of(load.answers):
            click.echo(_title(load, plan))
            click.echo(describe(blocks, outcome.books.get(load.answers)))
    if judging := describe_judging(outcome.blocks, outcome.parses):
        click.echo(f"\n{judging}")


@click.command()
@click.option("--size", type=click.Choice([*SIZES, "both"]), default="both", show_default=True)
@click.option("--headers", type=click.Choice(["plain", "browser"]), default="plain", show_default=True)
@click.option("--blocks", default=15, show_default=True, help="Rounds; each contender gets one block in each.")
@click.option("--seconds", default=2, show_default=True, help="Length of a block.")
@click.option("--connections", default=32, show_default=True)
@click.option("--threads", default=1, show_default=True, help="wrk's threads.")
@click.option("--differing", is_flag=True, help="Answers differ in one value and have to be judged; gzip too.")
@click.option("--seed", default=1, show_default=True, help="Draws the order within the rounds.")
@click.option("--only", help=f"Contenders, by comma: {','.join(NAMES)}.")
@click.option(
    "--envoy", "envoy_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Another Envoy."
)
@click.option(
    "--before",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="A checkout of an older commit, to measure beside this one.",
)
@click.option("--weight", default=0.0, show_default=True, help="Percent of the live traffic that new gets.")
@click.option("--routed", is_flag=True, help="With 50 routes, 5 cohorts and sticky cookies, beside one without.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write every block here too."
)
@click.option("--quick", is_flag=True, help="3 blocks of 1 s: for development, not for figures.")
def main(
    *,
    size: str,
    headers: str,
    blocks: int,
    seconds: int,
    connections: int,
    threads: int,
    differing: bool,
    seed: int,
    only: str | None,
    envoy_path: Path | None,
    before: Path | None,
    weight: float,
    routed: bool,
    json_path: Path | None,
    quick: bool,
) -> None:
    """
    Measure what one proxied and copied request costs. Exit code 1 if the run does not count.

    Example: python -m benchmarks.compare --only nginx,parallax --size 1k --quick
    """
    plan = Plan(blocks=3 if quick else blocks, seconds=1 if quick else seconds, seed=seed)
    equipment = Equipment(envoy=envoy_path, before=before, weight=weight, routed=routed)
    names = chosen(only, equipment)
    outcomes = []
    with ended_by_signal(), ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallax-bench-")))
        sides = stack.enter_context(backends(directory))
        contenders = [stack.enter_context(open_contender(name, sides, directory, equipment)) for name in names]
        for one in SIZES if size == "both" else (size,):
            loads = [
                Load(size=one, headers=headers, connections=connections, threads=threads, answers=answers)
                for answers in (("differing", "many", "gzip", "equal") if differing else ("equal",))
            ]
            outcome = measure(contenders, sides[1], loads, plan)
            outcomes.append(outcome)
            _show(outcome, plan)
    if json_path is not None:
        record = {"machine": machine(), "plan": asdict(plan), "outcomes": [asdict(outcome) for outcome in outcomes]}
        json_path.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    if any(outcome.objections() for outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
