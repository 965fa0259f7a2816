"""
One block of load on one contender, and everything that is read around it.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import orjson

from benchmarks.backends import ANSWERS, Backend
from benchmarks.contenders import Contender
from benchmarks.processes import HOST, CannotMeasure, cpu_seconds_between, cpu_ticks, find_tool, pss_bytes

SCRIPT = Path(__file__).with_name("wrk.lua")
# Copies still under way end before the CPU time is read.
SETTLE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """
    What wrk is told; `headers` is "plain" (Host only) or "browser". `answers`: "equal"; "differing" in one value each
    time; or that with "many" things asked for one after the other, or in "gzip", for which it asks then.
    """

    size: str
    headers: str
    connections: int
    threads: int
    answers: str = "equal"

    @property
    def path(self) -> str:
        """
        What is asked for.
        """
        return ANSWERS[self.answers][self.size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """
    One contender's figures for one block. CPU in µs per answered request, latencies in ms, memory in bytes.
    """

    contender: str
    size: str
    round: int
    requests: int
    rps: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    pss: int
    errors: int
    copies: int
    copy_connections: int
    answers: str = "equal"


def run_wrk(port: int, load: Load, seconds: int) -> dict[str, int]:
    """
    Let wrk load a loopback port; what `wrk.lua` says at its end.
    """
    url = f"http://{HOST}:{port}{load.path}"
    options = ["-c", str(load.connections), "-t", str(load.threads), "-d", f"{seconds}s", "-s", str(SCRIPT)]
    command = [find_tool("wrk", "wrk"), *options, url, "--", load.headers, str(seconds), load.answers]
    done = subprocess.run(command, capture_output=True, timeout=seconds + 30, check=False)
    last = done.stdout.splitlines()[-1:]
    if done.returncode or not last or not last[0].startswith(b"{"):
        raise CannotMeasure(f"wrk failed on {url}: {(done.stderr or done.stdout).decode(errors='replace').strip()}")
    summary: dict[str, int] = orjson.loads(last[0])
    return summary


def run_block(contender: Contender, new: Backend, load: Load, *, number: int, seconds: int) -> Block:
    """
    Load one contender for some seconds and read what it cost.
    """
    seen = new.seen()
    before = cpu_ticks(contender.pid) if contender.pid is not None else {}
    summary = run_wrk(contender.port, load, seconds)
    sleep(SETTLE)
    after = cpu_ticks(contender.pid) if contender.pid is not None else {}
    copied = new.seen().since(seen)
    requests = summary["requests"]
    if not requests:
        raise CannotMeasure(f"{contender.name} answered nothing in {seconds} s.")
    return Block(
        contender=contender.name,
        size=load.size,
        round=number,
        requests=requests,
        rps=requests * 1e6 / summary["asking_us"],
        p50_ms=summary["p50_us"] / 1000,
        p99_ms=summary["p99_us"] / 1000,
        cpu_us=cpu_seconds_between(before, after) * 1e6 / requests,
        pss=pss_bytes(contender.pid) if contender.pid is not None else 0,
        errors=summary["socket_errors"] + summary["status_errors"],
        copies=copied.requests,
        copy_connections=copied.connections,
        answers=load.answers,
    )
