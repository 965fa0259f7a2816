"""
Twice as many requests as a worker can serve: what is answered, what is refused, in which order things are given up, and
how soon all is as it was.

    python -m benchmarks.overload [--seconds 60] [--times 2] [--share 0.25] [--connections 1000,4000]

The worker gets a share of a core (a control group's quota), so that what loads it and what it asks have room beside it.
Its capacity is what 32 clients get that ask again as soon as they are answered, everything copied; then comes `--times`
as much at a fixed rate, then a fifth of the capacity. Exit code 1 if a promise was not kept.
"""

import http.client
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import sleep, time

import click
import orjson

from benchmarks.arrivals import FAILED, REFUSED, SENT, SERVED, SLOT, UNSENT
from benchmarks.backends import PATHS, backends, times_of
from benchmarks.contenders import COPIES, Contender, parallax
from benchmarks.processes import HOST, CannotMeasure, Program, ended_by_signal, running
from benchmarks.profile_worker import pid_of

PERIOD = 10_000  # µs: much shorter than what the worker calls lag
CLIENTS = 32
GOODPUT = 0.9
RECOVERY = 5.0
AFTER = 8.0
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What `arrivals` saw: `slots` of a tenth of a second from `begun_at` on, latencies of the served in seconds.
    """

    begun_at: float
    slots: list[list[int]]
    latency: dict[str, float]

    def total(self, what: int, first: float = 0.0) -> int:
        """
        How many, from `first` seconds after the beginning on.
        """
        return sum(slot[what] for slot in self.slots[round(first / SLOT) :])

    def times(self, what: int) -> list[float]:
        """
        When slots with any of these began.
        """
        return [self.begun_at + number * SLOT for number, slot in enumerate(self.slots) if slot[what]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """
    One run. Rates are requests a second; times are seconds from the beginning of the overload, `back_*` from its end.
    """

    times: float
    connections: int
    seconds: float
    capacity: float
    offered: float
    served: float
    refused: float
    failed: int
    unsent: int
    p50: float
    p99: float
    first_refused: float | None
    last_copy_before: float | None
    copies_beside: int
    back_served: float
    back_level: float

    def objections(self) -> list[str]:
        """
        Which promises were not kept, in a few words each.
        """
        return [
            words
            for broken, words in (
                (self.served < GOODPUT * self.capacity, f"goodput {self.served / self.capacity:.0%} of the maximum"),
                (self.copies_beside > 0, f"{self.copies_beside} copies beside refused requests"),
                (self.back_served > RECOVERY, f"still refused {self.back_served:.1f} s later"),
                (self.back_level > RECOVERY, f"back after {self.back_level:.1f} s"),
            )
            if broken
        ]


def beside(seen: Seen, copies: list[float]) -> int:
    """
    Copies that were under way while requests were refused: those in slots with refusals, but for the first slot of each
    spell, in which they may have come before.
    """
    refusing = {number for number, slot in enumerate(seen.slots) if slot[REFUSED]}
    inner = {number for number in refusing if number - 1 in refusing}
    return sum(int((at - seen.begun_at) / SLOT) in inner for at in copies)


def judge(
    load_by: tuple[float, int],
    seconds: float,
    capacity: float,
    load: Seen,
    after: Seen,
    levels: list[tuple[float, int]],
    copies: list[float],
) -> Trial:
    """
    A trial out of all that was recorded; `levels` and `copies` with the time they are of.
    """
    end = load.begun_at + seconds
    refused = load.times(REFUSED) + after.times(REFUSED)
    first = min(refused, default=None)
    before = [at for at in copies if first is not None and at < first + SLOT]
    late = [at + SLOT - end for at in refused if at > end]
    high = [at - end for at, level in levels if level and at > end]
    return Trial(
        times=load_by[0],
        connections=load_by[1],
        seconds=seconds,
        capacity=capacity,
        offered=(load.total(SENT) + load.total(UNSENT)) / seconds,
        served=load.total(SERVED) / seconds,
        refused=load.total(REFUSED) / seconds,
        failed=load.total(FAILED) + after.total(FAILED),
        unsent=load.total(UNSENT),
        p50=load.latency.get("p50", 0.0),
        p99=load.latency.get("p99", 0.0),
        first_refused=None if first is None else first - load.begun_at,
        last_copy_before=max(before) - load.begun_at if before else None,
        copies_beside=beside(load, copies) + beside(after, copies),
        back_served=max(late, default=0.0),
        # Levels are told once a second.
        back_level=max(high, default=0.0),
    )


class Looks:
    """
    The worker's level, asked for twice a second in a thread.
    """

    def __init__(self, contender: Contender) -> None:
        self.levels: list[tuple[float, int]] = []
        self._admin = contender.admin or 0
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            with suppress(OSError, http.client.HTTPException):
                self.levels.append((time(), self._level()))

    def _level(self) -> int:
        connection = http.client.HTTPConnection(HOST, self._admin, timeout=5)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        lines = (line for line in text.splitlines() if line.startswith("parallax_overload_level{"))
        return max((int(float(line.rpartition(" ")[2])) for line in lines), default=0)

    def close(self) -> None:
        """
        Ask no more.
        """
        self._over.set()
        self._thread.join()


@contextmanager
def slowed(pid: int, share: float) -> Iterator[None]:
    """
    Give a process a share of one core for as long as the block lasts.
    """
    if share >= 1.0:
        yield
        return
    quota = round(PERIOD * share)
    unified = (GROUPS / "cgroup.controllers").exists()
    parent = GROUPS if unified else GROUPS / "cpu"
    group = parent / f"parallax-bench-{pid}"
    try:
        group.mkdir()
        if unified:
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise CannotMeasure(f"A control group can't be used ({error.strerror}): be root, or use --share 1.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            (parent / "cgroup.procs").write_text(str(pid))
        with suppress(OSError):
            group.rmdir()


def arrive(port: int, rate: float, seconds: float, connections: int, directory: Path) -> Seen:
    """
    Run `arrivals` to its end.
    """
    command = [sys.executable, "-m", "benchmarks.arrivals", str(port), PATHS["1k"], str(rate), str(seconds)]
    command += ["--connections", str(connections)]
    with running("arrivals", command, directory) as program:
        _wait(program, seconds + 60.0)
        lines = program.log.read_bytes().splitlines()
    try:
        return Seen(**orjson.loads(lines[-1]))
    except (IndexError, orjson.JSONDecodeError) as error:
        raise CannotMeasure(f"arrivals ended without a result: {lines[-3:]}") from error


def _wait(program: Program, seconds: float) -> None:
    end = time() + seconds
    while program.returncode() is None and time() < end:
        sleep(0.02)


def run(share: float, loads: list[tuple[float, int]], seconds: float) -> list[Trial]:
    """
    A trial for each multiple of the capacity and number of connections, each on a Parallax of its own.
    """
    trials = []
    with ended_by_signal(), ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parallax-bench-")))
        old, new = stack.enter_context(backends(directory, timed=True))
        for factor, connections in loads:
            with parallax((old.url, new.url), directory, mirror={"concurrency": COPIES}) as contender:
                worker = pid_of("worker", contender.pid or 0)
                with slowed(worker, share):
                    trials.append(try_load(contender, factor, seconds, connections, directory))
            click.echo(show(trials[-1]))
    return trials


def try_load(contender: Contender, factor: float, seconds: float, connections: int, directory: Path) -> Trial:
    """
    The capacity, the load, and what comes after it.
    """
    blocks = [arrive(contender.port, 0, 4.0, CLIENTS, directory) for _ in range(3)]
    # Not the best of them: that is the machine's luck, and the load lasts too long to be as lucky.
    capacity = median(block.total(SERVED) / 4.0 for block in blocks)
    sleep(1.0)
    looks = Looks(contender)
    try:
        load = arrive(contender.port, factor * capacity, seconds, connections, directory)
        after = arrive(contender.port, 0.2 * capacity, AFTER, CLIENTS, directory)
    finally:
        looks.close()
    return judge((factor, connections), seconds, capacity, load, after, looks.levels, times_of("new", directory))


def show(trial: Trial) -> str:
    """
    One trial for people.
    """
    first = "never" if trial.first_refused is None else f"after {trial.first_refused:.1f} s"
    copy = "-" if trial.last_copy_before is None else f"{trial.last_copy_before:.1f} s"
    over = f"over {trial.connections:,} connections at most"
    late = f"p50 {trial.p50 * 1000:.0f} ms, p99 {trial.p99 * 1000:.0f} ms"
    order = f"first {first}, last copy before it {copy}, copies beside {trial.copies_beside:,}"
    rows = (
        ("capacity", f"{trial.capacity:,.0f}", "a second, everything copied"),
        (
            "offered",
            f"{trial.offered:,.0f}",
            f"a second for {trial.seconds:.0f} s: {trial.times:g} times as much, {over}",
        ),
        ("served", f"{trial.served:,.0f}", f"a second: {trial.served / trial.capacity:.0%} of the capacity; {late}"),
        ("refused", f"{trial.refused:,.0f}", f"a second: {order}"),
        ("failed", f"{trial.failed:,}", f"and {trial.unsent:,} not sent, for want of a connection"),
        ("last 503", f"{trial.back_served:.1f}", "s after the end"),
        ("level 0", f"{trial.back_level:.1f}", "s after the end"),
    )
    lines = [f"{name:<10}{figure:>10}  {words}" for name, figure, words in rows]
    return "\n".join((*lines, "; ".join(trial.objections()) or "holds", ""))


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long the overload lasts.")
@click.option("--times", default="2", show_default=True, help="Multiples of the capacity, by comma.")
@click.option("--share", default=0.25, show_default=True, help="Of a core for the worker; 1: no quota.")
@click.option("--connections", default="1000,4000", show_default=True, help="At most, for the load; by comma.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here too."
)
def main(*, seconds: float, times: str, share: float, connections: str, json_path: Path | None) -> None:
    """
    Measure what becomes of more requests than can be served. Exit code 1 if a promise was not kept.

    Example: python -m benchmarks.overload --seconds 20 --times 1.5,2,4 --connections 2000
    """
    loads = [(float(factor), int(limit)) for factor in times.split(",") for limit in connections.split(",")]
    trials = run(share, loads, seconds)
    if json_path is not None:
        json_path.write_bytes(orjson.dumps([asdict(trial) for trial in trials], option=orjson.OPT_INDENT_2))
    if any(trial.objections() for trial in trials):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
