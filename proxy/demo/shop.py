"""
What the demo's two shops answer: a catalogue, carts, orders and search, made up from the number asked for.

Pure: `answer` is a function of side and request; what is drawn anew for every answer is null in it (`drawn.py`). Writes
are acknowledged and not kept, so that a write which reaches old alone doesn't make the two shops drift apart. Where
new's code differs from old's, it says "new:", and `planted.py` says how often that shows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from proxy.demo.planted import (
    AMBIGUOUS,
    CUT_AT,
    SLOWER_BY,
    has_half_cent,
    has_no_note,
    is_empty,
    is_long,
    number_in,
    word_in,
)

PRODUCTS = 240
STYLES = ("oak", "steel", "linen", "amber", "slate", "copper", "walnut", "ivory", "cobalt", "olive", "birch", "rose")
THINGS = (
    "desk", "lamp", "chair", "shelf", "mirror", "basket", "kettle", "clock", "rug", "vase",
    "stool", "bench", "tray", "bowl", "frame", "hook", "mug", "quilt", "crate", "stand",
)  # fmt: skip
CATEGORIES = ("office", "kitchen", "bedroom", "hallway", "garden", "bath", "studio", "nursery")
CITIES = ("Aarhus", "Bergen", "Ghent", "Leipzig", "Lyon", "Porto", "Turin", "Utrecht")
WORDS = STYLES + THINGS
ABOUT = (
    "Made in small batches and finished by hand, so that no two are quite alike. Ships flat, goes together in "
    "minutes without tools, and can be taken apart again when you move. Repairs are free for five years. "
)
JSON = "application/json; charset=utf-8"
RECEIVED = "/-/received"  # where a shop says how much it was asked; not part of the shop
RELEASE = "/-/release"  # where new's shop is told which release to run: "good" or "bad"

Side = str  # "old" or "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    One answer as the server is to give it. `cut_at` bytes of the body are sent and the connection is closed (None:
    all), `delay` in seconds before the head.
    """

    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes
    delay: float = 0.0
    chunked: bool = False
    cut_at: int | None = None


@lru_cache(maxsize=4096)
def answer(side: Side, method: str, target: str, body: bytes = b"", *, is_bad: bool = False) -> Answer:
    """
    What the shop on `side` answers to this request; `is_bad`: the bad release of it.
    """
    first = urlsplit(target).path.split("/")[1:2]
    room = f"{method} /{first[0] if first else ''}"
    if is_bad and room == BROKEN:
        return _error(500, "no warehouse")
    handler = HANDLERS.get(room)
    return handler(side, target, body) if handler is not None else _error(404, "no such page")


def _json(value: Any) -> Answer:
    return Answer(body=orjson.dumps(value))


def _error(status: int, message: str) -> Answer:
    return replace(_json({"error": message}), status=status)


def _price(product: int, side: Side) -> float:
    """
    The price after discount, computed in tenths of a cent and rounded to cents.
    """
    tenths = 4990 + product * 7919 % 199_990 // 10 * 10 + (5 if has_half_cent(product) else 2)
    # new: half a cent goes down.
    return (tenths + (5 if side == "old" else 4)) // 10 / 100


