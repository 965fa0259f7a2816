"""
Somebody who scrapes /metrics all the time and remembers: no counter may ever shrink or vanish, no epoch shrink.
"""

import asyncio
import re
from contextlib import suppress
from typing import Self

from proxy.tasks import spawn
from tests.parts.client import Address, Client, get
from tests.parts.strict import Cut

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (\S+)")
TYPE = re.compile(r"# TYPE (\S+) (counter|histogram)")
EPOCH = re.compile(r"(parallax_epoch\{.*\}) (\S+)")
# What is told by the clock needn't be read more often.
SECONDS = 0.1

Counters = dict[str, float]


def counters(exposition: str) -> Counters:
    """
    All series of counters and histograms, in Prometheus' text format.
    """
    found: Counters = {}
    growing: tuple[str, ...] = ()
    for line in exposition.splitlines():
        if line.startswith("# TYPE "):
            typed = TYPE.fullmatch(line)
            growing = (typed[1],) if typed else ()
        elif growing and not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, f"a sample that can't be read: {line!r}"
            assert sample[1].startswith(growing), line
            found[sample[1]] = float(sample[2])
    return found


class Watch:
    """
    Scrapes from `async with` to its end. `backwards` says what shrank, `scrapes` how often it looked.
    """

    def __init__(self, address: Address) -> None:
        self.scrapes = 0
        self.failures = 0
        self.backwards: list[str] = []
        self._address = address
        self._known: Counters = {}
        # Unlike counters these outlive a supervisor, and a worker that has none says nothing.
        self._epochs: Counters = {}
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._task = spawn(self._scrape(), name="watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def look_away(self) -> None:
        """
        Scrape no more until `look_anew`.
        """
        await self._looking.acquire()

    def look_anew(self) -> None:
        """
        Another supervisor counts from zero.
        """
        self._known = {}
        self._looking.release()

    async def look(self) -> Counters:
        """
        One scrape. Raises `Cut`, OSError or TimeoutError when nobody answers.
        """
        client = await Client.connect(self._address)
        try:
            got = await client.ask(get(b"/metrics", b"Connection: close", host=b"localhost"))
        finally:
            client.close()
        assert got.status == 200, f"/metrics answered {got.status}"
        text = bytes(got.body).decode()
        found = counters(text)
        self.compare(found)
        for worker, epoch in EPOCH.findall(text):
            before = self._epochs.get(worker, -1.0)
            self._epochs[worker] = float(epoch)
            if float(epoch) < before:
                self.backwards.append(f"scrape {self.scrapes}: {worker} was {before}, is {epoch}")
        return found

    def compare(self, found: Counters) -> None:
        """
        With what was known before.
        """
        for series, count in self._known.items():
            if found.get(series, -1.0) < count:
                now = found.get(series, "gone")
                self.backwards.append(f"scrape {self.scrapes}: {series} was {count}, is {now}")
        self.scrapes += 1
        self._known = found

    async def _scrape(self) -> None:
        while True:
            async with self._looking:
                try:
                    await self.look()
                except (Cut, OSError, TimeoutError):
                    self.failures += 1
            await asyncio.sleep(SECONDS)
