"""
The load: its script, and what it notices.
"""

from itertools import islice
from random import Random

import pytest

from proxy.demo.client import Client, Reply
from proxy.demo.drawn import draw
from proxy.demo.load import Load, complaint, script
from proxy.demo.planted import PLANTED
from proxy.demo.shop import answer
from proxy.demo.stage import shop_process
from proxy.demo.tally import MIX, Ask
from proxy.demo.users import USERS

TOUR = len(MIX) + len(PLANTED)
WRITE = Ask(endpoint="PUT /cart/{id}", method="PUT", target="/cart/3", body=b"{}")
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
    assert len({ask.user for ask in asks}) == USERS
    for endpoint, percent in MIX.items():
        assert sum(ask.endpoint == endpoint for ask in asks) / 200 == pytest.approx(percent, abs=1)


def reply(status: int = 200, shop: str = "old", body: bytes | None = None) -> Reply:
    expected = answer(shop or "old", "GET", ASK.target).body
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


def test_what_is_drawn_anew_is_no_error() -> None:
    """
    A trace id is another one each time; all around it is still compared byte for byte.
    """
    ask = Ask(endpoint="GET /categories", method="GET", target="/categories")
    decided = answer("old", "GET", ask.target).body
    drawn = draw(decided, Random(1))

    assert drawn != decided
    assert complaint(ask, reply(body=drawn)) is None
    assert complaint(ask, reply(body=drawn.replace(b"office", b"orifice"))) == "another body than old's"


def test_once_new_serves_its_own_answers_are_right() -> None:
    """
    Each side's is compared with what that side has to give; and a write is old's for ever.
    """
    assert complaint(ASK, reply(shop="new"), new_serves=True) is None
    assert complaint(ASK, reply(), new_serves=True) is None
    assert complaint(ASK, reply(shop="new", body=reply().body), new_serves=True) == "another body than new's"
    assert complaint(WRITE, reply(shop="new"), new_serves=True) == "not answered by old (status 200)"


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


async def test_who_is_on_new_gets_what_is_planted_there() -> None:
    """
    Answers that new cuts off are told apart from errors, and every read of its users is known by who sent it.
    """
    async with shop_process("new") as shop:
        client = Client(shop.address)
        load = Load(client, rate=500)
        load.new_serves = True
        await load.run(0.5)
        client.close()
    tally = load.tally

    assert tally.cut == tally.affected["GET /invoices/{id}"] > 0
    assert tally.by_new + tally.errors.total() == tally.answered == 250 - tally.cut
    # New alone is asked here, for writes too: each of those is an error, and nothing else is.
    assert tally.errors.total() == tally.writes
    assert tally.users.on_new


async def test_it_goes_on_as_long_as_it_is_wanted() -> None:
    """
    Who has something left to show is waited for.
    """
    async with shop_process("old") as shop:
        client = Client(shop.address)
        load = Load(client, rate=500)
        await load.run(0.1, lambda: load.tally.sent < 100)
        client.close()

    assert load.tally.sent == 100
