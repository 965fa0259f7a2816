"""
Where one worker's time goes under the comparison's load, or one comparer's, without a line for it in the product.

    python -m benchmarks.profile_worker                   Python functions, by py-spy (sampled from the outside)
    python -m benchmarks.profile_worker --with perf       C functions and the kernel, by Debian's linux-perf
    python -m benchmarks.profile_worker --answers differing --process comparer

py-spy sees Python lines and not what uvloop and the kernel do below them; perf sees those and no Python. Use both.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import click

from benchmarks.backends import ANSWERS, SIZES, backends
from benchmarks.contenders import parallax
from benchmarks.measure import Load, run_wrk
from benchmarks.processes import CannotMeasure, cpu_seconds_between, cpu_ticks, ended_by_signal, find_tool, tree

WARM_UP = 1
# py-spy's samples a second: a prime, so that it doesn't beat with timers, and low enough to leave the worker its time.
RATE = 499


def pid_of(process: str, root: int) -> int:
    """
    The first worker or comparer in Parallax's process tree.
    """
    for pid in tree(root):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"proxy." + process.encode() in command:
            return pid
    raise CannotMeasure(f"Parallax has no process that runs proxy.{process}.")


def py_spy(pid: int, seconds: int, directory: Path, flame: Path | None) -> str:
    """
    Self and total shares by Python function.
    """
    tool = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if tool is None:
        raise CannotMeasure("py-spy is not installed: run 'pip install py-spy', or use --with perf.")
    stacks = directory / "stacks"
    command = [tool, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(RATE)]
    command += ["--format", "flamegraph" if flame else "raw", "--output", str(flame or stacks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    if done.returncode:
        raise CannotMeasure(f"py-spy failed: {done.stderr.strip()}")
    return f"Flame graph in {flame}." if flame else count_stacks(stacks.read_text())


def count_stacks(text: str, rows: int = 45) -> str:
    """
    Turn py-spy's raw stacks ("frame;frame;frame count" lines) into a table.
    """
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    samples = 0
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = [_function(frame) for frame in stack.split(";")]
        samples += int(count)
        own[functions[-1]] += int(count)
        for function in set(functions):
            total[function] += int(count)
    lines = [f"{samples} samples", f"{'self':>7}{'total':>8}  function"]
    lines += [f"{count / samples:>7.1%}{total[name] / samples:>8.1%}  {name}" for name, count in own.most_common(rows)]
    return "\n".join(lines)


def _function(frame: str) -> str:
    # "ask (proxy/net/pool.py:12)" without its line.
    name, _, place = frame.partition(" (")
    return f"{name} ({place.rpartition(':')[0] or place.rstrip(')')})" if place else name


def perf(pid: int, seconds: int, directory: Path, flame: Path | None) -> str:
    """
    Self shares by object and symbol, kernel included.
    """
    if flame is not None:
        raise CannotMeasure("Only py-spy draws flame graphs here: leave out --flame or --with perf.")
    tool, data = find_tool("perf", "linux-perf"), str(directory / "perf.data")
    record = [
        tool,
        "record",
        "-q",
        "-e",
        "cpu-clock",
        "-F",
        "999",
        "-p",
        str(pid),
        "-o",
        data,
        "--",
        "sleep",
        str(seconds),
    ]
    done = subprocess.run(record, capture_output=True, text=True, timeout=seconds + 30, check=False)
    if done.returncode:
        raise CannotMeasure(f"perf failed: {done.stderr.strip()}")
    answer = []
    for order, rows in (("dso", 12), ("dso,symbol", 60)):
        report = [tool, "report", "-q", "-i", data, "--stdio", "--no-children", "--sort", order]
        text = subprocess.run(report, capture_output=True, text=True, timeout=60, check=False).stdout
        answer += [*(line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#"))][:rows]
        answer.append("")
    return "\n".join(answer)


TOOLS = {"py-spy": py_spy, "perf": perf}


@click.command()
@click.option("--with", "tool", type=click.Choice([*TOOLS]), default="py-spy", show_default=True)
@click.option("--size", type=click.Choice([*SIZES]), default="1k", show_default=True)
@click.option("--headers", type=click.Choice(["plain", "browser"]), default="plain", show_default=True)
@click.option(
    "--answers", type=click.Choice([*ANSWERS]), default="equal", show_default=True, help="What the two answers are."
)
@click.option("--process", type=click.Choice(["worker", "comparer"]), default="worker", show_default=True)
@click.option("--percent", default=100.0, show_default=True, help="How much is copied: mirror.percent.")
@click.option("--seconds", default=5, show_default=True)
@click.option("--flame", type=click.Path(dir_okay=False, path_type=Path), help="Draw a flame graph (SVG) here instead.")
def main(
    *,
    tool: str,
    size: str,
    headers: str,
    answers: str,
    process: str,
    percent: float,
    seconds: int,
    flame: Path | None,
) -> None:
    """
    Load one Parallax between two nginx servers and show where its worker, or its comparer, spends its time.

    Example: python -m benchmarks.profile_worker --size 68k --with perf
    """
    with ended_by_signal(), ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallax-bench-")))
        sides = stack.enter_context(backends(directory))
        urls = sides[0].url, sides[1].url
        ours = stack.enter_context(parallax(urls, directory, mirror={"percent": percent}))
        load = Load(size=size, headers=headers, connections=32, threads=1, answers=answers)
        run_wrk(ours.port, load, WARM_UP)
        pid = pid_of(process, ours.pid or 0)
        before = cpu_ticks(pid)
        answered: list[int] = []
        loading = Thread(target=lambda: answered.append(run_wrk(ours.port, load, seconds + 1)["requests"]))
        loading.start()
        shares = TOOLS[tool](pid, seconds, directory, flame)
        loading.join()
        used = cpu_seconds_between(before, cpu_ticks(pid))
    click.echo(shares)
    if answered:
        click.echo(
            f"{used * 1e6 / answered[0]:.1f} µs per request in this process, the profiler's hand on it included."
        )


if __name__ == "__main__":
    main()
