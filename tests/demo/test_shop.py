"""
What the shops answer.
"""

from itertools import islice

import orjson
import pytest

from proxy.demo.load import script
from proxy.demo.shop import PRODUCTS, answer


@pytest.mark.parametrize("side", ["old", "new"])
def test_the_same_request_always_gets_the_same_answer(side: str) -> None:
    """
    Nothing in an answer comes from a clock, dice, or earlier requests.
    """
    asks = tuple(islice(script(), 200))
    first = [answer(side, ask.method, ask.target, ask.body) for ask in asks]
    answer.cache_clear()

    assert [answer(side, ask.method, ask.target, ask.body) for ask in reversed(asks)] == first[::-1]


def test_old_never_errs() -> None:
    """
    Every request of the load is one that old answers well: an error that a client sees is Parallax's.
    """
    statuses = {answer("old", ask.method, ask.target, ask.body).status for ask in islice(script(), 3000)}

    assert statuses == {200, 201}


def test_prices_are_rounded_half_up_by_old_and_half_down_by_new() -> None:
    """
    The planted cent: new's price is one cent lower.
    """
    old, new = (orjson.loads(answer(side, "GET", "/products/3").body)["price"] for side in ("old", "new"))

    assert round(old - new, 2) == 0.01


def test_the_catalogue_has_every_product_on_one_page() -> None:
    """
    The pages list all products once, in order.
    """
    pages = [orjson.loads(answer("old", "GET", f"/products?page={page}").body) for page in range(1, 21)]

    assert [item["id"] for page in pages for item in page["items"]] == list(range(1, PRODUCTS + 1))


@pytest.mark.parametrize("target", ["/", "/nothing", "/products/241"])
def test_what_is_not_there_is_404_on_both_sides(target: str) -> None:
    """
    A lost visitor gets the same answer from both.
    """
    assert answer("old", "GET", target).status == 404
    assert answer("old", "GET", target) == answer("new", "GET", target)


def test_writes_are_acknowledged_and_change_nothing() -> None:
    """
    A cart reads the same before and after it was written, so writes that reach old alone make no difference.
    """
    before = answer("old", "GET", "/cart/7")
    answer.cache_clear()

    assert answer("old", "PUT", "/cart/7", b'{"product":1}').status == 200
    assert answer("old", "POST", "/orders", b'{"product":1}').status == 201
    assert answer("old", "GET", "/cart/7") == before
