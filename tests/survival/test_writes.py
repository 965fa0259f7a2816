"""
Copies of writes under load, repeated by clients, while processes are killed: never two of one key.
"""

import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from proxy.tasks import spawn
from tests.parts.client import Client, post
from tests.parts.load import Crowd
from tests.parts.sides import Arrival
from tests.parts.siege import Siege, siege
from tests.parts.strict import Cut

log = logging.getLogger("survival")

NOBODY = Crowd(keepers=0, one_shots=0)
SHOPPERS = 6
TURNS = ("worker", "control", "supervisor")
ORDERS = {"name": "orders", "match": {"path": "/orders/**"}, "writes": "mirror"}


@dataclass(slots=True)
class Shop:
    """
    Impatient clients: each write is sent several times, on connections of its own, and some at the same moment.
    """

    it: Siege
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    answered: set[int] = field(default_factory=set)
    unkeyed: set[int] = field(default_factory=set)
    sent: Counter[int] = field(default_factory=Counter)
    over: bool = False

    async def shop(self, name: int) -> None:
        """
        One client, until it is over.
        """
        roll = random.Random(name)
        while not self.over:
            number = next(self.numbers)
            if roll.random() < 0.1:
                # A write that nobody could tell from another one.
                self.unkeyed.add(number)
                await self.order(number, b"X-None: 1")
                continue
            key = b"Idempotency-Key: order-%d" % number
            await asyncio.gather(*(self.order(number, key) for _ in range(roll.choice((1, 1, 2)))))
            # Some come back much later, when others may be at work.
            for again in (number,) * roll.choice((0, 1)) + (roll.randint(1, number),) * roll.choice((0, 1)):
                if again not in self.unkeyed:
                    await self.order(again, b"Idempotency-Key: order-%d" % again)

    async def order(self, number: int, key: bytes) -> None:
        """
        Send a write once; whatever becomes of it.
        """
        try:
            client = await Client.connect(self.it.parallax.address)
        except OSError:
            # Nobody listens for a moment; people look elsewhere meanwhile.
            await asyncio.sleep(0.02)
            return
        try:
            self.sent[number] += 1
            got = await client.ask(post(b"an order", key, target=b"/orders/%d" % number))
            if got.status == 200:
                self.answered.add(number)
        except (Cut, ConnectionError, TimeoutError):
            pass
        finally:
            client.close()

    async def more(self, writes: int) -> None:
        """
        Return once so many writes more have been answered.
        """
        wanted = len(self.answered) + writes
        async with asyncio.timeout(60):
            while len(self.answered) < wanted:  # noqa: ASYNC110
                # Clients tell nobody; they are looked at.
                await asyncio.sleep(0.01)


async def strike(it: Siege, what: str, roll: random.Random) -> None:
    """
    Kill -9 one process; returns when its successor is at work.
    """
    match what:
        case "worker":
            await it.kill_worker(roll.randrange(2))
        case "control":
            await it.kill_control()
        case _:
            await it.kill_supervisor()


@pytest.mark.parametrize(
    ("rounds", "weight"),
    [
        pytest.param(3, 0, marks=pytest.mark.timeout(120)),
        pytest.param(30, 0, marks=[pytest.mark.prove, pytest.mark.timeout(1200)]),
        pytest.param(30, 100, marks=[pytest.mark.prove, pytest.mark.timeout(1200)]),
    ],
)
async def test_no_key_is_copied_twice_whoever_is_killed(tmp_path: Path, rounds: int, weight: int) -> None:
    """
    Nor is a write without a key copied, nor one that no client was answered or lost; nearly all others are.
    """
    roll = random.Random(rounds)
    configuration = {"routes": [ORDERS], "weights": {"new": weight}}
    arrivals: list[Arrival] = []
    async with siege(configuration, tmp_path, crowd=NOBODY) as it:
        shop = Shop(it)
        clients = [spawn(shop.shop(name), name=f"shopper {name}") for name in range(SHOPPERS)]
        for number in range(rounds):
            await shop.more(50)
            await strike(it, TURNS[number % len(TURNS)], roll)
        await shop.more(50)
        shop.over = True
        await asyncio.gather(*clients)
        # All copies are under way or done with once the books are closed.
        await it.parallax.settled(1)
        arrivals += await it.sides.taken()
    copies = Counter(arrival.number for arrival in arrivals if arrival.copy)
    done = Counter(arrival.number for arrival in arrivals if not arrival.copy)
    repeated = {number for number, times in done.items() if times > 1}
    log.info(
        "weight %d: %d writes answered, %d of them arrived more than once, %d copied; %d without a key",
        weight, len(shop.answered), len(repeated), len(copies), len(shop.unkeyed),
    )  # fmt: skip

    assert {number for number, times in copies.items() if times > 1} == set()
    assert copies.keys() <= done.keys()
    assert not copies.keys() & shop.unkeyed
    assert {arrival.side for arrival in arrivals if arrival.copy} == {"old" if weight else "new"}
    assert len(repeated) > 50
    assert len(copies) > 0.5 * len(shop.answered - shop.unkeyed)
