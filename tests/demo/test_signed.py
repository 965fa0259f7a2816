"""
Which signatures are as planted, which are noise that was not known yet, and which accuse falsely.
"""

from dataclasses import replace

import pytest

from proxy.demo.planted import BY_ENDPOINT, Parts
from proxy.demo.reading import Reading, Signature
from proxy.demo.signed import Learned, explains, has_noise, is_early, is_planted

STORES, CATEGORIES, ORDERS = (BY_ENDPOINT[f"GET /{name}"] for name in ("stores", "categories", "orders/{id}"))
LEARNED = Learned(at=100.0, after=5.0)
NOTE: Parts = frozenset({("$.note", "missing")})
STATUS: Parts = frozenset({("$.status", "value")})


def signature(endpoint: str, parts: Parts, count: int = 1, last: float = 50.0) -> Signature:
    return Signature(id="0" * 16, endpoint=endpoint, parts=parts, count=count, last=last)


def test_what_was_planted_is_known_by_all_of_its_parts() -> None:
    """
    Neither a part that is missing nor one too many will do.
    """
    for parts in (STORES.parts, STORES.parts | STORES.noise, STORES.noise, frozenset(list(STORES.parts)[:1])):
        assert is_planted(signature("GET /stores", parts)) == (parts == STORES.parts)
    assert not is_planted(signature("GET /nothing", NOTE))


def test_noise_counts_as_such_alone_and_beside_what_is_planted() -> None:
    """
    And not beside anything else.
    """
    assert has_noise(signature("GET /stores", STORES.noise))
    assert has_noise(signature("GET /stores", STORES.noise | STORES.parts))
    assert not has_noise(signature("GET /stores", STORES.parts))
    assert not has_noise(signature("GET /stores", STORES.noise | NOTE))
    assert not has_noise(signature("GET /orders/{id}", STORES.noise))


@pytest.mark.parametrize(("last", "learned", "early"), [(99.9, LEARNED, True), (100, LEARNED, False), (1, None, False)])
def test_noise_is_early_until_it_is_known(last: float, learned: Learned | None, early: bool) -> None:
    """
    What is blamed afterwards is blamed falsely; and so is all of it if it never was known.
    """
    assert is_early(signature("GET /categories", CATEGORIES.noise, last=last), learned) == early


def test_divergent_pairs_are_explained_by_planted_and_early_signatures_together() -> None:
    """
    Each pair has one of them; but for those that were skipped after their signature was told.
    """
    planted, early = signature("GET /stores", STORES.parts, 7), signature("GET /stores", STORES.noise, 3)
    reading = Reading(endpoint="GET /stores", verdicts={"divergent": 10})
    elsewhere = signature("GET /orders/{id}", STATUS, 99)

    assert explains(STORES, reading, (planted, early, elsewhere), LEARNED, 0)
    assert not explains(STORES, reading, (planted,), LEARNED, 0)
    assert not explains(STORES, reading, (planted, replace(early, count=4)), LEARNED, 0)
    assert explains(STORES, reading, (planted, replace(early, count=4)), LEARNED, 1)
    assert not explains(STORES, reading, (replace(early, count=10),), LEARNED, 0)


def test_another_difference_at_the_same_endpoint_is_not_what_was_planted() -> None:
    """
    The count alone would be right.
    """
    reading = Reading(endpoint="GET /orders/{id}", verdicts={"divergent": 2})
    wrong = (signature("GET /orders/{id}", NOTE), signature("GET /orders/{id}", STATUS))

    assert not explains(ORDERS, reading, wrong, LEARNED, 0)


def test_where_nothing_is_planted_no_signature_is_right() -> None:
    """
    None at all is.
    """
    reading = Reading(endpoint="GET /health")

    assert explains(None, reading, (), LEARNED, 0)
    assert not explains(None, reading, (signature("GET /health", STATUS, 0),), LEARNED, 0)