def _product(number: int, side: Side) -> dict[str, Any]:
    style, thing = STYLES[number % len(STYLES)], THINGS[number // len(STYLES) % len(THINGS)]
    return {
        "id": number,
        "name": f"{style} {thing}".title(),
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": _price(number, side),
        "currency": "EUR",
        "rating": 30 + number * 13 % 21,
        "size_mm": [120 + number * 37 % 900, 80 + number * 53 % 700, 20 + number * 71 % 500],
        "about": ABOUT * (1 + number % 4),
    }


def _products(side: Side, target: str, _body: bytes) -> Answer:
    if number := number_in(target):
        return _json(_product(number, side)) if number <= PRODUCTS else _error(404, "no such product")
    page = int(parse_qs(urlsplit(target).query).get("page", ["1"])[0])
    numbers = range(page * 12 - 11, min(page * 12, PRODUCTS) + 1)
    # The list shows names and ratings only: prices are on the product's own page.
    items = [{key: _product(number, side)[key] for key in ("id", "name", "rating")} for number in numbers]
    return _json({"page": page, "pages": PRODUCTS // 12, "items": items, "banner": None})


def _categories(_side: Side, _target: str, _body: bytes) -> Answer:
    counts = [{"name": name, "products": PRODUCTS // len(CATEGORIES)} for name in CATEGORIES]
    return replace(_json({"categories": counts, "trace": None}), headers=(("Cache-Control", "max-age=60"),))


def _search(side: Side, target: str, _body: bytes) -> Answer:
    word = word_in(target)
    found = [n for n in range(1, PRODUCTS + 1) if word and word in _product(n, side)["name"].lower().split()][:10]
    step = 2 if word in AMBIGUOUS else 1
    scores = {number: 100 - place // step for place, number in enumerate(found)}
    # new: what has the same score comes highest number first.
    order = sorted(found, key=lambda number: (-scores[number], number if side == "old" else -number))
    return _json({"q": word, "results": [{"id": number, "score": scores[number]} for number in order]})


def _stock(side: Side, target: str, _body: bytes) -> Answer:
    number = number_in(target)
    found = _json({"product": number, "in_stock": number * 17 % 40, "warehouse": CITIES[number % len(CITIES)]})
    # new: sends the same bytes in chunks.
    return replace(found, chunked=side == "new")


def _recommendations(side: Side, target: str, _body: bytes) -> Answer:
    number = number_in(target)
    found = _json({"for": number, "products": [1 + (number * step) % PRODUCTS for step in (3, 7, 11, 19)]})
    # new: takes its time.
    return replace(found, delay=SLOWER_BY if side == "new" else 0.0)


def _stores(side: Side, _target: str, _body: bytes) -> Answer:
    found = _json([{"city": city, "opens": "09:00", "closes": "18:30", "visitors": None} for city in CITIES])
    # new: leaves the content-type to its framework.
    return found if side == "old" else replace(found, content_type="text/html; charset=utf-8")


def _lines(number: int, count: int) -> list[dict[str, Any]]:
    return [{"product": 1 + (number * 31 + line * 7) % PRODUCTS, "pieces": 1 + line % 3} for line in range(count)]


def _cart(side: Side, target: str, _body: bytes) -> Answer:
    number = number_in(target)
    items = [] if is_empty(number) else _lines(number, 1 + number % 5)
    if side == "new" and not items:
        # new: the mean price of no items is a division by zero.
        return _error(500, "internal error")
    return _json({"cart": number, "items": items, "pieces": sum(item["pieces"] for item in items)})


def _put_cart(_side: Side, target: str, body: bytes) -> Answer:
    return _json({"cart": number_in(target), "saved": len(body)})


def _orders(side: Side, target: str, _body: bytes) -> Answer:
    number = number_in(target)
    note = None if has_no_note(number) else "ring twice"
    order = {"order": number, "lines": _lines(number, 2 + number % 4), "status": "shipped", "note": note}
    # new: leaves out what is null.
    return _json(order if side == "old" else {key: value for key, value in order.items() if value is not None})


def _post_order(_side: Side, _target: str, body: bytes) -> Answer:
    number = 50_000 + sum(body) % 10_000
    return replace(_json({"order": number}), status=201, headers=(("Location", f"/orders/{number}"),))


def _invoices(side: Side, target: str, _body: bytes) -> Answer:
    number = number_in(target)
    found = _json({"invoice": number, "lines": _lines(number, 300 if is_long(number) else 12)})
    # new: a buffer of 4 KiB, and nobody who empties it.
    return replace(found, cut_at=CUT_AT if side == "new" and len(found.body) > CUT_AT else None)


def _health(_side: Side, _target: str, _body: bytes) -> Answer:
    return Answer(content_type="text/plain; charset=utf-8", body=b"ok\n")


BROKEN = "GET /stock"
HANDLERS: dict[str, Callable[[Side, str, bytes], Answer]] = {
    "GET /products": _products,
    "GET /categories": _categories,
    "GET /search": _search,
    "GET /stock": _stock,
    "GET /recommendations": _recommendations,
    "GET /stores": _stores,
    "GET /cart": _cart,
    "PUT /cart": _put_cart,
    "GET /orders": _orders,
    "POST /orders": _post_order,
    "GET /invoices": _invoices,
    "GET /health": _health,
}
