"""
The shops as processes, over real sockets.
"""

import os
from collections.abc import AsyncIterator

import orjson
import pytest

from proxy.demo.client import Client
from proxy.demo.drawn import calm
from proxy.demo.shop import RECEIVED, RELEASE, answer
from proxy.demo.stage import shop_process


@pytest.fixture
async def old() -> AsyncIterator[Client]:
    async with shop_process("old") as shop:
        client = Client(shop.address)
        yield client
        client.close()


@pytest.fixture
async def new() -> AsyncIterator[Client]:
    async with shop_process("new") as shop:
        client = Client(shop.address)
        yield client
        client.close()


async def test_answers_arrive_as_decided(old: Client, new: Client) -> None:
    """
    Status, content type and body are those of `answer`, and say who gave them.
    """
    for side, client, target in (("old", old, "/stores"), ("new", new, "/stores"), ("new", new, "/cart/4")):
        reply, decided = await client.request("GET", target), answer(side, "GET", target)

        assert (reply.status, calm(reply.body)) == (decided.status, decided.body)
        assert reply.headers["content-type"] == decided.content_type
        assert reply.headers["x-shop"] == side


async def test_a_shop_differs_from_itself_where_that_is_planted(old: Client) -> None:
    """
    Asked twice, it gives two trace ids, and nothing else differs.
    """
    first, second = await old.request("GET", "/categories"), await old.request("GET", "/categories")

    assert first.body != second.body
    assert calm(first.body) == calm(second.body)


async def test_stock_differs_in_framing_alone(old: Client, new: Client) -> None:
    """
    The same bytes, by length from old and in chunks from new.
    """
    by_length, in_chunks = await old.request("GET", "/stock/9"), await new.request("GET", "/stock/9")

    assert "content-length" in by_length.headers
    assert in_chunks.headers["transfer-encoding"] == "chunked"
    assert by_length.body == in_chunks.body


async def test_a_cut_answer_is_seen_as_cut_and_the_next_is_whole(new: Client) -> None:
    """
    The connection ends before the announced length; the shop lives on.
    """
    with pytest.raises(ConnectionError, match="before the answer was complete"):
        await new.request("GET", "/invoices/5")

    assert (await new.request("GET", "/invoices/4")).status == 200


async def test_a_shop_counts_what_it_was_sent(old: Client) -> None:
    """
    Reads and writes are told apart; asking for the counts is not counted.
    """
    await old.request("GET", "/health")
    await old.request("PUT", "/cart/1", b"{}")
    await old.request("POST", "/orders", b"{}")

    received = orjson.loads((await old.request("GET", RECEIVED)).body)
    assert received == {"reads": 1, "writes": 2, "copies": 0, "broken": 0}


async def test_a_bad_release_of_new_comes_and_goes(new: Client) -> None:
    """
    And is counted, so that what Parallax finds can be held against it.
    """
    await new.request("POST", RELEASE, b"bad")
    broken, well = await new.request("GET", "/stock/9"), await new.request("GET", "/products/1")
    await new.request("POST", RELEASE, b"good")
    mended = await new.request("GET", "/stock/9")

    assert (broken.status, well.status, mended.status) == (500, 200, 200)
    assert orjson.loads((await new.request("GET", RECEIVED)).body)["broken"] == 1


async def test_no_process_is_left_when_the_block_ends() -> None:
    """
    The shop's process is gone, and waited for.
    """
    async with shop_process("old") as shop:
        os.kill(shop.pid, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(shop.pid, 0)
