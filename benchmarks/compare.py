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

import click
import orjson

from benchmarks.backends import SIZES, Backend, backends
from benchmarks.contenders import NAMES, Contender, Equipment, envoy_binary, open_contender
from benchmarks.ledger import Ledger, settled_ledger
from benchmarks.measure import Block, Load, run_block, run_wrk
from benchmarks.processes import CannotMeasure, ended_by_signal, find_tool
from benchmarks.report import describe, objections

WARM_UP = 1


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
    All blocks of one size, and Parallax's books over them.
    """

    load: Load
    blocks: list[Block]
    books: Ledger | None


def measure(contenders: Sequence[Contender], new: Backend, load: Load, plan: Plan) -> Outcome:
    """
    Run all rounds for one size.
    """
    order = random.Random(plan.seed)
    ours = next((contender for contender in contenders if contender.name == "parallax"), None)
    for contender in contenders:
        run_wrk(contender.port, load, WARM_UP)
    before = settled_ledger(ours) if ours is not None else None
    blocks = []
    for number in range(plan.blocks):
        for contender in order.sample(contenders, len(contenders)):
            block = run_block(contender, new, load, number=number, seconds=plan.seconds)
            blocks.append(block)
        click.echo(".", nl=False, err=True)
    click.echo(err=True)
    answered = sum(block.requests for block in blocks if ours is not None and block.contender == ours.name)
    books = None
    if ours is not None and before is not None:
        books = settled_ledger(ours, at_least=before.eligible + answered).since(before)
    blocks.sort(key=lambda block: (block.round, NAMES.index(block.contender)))
    return Outcome(load=load, blocks=blocks, books=books)


def chosen(only: str | None, equipment: Equipment) -> list[str]:
    """
    The contenders to start: those asked for, without Envoy where it isn't installed and wasn't asked for by name, and
    without an older checkout unless there is one.
    """
    every = [name for name in NAMES if name != "before" or equipment.before is not None]
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


def _title(outcome: Outcome, plan: Plan) -> str:
    load = outcome.load
    kind = "differing answers" if load.differing else "answers"
    return (
        f"\n{SIZES[load.size]:,} byte {kind}, {load.headers} headers, {load.connections} keep-alive connections, "
        f"{plan.blocks} blocks of {plan.seconds} s each, medians"
    )


@click.command()
@click.option("--size", type=click.Choice([*SIZES, "both"]), default="both", show_default=True)
@click.option("--headers", type=click.Choice(["plain", "browser"]), default="plain", show_default=True)
@click.option("--blocks", default=15, show_default=True, help="Rounds; each contender gets one block in each.")
@click.option("--seconds", default=2, show_default=True, help="Length of a block.")
@click.option("--connections", default=32, show_default=True)
@click.option("--threads", default=1, show_default=True, help="wrk's threads.")
@click.option("--differing", is_flag=True, help="Every answer differs in one value and has to be judged.")
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
    json_path: Path | None,
    quick: bool,
) -> None:
    """
    Measure what one proxied and copied request costs. Exit code 1 if the run does not count.

    Example: python -m benchmarks.compare --only nginx,parallax --size 1k --quick
    """
    plan = Plan(blocks=3 if quick else blocks, seconds=1 if quick else seconds, seed=seed)
    equipment = Equipment(envoy=envoy_path, before=before, weight=weight)
    names = chosen(only, equipment)
    outcomes = []
    with ended_by_signal(), ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallax-bench-")))
        sides = stack.enter_context(backends(directory))
        contenders = [stack.enter_context(open_contender(name, sides, directory, equipment)) for name in names]
        for one in SIZES if size == "both" else (size,):
            load = Load(size=one, headers=headers, connections=connections, threads=threads, differing=differing)
            outcome = measure(contenders, sides[1], load, plan)
            outcomes.append(outcome)
            click.echo(_title(outcome, plan))
            click.echo(describe(outcome.blocks, outcome.books))
    if json_path is not None:
        record = {"machine": machine(), "plan": asdict(plan), "outcomes": [asdict(outcome) for outcome in outcomes]}
        json_path.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    if any(objections(outcome.blocks, outcome.books) for outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
