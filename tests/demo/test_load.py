"""
The load: its script, and what it notices.
"""

from itertools import islice

import pytest

from proxy.demo.client import Client, Reply
from proxy.demo.load import Load, complaint, script
from proxy.demo.planted import PLANTED
from proxy.demo.shop import answer
from proxy.demo.stage import shop_process
from proxy.demo.tally import MIX, Ask

TOUR = len(MIX) + len(PLANTED)
ASK = Ask(endpoint="GET /products/{id}", method="GET", target="/products/3")


def test_the_script_is_always_the_same() -> None:
    """
    Two runs send the same requests in the same order.
    """
    assert list(islice(script(), 500)) == list(islice(script(), 500))


def test_the_script_begins_with_every_endpoint_and_every_planted_difference() -> None:
    """
    However short the run, each of them was met.
    """
    tour = list(islice(script(), TOUR))

    assert {ask.endpoint for ask in tour} == set(MIX)
    for planted in PLANTED:
        assert any(ask.endpoint == planted.endpoint and planted.hits(ask.target) for ask in tour)


def test_the_mix_is_out_of_a_hundred_and_kept() -> None:
    """
    A long run has each endpoint about as often as the mix says, and mostly reads.
    """
    asks = list(islice(script(), 20_000))

    assert sum(MIX.values()) == 100
    for endpoint, percent in MIX.items():
        assert sum(ask.endpoint == endpoint for ask in asks) / 200 == pytest.approx(percent, abs=1)


def reply(status: int = 200, shop: str = "old", body: bytes | None = None) -> Reply:
    expected = answer("old", "GET", ASK.target).body
    return Reply(status=status, headers={"x-shop": shop}, body=expected if body is None else body)


def test_the_answer_that_old_gives_is_no_error() -> None:
    """
    The very bytes that old gives are what a client must get.
    """
    assert complaint(ASK, reply()) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (reply(status=502, shop=""), "not answered by old (status 502)"),
        (reply(shop="new"), "not answered by old (status 200)"),
        (reply(status=503), "status 503"),
        (reply(body=b"{}"), "another body than old's"),
    ],
)
def test_everything_else_is_an_error_that_a_client_saw(wrong: Reply, said: str) -> None:
    """
    An answer of Parallax's own, a shadow's, another status and another body are all told apart.
    """
    assert complaint(ASK, wrong) == said


async def test_clients_of_old_see_no_errors() -> None:
    """
    Sent by the clock, all answered, all as expected.
    """
    async with shop_process("old") as shop:
        client = Client(shop.address)
        load = Load(client, rate=500)
        await load.run(0.5)
        client.close()

    assert load.tally.sent == load.tally.answered == 250
    assert not load.tally.errors


async def test_a_refused_client_is_an_error_and_the_load_goes_on() -> None:
    """
    With nobody listening every request is counted as failed, and none raises.
    """
    async with shop_process("old") as shop:
        address = shop.address
    load = Load(Client(address), rate=500)
    await load.run(0.1)

    assert load.tally.errors.total() == load.tally.sent == 50
    assert load.tally.answered == 0
