"""
People at work: clients that keep their connections and clients that don't, and what became of each of their requests.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Self

from proxy.clock import monotonic
from proxy.tasks import spawn
from tests.parts.client import Address, Answer, Client, get, post
from tests.parts.sides import SIDES
from tests.parts.strict import Cut, Malformed


class Outcome(StrEnum):
    """
    What became of a request that was sent on an accepted connection.
    """

    RIGHT = "right"  # its own answer, whole
    OWN = "own"  # an error that Parallax made (Proxy-Status)
    WRONG = "wrong"  # anything else that is a whole answer
    LOST = "lost"  # the connection ended before the answer did
    STUCK = "stuck"  # nothing for longer than anybody waits
    OPEN = "open"  # still under way


@dataclass(slots=True, kw_only=True)
class Asked:
    """
    One request: who sent it from which port, when (monotonic seconds), and what came of it.
    """

    number: int
    user: str
    method: str
    port: int
    began: float
    ended: float = 0.0
    outcome: Outcome = Outcome.OPEN
    side: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """
    Who comes: so many of each kind, pausing `pause` seconds on average; a share of `writes` are POSTs; `user` names
    whoever sends a request, by a roll of 0 to 1.
    """

    keepers: int = 20
    one_shots: int = 5
    pause: float = 0.03
    writes: float = 0.1
    user: Callable[[float], str] = field(default=lambda roll: f"user-{int(roll * 1000)}")


class Load:
    """
    A crowd from `async with` to its end. `refused` are the moments at which a connection was refused.
    """

    def __init__(self, address: Address, crowd: Crowd, seed: int = 1) -> None:
        self.asked: list[Asked] = []
        self.refused: list[float] = []
        self._address = address
        self._crowd = crowd
        self._seed = seed
        self._numbers = count(1)
        self._busy = 0
        self._over = False
        self._going = asyncio.Event()
        self._going.set()
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        crowd = self._crowd
        for number in range(crowd.keepers + crowd.one_shots):
            keeps = number < crowd.keepers
            roll = random.Random(f"{self._seed}/{number}")
            self._tasks.append(spawn(self._come_and_go(roll, keeps=keeps), name=f"client {number}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        self._going.set()
        await asyncio.gather(*self._tasks)

    async def answered(self, more: int) -> None:
        """
        Return once so many requests more have been sent and have ended, however they did.
        """
        wanted = len(self.asked) + more
        # Requests are appended when they begin; the number of clients is small beside `more`.
        async with asyncio.timeout(60):
            while len(self.asked) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def quiet(self) -> None:
        """
        Let everybody finish what is under way and wait; connections stay open.
        """
        self._going.clear()
        while self._busy:
            self._idle.clear()
            await self._idle.wait()

    def go_on(self) -> None:
        """
        After `quiet`.
        """
        self._going.set()

    async def _come_and_go(self, roll: random.Random, *, keeps: bool) -> None:
        while await self._may_ask():
            try:
                client = await Client.connect(self._address)
            except OSError:
                self.refused.append(monotonic())
                await asyncio.sleep(0.02)
                continue
            stays = True
            while stays and await self._may_ask():
                stays = await self._ask(client, roll, keeps=keeps)
                # People pause; the pauses are the load and wait for nothing.
                await asyncio.sleep(roll.uniform(0, 2 * self._crowd.pause))
                # Nobody sends on a connection that he knows to be closed.
                stays = stays and client.stands()
            client.close()

    async def _may_ask(self) -> bool:
        # Whoever wakes up finds that it was taken back, if somebody wants it quiet again at once.
        while not self._going.is_set():
            await self._going.wait()
        return not self._over

    async def _ask(self, client: Client, roll: random.Random, *, keeps: bool) -> bool:
        """
        One request. Returns whether the connection may be used again.
        """
        number, user = next(self._numbers), self._crowd.user(roll.random())
        writes = roll.random() < self._crowd.writes
        fields = [b"X-User: " + user.encode(), *([] if keeps else [b"Connection: close"])]
        raw = post(b"an order", *fields, target=b"/orders/%d" % number)
        if not writes:
            raw = get(b"/work/%d" % number, *fields)
        method = "POST" if writes else "GET"
        asked = Asked(number=number, user=user, method=method, port=client.here[1], began=monotonic())
        self.asked.append(asked)
        self._busy += 1
        try:
            got = await client.ask(raw)
            judge(asked, got)
            return keeps and got.value(b"connection") != b"close"
        except (Cut, ConnectionError) as error:
            asked.outcome, asked.words = Outcome.LOST, str(error)
        except TimeoutError:
            asked.outcome = Outcome.STUCK
        except Malformed as error:
            asked.outcome, asked.words = Outcome.WRONG, str(error)
        finally:
            asked.ended = monotonic()
            self._busy -= 1
            self._idle.set()
        return False


def judge(asked: Asked, got: Answer) -> None:
    """
    Whether an answer is the right one, and whose it is.
    """
    with suppress(AssertionError):
        asked.side = (got.value(b"x-served-by") or b"").decode()
    asked.words = repr(got.head.start)
    if got.status == 200 and bytes(got.body) == b"%d" % asked.number and asked.side in SIDES:
        asked.outcome = Outcome.RIGHT
    elif got.values(b"proxy-status"):
        asked.outcome = Outcome.OWN
    else:
        asked.outcome = Outcome.WRONG
