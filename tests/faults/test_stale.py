"""
The race for idle connections: an origin that closes them just when they are about to be used.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.parts.alone import Alone, alone
from tests.parts.client import get, post
from tests.parts.origin import OK, Connection, Origin, Received, always
from tests.parts.strict import Cut

pytestmark = pytest.mark.timeout(180)

IDLE = 0.05
SPREAD = 0.002
LANES = 20
REQUESTS = 800


class Impatient(Origin):
    """
    Answers, and closes a connection on which nothing comes for 50 ms.
    """

    def __init__(self) -> None:
        super().__init__(self._reply)
        self._timers: dict[Connection, asyncio.TimerHandle] = {}
        self.delivered: Counter[bytes] = Counter()
        self.closed_idle = 0

    def _reply(self, received: Received) -> None:
        connection = received.connection
        if (timer := self._timers.pop(connection, None)) is not None:
            timer.cancel()
        self.delivered[received.target] += 1
        received.answer(OK)
        self._timers[connection] = asyncio.get_running_loop().call_later(IDLE, self._expire, connection)

    def _expire(self, connection: Connection) -> None:
        self._timers.pop(connection, None)
        self.closed_idle += 1
        connection.close()


async def lane(worker: Alone, number: int, method: bytes, start: asyncio.Barrier) -> Counter[int]:
    """
    One client that asks again 50 ± 2 ms after each answer, in step with the others, so that what they find is idle for
    that long. Returns how often it got which status.
    """
    roll = random.Random(number)
    statuses: Counter[int] = Counter()
    client = await worker.client()
    for turn in range(REQUESTS // LANES):
        await start.wait()
        # The one sleep that is the subject itself.
        await asyncio.sleep(IDLE + roll.uniform(-SPREAD, SPREAD))
        target = b"/%d/%d" % (number, turn)
        raw = post(b"once", target=target) if method == b"POST" else get(target)
        try:
            statuses[(await client.ask(raw)).status] += 1
        except Cut:
            statuses[0] += 1
            client = await worker.client()
    client.close()
    return statuses


@pytest.mark.parametrize(("method", "errors"), [(b"GET", 0), (b"POST", 4)])
async def test_idle_connections_may_close_under_us(tmp_path: Path, method: bytes, errors: int) -> None:
    """
    Of 800 GET none fails, since they are tried again; of 800 POST at most 4 fail, and none is delivered twice.
    """
    async with Impatient() as old, Origin(always(OK)) as new:
        configuration = {"old": {"url": old.url}, "new": {"url": new.url}, "mirror": {"percent": 0}}
        async with alone() as worker:
            await worker.goes_by(configuration, tmp_path)
            start = asyncio.Barrier(LANES)
            lanes = await asyncio.gather(*(lane(worker, number, method, start) for number in range(LANES)))
        statuses = sum(lanes, Counter[int]())

        assert statuses.total() == REQUESTS
        assert REQUESTS - statuses[200] <= errors, statuses
        assert old.closed_idle > 0, "the race did not take place"
        if method == b"POST":
            assert set(old.delivered.values()) == {1}
        else:
            assert len(old.delivered) == REQUESTS
