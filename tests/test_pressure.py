"""
Turns of the loop and memory, measured on the real things.
"""

import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from proxy.pressure import LEAST, MACHINE, OTHERS, PAUSE, Memory, Turns, available
from proxy.routing.table import Overload

MIB = 1024 * 1024
GIB = 1024 * MIB


async def kept_busy(turns: int, seconds: float, every: int = 1) -> float:
    """
    What is said of a loop after so many turns, each `every` of them `seconds` long or longer, the others as they are.
    """
    loop = asyncio.get_running_loop()
    measured = Turns(loop, lambda: None)
    for turn in range(turns):
        if turn % every == 0:
            time.sleep(seconds)  # noqa: ASYNC251 - this is what is measured
        await asyncio.sleep(0)
    return measured.least(time.monotonic())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_queue_that_stands_makes_every_turn_long(run: object) -> None:
    """
    The least of them is as long as the work in each.
    """
    assert callable(run)

    assert run(kept_busy(12, 0.03)) >= 0.03


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_hiccup_is_not_noticed(run: object) -> None:
    """
    A long turn between short ones.
    """
    assert callable(run)

    assert run(kept_busy(4000, 0.05, every=1000)) < 0.05


async def test_without_news_the_last_is_said_again() -> None:
    """
    Asked twice within one turn; and before the first there is nothing to say.
    """
    turns = Turns(asyncio.get_running_loop(), lambda: None)
    assert turns.least(time.monotonic() - 60.0) == 0.0
    measured = asyncio.Event()
    asyncio.get_running_loop().call_later(PAUSE * 5, measured.set)
    await measured.wait()
    long_ago = time.monotonic() - 60.0
    said = turns.least(long_ago)

    assert 0.0 < said == turns.least(long_ago)


async def test_a_turn_that_does_not_end_is_noticed_in_it() -> None:
    """
    Whoever asks twice in it is told how long it has lasted by then, less the pause before it.
    """
    turns = Turns(asyncio.get_running_loop(), lambda: None)
    now = time.monotonic()
    turns.least(now)

    assert turns.least(now + 3.0) >= 2.9


def test_memory_is_what_is_resident() -> None:
    """
    What is written to is there; what is asked for only isn't.
    """
    memory = Memory()
    before = memory.resident()
    held = bytearray(64 * MIB)
    held[::4096] = b"x" * len(held[::4096])

    assert memory.resident() - before > 60 * MIB
    del held
    memory.trim()
    assert memory.resident() - before < 32 * MIB


def test_a_configured_limit_is_taken_as_it_is() -> None:
    """
    Even one that can't be kept.
    """
    assert Memory().limit(Overload(memory=1000, lag=0.0, workers=4), 8 * GIB) == 1000


@pytest.mark.parametrize(
    ("room", "workers", "limit"),
    [
        (4 * GIB, 1, 4 * GIB - OTHERS),
        (4 * GIB, 3, (4 * GIB - OTHERS) // 3),
        # A small container: half for the workers, half for the rest.
        (400 * MIB, 1, 200 * MIB),
    ],
)
def test_workers_share_what_the_others_leave(room: int, workers: int, limit: int) -> None:
    """
    The supervisor and control need something too.
    """
    memory = Memory()

    assert memory.limit(Overload(memory=0, lag=0.0, workers=workers), room) == max(limit, LEAST * memory.resident())


def test_nobody_is_overloaded_from_the_start() -> None:
    """
    Where there is too little for anything, refusing requests doesn't help.
    """
    memory = Memory()

    assert memory.resident() / memory.limit(Overload(memory=0, lag=0.0, workers=64), 64 * MIB) <= 0.6


def written(folder: Path, files: dict[str, str]) -> Path:
    """
    Files with these contents.
    """
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


V2 = "0::/app/parallax\n"
V1 = "9:pids:/\n4:cpu,memory:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("own", "groups", "limit"),
    [
        (V2, {"app/parallax/memory.max": "1000\n"}, 1000),
        (V2, {"app/parallax/memory.max": "max\n", "app/memory.max": "2000\n"}, 2000),
        (V2, {"app/parallax/memory.max": "3000\n", "app/memory.max": "2000\n", "memory.max": "9000"}, 2000),
        # From inside, the group of the container is the root.
        (V2, {"memory.max": "4000\n"}, 4000),
        (V1, {"memory/docker/abc/memory.limit_in_bytes": "5000\n"}, 5000),
        (V1, {"memory/memory.limit_in_bytes": "6000\n", "docker/abc/memory.max": "1"}, 6000),
        (V1, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
        (V2, {"app/parallax/memory.max": "max\n"}, MACHINE),
        ("what is this\n", {}, MACHINE),
        ("", {}, MACHINE),
    ],
)
def test_the_least_limit_of_all_groups_counts(own: str, groups: dict[str, str], limit: int, tmp_path: Path) -> None:
    """
    Of both versions of control groups; without any, the machine's memory.
    """
    told = written(tmp_path, {"cgroup": own}) / "cgroup"

    assert available(written(tmp_path / "groups", groups), told) == limit


def test_without_proc_the_machine_counts(tmp_path: Path) -> None:
    """
    Nothing is known, so nothing is refused.
    """
    assert available(tmp_path, tmp_path / "none") == MACHINE
