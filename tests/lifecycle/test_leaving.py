"""
Leaving new as operators see it: a weight of 0, or a kill, ends what is under way there, and they are told how much is
left.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from signal import SIGUSR1

import pytest
from websockets.exceptions import ConnectionClosed

from tests.parts.operator import Operator
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import Parallax, running, until
from tests.parts.strict import PATIENCE
from tests.parts.websocket import echo, open_socket

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]


async def still(operator: Operator, count: int) -> None:
    """
    Return once so many requests are said to be on new.
    """

    async def told() -> bool:
        return bool((await operator.weights())["still_on_new"] == count)

    await until(told, f"{count} requests are said to be on new")


async def leave(parallax: Parallax, operator: Operator, *, kill: bool) -> None:
    """
    A WebSocket on new is there to be seen, until new is left.
    """
    client = await open_socket(parallax.address, "/chat")
    await client.send(b"hello")
    assert await client.recv() == b"hello"
    await still(operator, 1)
    if kill:
        parallax.signal(SIGUSR1)
    else:
        await operator.change("back to old", new=0)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectionClosed):
            await client.recv()
    await still(operator, 0)


async def test_a_weight_of_0_and_a_kill_end_what_is_on_new(tmp_path: Path) -> None:
    """
    Within `drain.streams`; both say in the books that it was cut.
    """
    operator = Operator(name="ops", address=("", 0))
    async with Origin(always(OK)) as old, echo() as new:
        sides = {"old": {"url": old.url}, "new": {"url": f"http://127.0.0.1:{new.port}"}}
        rest = {"weights": {"new": 100}, "drain": {"streams": 0.5}, "admin": {"tokens": [operator.token()]}}
        async with running({**sides, **rest}, tmp_path) as parallax:
            operator = replace(operator, address=parallax.admin)
            await leave(parallax, operator, kill=False)
            await operator.change("again", new=100)
            await leave(parallax, operator, kill=True)
            books = await parallax.settled(2)

    assert books.errors == {"live|left": 2}
