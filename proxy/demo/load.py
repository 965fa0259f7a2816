"""
The demo's clients: which requests they send (a fixed script), and an open-loop generator that sends them.

Open loop means that requests leave by the clock, whether or not earlier ones were answered, and that latency counts
from when a request was due; a slow Parallax can't hide by slowing its clients down. Every answer is compared with
what the side that gave it has to give, byte for byte but for what is drawn anew for each: anything else is an error
that a client saw.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import orjson

from proxy.clock import monotonic
from proxy.demo.client import Client, Reply
from proxy.demo.drawn import calm
from proxy.demo.planted import PLANTED, Effect, effect_on
from proxy.demo.shop import CATEGORIES, PRODUCTS, WORDS, answer
from proxy.demo.tally import MIX, Ask, Tally
from proxy.demo.users import FIELD, USERS, name
from proxy.tasks import spawn


def script(seed: int = 1) -> Iterator[Ask]:
    """
    The requests of one run, without end and always the same: first each endpoint once and each planted difference
    once, so that even a short run meets all of them, then by `MIX`; each of some user's.
    """
    users = Random(-seed)
    return (replace(ask, user=name(users.randrange(USERS))) for ask in _asks(Random(seed)))


def _asks(dice: Random) -> Iterator[Ask]:
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


def complaint(ask: Ask, reply: Reply, *, new_serves: bool = False, is_bad: bool = False) -> str | None:
    """
    What is wrong with an answer that a client got; None: it is what its side has to give, and that side may answer.
    `is_bad`: as the bad release of new gives it.
    """
    side = reply.headers.get("x-shop")
    if side != "old" and not (side == "new" and new_serves and not ask.is_write):
        return f"not answered by old (status {reply.status})"
    expected = answer(side, ask.method, ask.target, ask.body, is_bad=is_bad and side == "new")
    if reply.status != expected.status:
        return f"status {reply.status}"
    return None if calm(reply.body) == expected.body else f"another body than {side}'s"


class Load:
    """
    Sends the script to `client`, `rate` requests a second, and keeps the tally. `new_serves`: some users may be on new;
    `is_bad`: it may have a bad release, or have had one a moment ago.
    """

    def __init__(self, client: Client, rate: float) -> None:
        self.tally = Tally()
        self.new_serves = False
        self.is_bad = False
        self._client = client
        self._rate = rate
        self._flying: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, wanted: Callable[[], bool] = lambda: False) -> None:
        """
        Send for `seconds`, and longer if it is still `wanted`; then wait for the last answers. When cancelled, what is
        in flight is dropped.
        """
        start = monotonic()
        try:
            for number, ask in enumerate(script()):
                due = start + number / self._rate
                if due >= start + seconds and not wanted():
                    break
                if (wait := due - monotonic()) > 0:
                    await asyncio.sleep(wait)
                self._send(ask, due)
            await asyncio.gather(*self._flying)
        finally:
            for task in self._flying:
                task.cancel()

    async def landed(self) -> None:
        """
        Return once all that is in flight now was answered.
        """
        if self._flying:
            await asyncio.wait(set(self._flying))

    def _send(self, ask: Ask, due: float) -> None:
        self.tally.send(ask)
        task = spawn(self._one(ask, due), name="client")
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)

    async def _one(self, ask: Ask, due: float) -> None:
        tally, sent = self.tally, monotonic()
        try:
            reply = await self._client.request(ask.method, ask.target, ask.body, {FIELD: ask.user})
        except OSError as error:
            if self.new_serves and effect_on(ask.endpoint, ask.target) is Effect.FAILED:
                # Who is on new gets what new does, and this is what it does.
                tally.cut += 1
            else:
                tally.errors[str(error) or type(error).__name__] += 1
            return
        now = monotonic()
        tally.latencies.append(now - due)
        tally.answered += 1
        if (wrong := complaint(ask, reply, new_serves=self.new_serves)) is not None:
            if not self.is_bad or complaint(ask, reply, new_serves=self.new_serves, is_bad=True) is not None:
                tally.errors[wrong] += 1
                return
            tally.hit += 1
        by_new = reply.headers["x-shop"] == "new"
        tally.by_new += by_new
        if not ask.is_write:
            tally.users.answered(ask.user, by_new=by_new, sent=sent, now=now)
