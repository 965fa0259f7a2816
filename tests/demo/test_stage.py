"""
The stage: what it says when something doesn't start. How it ends is shown by the whole demo in `test_run.py`.
"""

import pytest

from proxy.demo.client import Client
from proxy.demo.stage import StageError, shop_process


async def test_a_shop_that_does_not_start_is_named() -> None:
    """
    A side that no shop has fails at once, in one sentence.
    """
    with pytest.raises(StageError, match="the neither shop doesn't answer"):
        async with shop_process("neither"):
            pass


async def test_a_shop_answers_as_soon_as_the_block_begins() -> None:
    """
    Nobody has to wait or try again.
    """
    async with shop_process("new") as shop:
        client = Client(shop.address)
        reply = await client.request("GET", "/health")
        client.close()

    assert (reply.status, reply.body) == (200, b"ok\n")
