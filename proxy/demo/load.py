"""
The demo's clients: which requests they send (a fixed script), and an open-loop generator that sends them.

Open loop means that requests leave by the clock, whether or not earlier ones were answered, and that latency counts
from when a request was due; a slow Parallax can't hide by slowing its clients down. Every answer is compared with
what old gives, byte for byte: anything else is an error that a client saw.
"""

import asyncio
from collections.abc import Iterator
from random import Random

import orjson

from proxy.clock import monotonic
from proxy.demo.client import Client, Reply
from proxy.demo.planted import PLANTED
from proxy.demo.shop import CATEGORIES, PRODUCTS, WORDS, answer
from proxy.demo.tally import MIX, Ask, Tally
from proxy.tasks import spawn


def script(seed: int = 1) -> Iterator[Ask]:
    """
    The requests of one run, without end and always the same: first each endpoint once and each planted difference
    once, so that even a short run meets all of them, then by `MIX`.
    """
    dice = Random(seed)
    for endpoint in MIX:
        yield _draw(endpoint, dice)
    for planted in PLANTED:
        ask = _draw(planted.endpoint, dice)
        while not planted.hits(ask.target):
            ask = _draw(planted.endpoint, dice)
        yield ask
    while True:
        yield _draw(dice.choices(tuple(MIX), tuple(MIX.values()))[0], dice)


def _draw(endpoint: str, dice: Random) -> Ask:
    method, _, path = endpoint.partition(" ")
    query, body = "", b""
    if endpoint == "GET /search":
        query = f"?q={dice.choice(WORDS)}"
    elif endpoint == "GET /products":
        query = f"?page={dice.randint(1, PRODUCTS // 12)}"
    elif method in ("PUT", "POST"):
        body = orjson.dumps({"product": dice.randint(1, PRODUCTS), "gift": dice.choice(CATEGORIES)})
    highest = PRODUCTS if path.startswith(("/products", "/stock")) else 9999
    target = path.replace("{id}", str(dice.randint(1, highest))) + query
    return Ask(endpoint=endpoint, method=method, target=target, body=body)


def complaint(ask: Ask, reply: Reply) -> str | None:
    """
    What is wrong with an answer that a client got; None: it is old's, byte for byte.
    """
    expected = answer("old", ask.method, ask.target, ask.body)
    if reply.headers.get("x-shop") != "old":
        return f"not answered by old (status {reply.status})"
    if reply.status != expected.status:
        return f"status {reply.status}"
    return None if reply.body == expected.body else "another body than old's"


class Load:
    """
    Sends the script to `client`, `rate` requests a second, and keeps the tally.
    """

    def __init__(self, client: Client, rate: float) -> None:
        self.tally = Tally()
        self._client = client
        self._rate = rate
        self._flying: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """
        Send for `seconds`, then wait for the last answers. When cancelled, what is in flight is dropped.
        """
        start = monotonic()
        try:
            for number, ask in enumerate(script()):
                due = start + number / self._rate
                if due >= start + seconds:
                    break
                if (wait := due - monotonic()) > 0:
                    await asyncio.sleep(wait)
                self._send(ask, due)
            await asyncio.gather(*self._flying)
        finally:
            for task in self._flying:
                task.cancel()

    def _send(self, ask: Ask, due: float) -> None:
        self.tally.send(ask)
        task = spawn(self._one(ask, due), name="client")
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)

    async def _one(self, ask: Ask, due: float) -> None:
        try:
            reply = await self._client.request(ask.method, ask.target, ask.body)
        except OSError as error:
            self.tally.errors[str(error) or type(error).__name__] += 1
            return
        self.tally.latencies.append(monotonic() - due)
        self.tally.answered += 1
        if (wrong := complaint(ask, reply)) is not None:
            self.tally.errors[wrong] += 1
