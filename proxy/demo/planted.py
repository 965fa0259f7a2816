"""
What is wrong with the new shop, on purpose, and where both shops differ from themselves: the one table that shop, load
and summary share.

What is wrong with new is decided by the request alone (a number in the path, a word in the query), so that a run can be
checked exactly. Noise is drawn anew for every answer, by both shops alike (`drawn.py`). Whatever is not in `PLANTED` is
byte-identical on both sides. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

SLOWER_BY = 0.03  # seconds that new takes longer for recommendations
CUT_AT = 4096  # bytes of an invoice that new manages to send
AMBIGUOUS = frozenset({"oak", "steel", "amber", "desk", "mirror", "shelf", "basket", "kettle"})

# Places and kinds of difference, as the admin API writes them: ("$.price", "value").
Parts = frozenset[tuple[str, str]]


class Effect(StrEnum):
    """
    What a planted difference must lead to.
    """

    DIVERGENT = "divergent"  # the verdict `divergent`
    FAILED = "failed"  # the verdict `failed`, on new's account
    SLOWER = "slower"  # `identical`, but new takes longer
    HARMLESS = "harmless"  # `identical`: differs on the wire in nothing that is compared
    NOISE = "noise"  # the verdict `noise`, as soon as it is known that old differs from itself like that


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """
    One line of the table. `hits` tells from a request target whether new's answer to it is affected.

    `parts` is what the difference's signature has to be made of; `noise` is what old shows against itself here.
    """

    endpoint: str
    effect: Effect
    what: str
    how_often: str
    hits: Callable[[str], bool]
    parts: Parts = frozenset()
    noise: Parts = frozenset()


def number_in(target: str) -> int:
    """
    The number that ends the path of `target`; 0 when there is none.
    """
    last = urlsplit(target).path.rpartition("/")[2]
    return int(last) if last.isdecimal() else 0


def word_in(target: str) -> str:
    """
    The word that `target` searches for; empty when there is none.
    """
    return parse_qs(urlsplit(target).query).get("q", [""])[0]


def has_half_cent(product: int) -> bool:
    """
    The discounted price of this product ends in exactly half a cent.
    """
    return product % 8 == 3


def has_no_note(order: int) -> bool:
    """
    The customer left no note with this order.
    """
    return order % 5 == 2


def is_empty(cart: int) -> bool:
    """
    Nothing is in this cart.
    """
    return cart % 10 == 4


def is_long(invoice: int) -> bool:
    """
    This invoice has so many lines that its JSON is longer than `CUT_AT`.
    """
    return invoice % 8 == 5


def _always(_target: str) -> bool:
    return True


PLANTED = (
    Planted(
        endpoint="GET /products/{id}",
        effect=Effect.DIVERGENT,
        what="half a cent rounded down, not up",
        how_often="1 product in 8",
        hits=lambda target: has_half_cent(number_in(target)),
        parts=frozenset({("$.price", "value")}),
    ),
    Planted(
        endpoint="GET /search",
        effect=Effect.DIVERGENT,
        what="equal scores in another order",
        how_often="1 word in 4",
        hits=lambda target: word_in(target) in AMBIGUOUS,
        parts=frozenset({("$.results", "order")}),
    ),
    Planted(
        endpoint="GET /orders/{id}",
        effect=Effect.DIVERGENT,
        what="empty note left out, not null",
        how_often="1 order in 5",
        hits=lambda target: has_no_note(number_in(target)),
        parts=frozenset({("$.note", "missing")}),
    ),
    Planted(
        endpoint="GET /cart/{id}",
        effect=Effect.DIVERGENT,
        what="empty cart answers 500",
        how_often="1 cart in 10",
        hits=lambda target: is_empty(number_in(target)),
        parts=frozenset({("status:200:500", "status")}),
    ),
    Planted(
        endpoint="GET /stores",
        effect=Effect.DIVERGENT,
        what="JSON that says it is HTML",
        how_often="always",
        hits=_always,
        parts=frozenset({("header:content-type", "header"), ("$", "media_type")}),
        noise=frozenset({("$[*].visitors", "value")}),
    ),
    Planted(
        endpoint="GET /invoices/{id}",
        effect=Effect.FAILED,
        what="long answer cut off at 4 KiB",
        how_often="1 invoice in 8",
        hits=lambda target: is_long(number_in(target)),
    ),
    Planted(
        endpoint="GET /recommendations/{id}",
        effect=Effect.SLOWER,
        what="30 ms slower, same answer",
        how_often="always",
        hits=_always,
    ),
    Planted(
        endpoint="GET /stock/{id}",
        effect=Effect.HARMLESS,
        what="chunked instead of content-length",
        how_often="always",
        hits=_always,
    ),
    Planted(
        endpoint="GET /categories",
        effect=Effect.NOISE,
        what="noise: a trace id of its own",
        how_often="always",
        hits=_always,
        noise=frozenset({("$.trace", "value")}),
    ),
    Planted(
        endpoint="GET /products",
        effect=Effect.NOISE,
        what="noise: one of two banners",
        how_often="1 pair in 2",
        hits=_always,
        noise=frozenset({("$.banner", "value")}),
    ),
)
# What comes into new in the middle of the demo, until it is taken out again: the plan's guard is to notice.
REGRESSION = Planted(
    endpoint="GET /stock/{id}",
    effect=Effect.DIVERGENT,
    what="release without a warehouse",
    how_often="while it is in",
    hits=_always,
    parts=frozenset({("status:200:500", "status")}),
)
BY_ENDPOINT = {planted.endpoint: planted for planted in PLANTED}
NOISE = {planted.endpoint: planted.noise for planted in PLANTED if planted.noise}


def effect_on(endpoint: str, target: str) -> Effect | None:
    """
    What new does differently with this request; None: nothing.
    """
    planted = BY_ENDPOINT.get(endpoint)
    return planted.effect if planted is not None and planted.hits(target) else None
