"""
Who stays where: every worker, a worker's successor and a restarted Parallax agree on every key, and nobody goes back.
"""

import asyncio
import logging
import random
from pathlib import Path

import pytest

from tests.parts.client import Client, get
from tests.parts.kernel import connections
from tests.parts.load import Crowd
from tests.parts.murmur import bucket, side_of
from tests.parts.parallax import until
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

pytestmark = pytest.mark.timeout(120)

WORKERS = 4
WEIGHTS = (0.01, 1, 37, 100)
NOBODY = Crowd(keepers=0, one_shots=0)


async def one_client_each(it: Siege) -> list[Client]:
    """
    A connection to each worker: the kernel spreads them, so there are as many as it takes.
    """
    found: dict[int, Client] = {}
    spare: list[Client] = []

    async def all_reached() -> bool:
        client = await it.parallax.client()
        # Answered, so somebody has accepted it.
        await client.ask(get(b"/work/0"))
        holder = next(
            pid for pid in it.parallax.workers() if any(there == client.here for _, there in connections(pid))
        )
        spare.append(found.pop(holder)) if holder in found else None
        found[holder] = client
        return len(found) == WORKERS

    await until(all_reached, "a connection to each worker", 20)
    for client in spare:
        client.close()
    return list(found.values())


async def sides_of(client: Client, keys: list[str]) -> dict[str, str]:
    """
    Who answers each key on this connection.
    """
    found = {}
    for key in keys:
        got = await client.ask(get(b"/work/0", b"X-User: " + key.encode()))
        found[key] = (got.value(b"x-served-by") or b"").decode()
    return found


async def agreed(it: Siege, keys: list[str], weight: float) -> set[str]:
    """
    Asserts that all workers send each key where it belongs. Returns the keys that are on new.
    """
    clients = await one_client_each(it)
    answers = await asyncio.gather(*(sides_of(client, keys) for client in clients))
    for client in clients:
        client.close()
    expected = {key: side_of(key, weight) for key in keys}

    assert all(found == expected for found in answers), f"at {weight} %"
    return {key for key, side in expected.items() if side == "new"}


def some_keys(count: int) -> list[str]:
    """
    Keys as they come, and for each weight two at its very edge: the last that is on new and the first that is not.
    """
    roll = random.Random(count)
    keys = [f"user-{roll.randrange(10**9)}" for _ in range(count)]
    edges = {round(weight * 100) + step for weight in WEIGHTS for step in (-1, 0)} - {10_000}
    number = 0
    while edges:
        key = f"edge-{number}"
        number += 1
        if (at := bucket(key)) in edges:
            edges.remove(at)
            keys.append(key)
    return keys


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.prove)])
async def test_all_agree_on_every_key(tmp_path: Path, count: int) -> None:
    """
    Weights grow while keys are asked for in each of four workers: all agree, nobody who was on new goes back; so do a
    killed worker's successor and a Parallax that was started anew.
    """
    keys = some_keys(count)
    on_new: set[str] = set()
    async with siege({"workers": WORKERS, "mirror": {"percent": 0}}, tmp_path, NOBODY, spread=0.0) as it:
        for weight in WEIGHTS:
            assert (await it.operator.change(f"{weight} %", new=weight)).status == 200
            now = await agreed(it, keys, weight)
            log.info("%s %%: %d of %d keys on new", weight, len(now), len(keys))
            assert on_new <= now
            on_new = now
        assert (await it.operator.change("back to 37 %", new=37)).status == 200
        await it.kill_worker(0)
        await agreed(it, keys, 37)
        await it.kill_supervisor()
        await agreed(it, keys, 37)
