"""
Pairs that bytes can't settle, the books that they end in, and a comparer in the test's own loop that says what the test
says.
"""

import asyncio
from collections.abc import Iterable
from secrets import token_hex
from typing import Self

from proxy.link.pairs import PairMessage, PairReader, Said, Verdict, pack_verdicts
from proxy.metrics.books import VERDICTS, Page
from proxy.mirror.budget import Budget
from proxy.mirror.handover import Handover, Share
from proxy.mirror.pair import Pair, Pairs
from tests.parts.strict import PATIENCE
from tests.parts.values import a_request, an_answer


class Stage:
    """
    Pairs of one endpoint that differ in their content, and who judges them.
    """

    def __init__(self, limit: int = 10, budget: int = 100_000, name: str = "GET /a") -> None:
        self.page = Page(name)
        self.handover = Handover(limit)
        self.handover.active = True
        self.shown: list[int] = []
        self.budget = Budget(budget)
        self.pairs = Pairs(self.budget, budget, lambda pair, signature: self.shown.append(signature), self.handover)

    def differ(self, times: int = 1, content: bytes = b"one") -> None:
        """
        So many pairs are complete; old says `content`.
        """
        for _ in range(times):
            self.page.eligible[0] += 1
            pair = Pair(self.pairs, a_request(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), self.page, 0)
            for observation, said in ((pair.live, content), (pair.shadow, b"other")):
                observation.head = an_answer(b"HTTP/1.1 200 OK\r\nContent-Type: a/b")
                pair.keep(observation, said)
                pair.ended(observation, None)

    def given(self, share: Share) -> list[int]:
        """
        The numbers of the pairs that a comparer gets now.
        """
        return [pair.id for pair in self.taken(share)]

    def taken(self, share: Share) -> list[PairMessage]:
        """
        The pairs that a comparer gets now.
        """
        return [*PairReader().feed(b"".join(self.handover.give(share)))]

    def says(
        self, share: Share, number: int, said: int, kinds: int = 0, signature: int = 0, *, cost: float = 0.0
    ) -> None:
        """
        A comparer's word on one pair, which has cost so many seconds.
        """
        self.handover.answered(share, [Verdict(number, said, kinds, signature, 1, int(cost * 1e6))])

    @property
    def entries(self) -> dict[str, int]:
        """
        What is in the books.
        """
        return {
            **{name: n for name, n in zip(VERDICTS, self.page.verdicts[0], strict=True) if n},
            **self.page.skipped[0],
        }


class Heard:
    """
    A worker's connection, as the comparer has it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._pairs = PairReader()
        self._waiting: list[PairMessage] = []

    def greet(self) -> None:
        """
        Say that pairs may come.
        """
        self.say([Verdict(0, Said.HERE, 0, 0, 0)])

    def say(self, verdicts: Iterable[Verdict]) -> None:
        """
        Say verdicts; to a worker that is gone they are lost.
        """
        if not self.writer.is_closing():
            self.writer.write(pack_verdicts([*verdicts]))

    def settle(self, pairs: Iterable[PairMessage], said: int = Said.EQUIVALENT) -> None:
        """
        Say the same of all these.
        """
        self.say(Verdict(pair.id, said, 0, 0, 1) for pair in pairs)

    async def pairs(self, count: int) -> list[PairMessage]:
        """
        The next so many pairs; fewer if the worker has closed the connection.
        """
        while len(self._waiting) < count and (data := await self._read()):
            self._waiting += self._pairs.feed(data)
        pairs, self._waiting = self._waiting[:count], self._waiting[count:]
        return pairs

    async def closed(self) -> int:
        """
        Once the worker has closed the connection: how many pairs came that nobody took.
        """
        return len(await self.pairs(1 << 30))

    async def _read(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.read(1 << 16)
            except ConnectionResetError:
                return b""


class Hearing:
    """
    A comparer that listens under `name` from `async with` to its end, and reads only what the test reads.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name or f"parallax-test-{token_hex(8)}"
        self._arrived: asyncio.Queue[Heard] = asyncio.Queue()
        self._all: list[Heard] = []

    async def __aenter__(self) -> Self:
        # A small limit: what isn't asked for stays in the kernel.
        self._server = await asyncio.start_unix_server(self._connected, f"\0{self.name}", limit=1 << 12)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for heard in self._all:
            heard.writer.transport.abort()

    async def worker(self) -> Heard:
        """
        The next worker that connects.
        """
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    async def greeted(self) -> Heard:
        """
        The next worker that connects, greeted.
        """
        heard = await self.worker()
        heard.greet()
        return heard

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = Heard(reader, writer)
        self._all.append(heard)
        self._arrived.put_nowait(heard)
