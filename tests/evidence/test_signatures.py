"""
Signatures in control's memory: counted once, whatever becomes of the store, and bounded.
"""

from typing import Any

import pytest

from proxy.errors import LinkError
from proxy.evidence.signatures import HELD, MOST, MOST_EARLY, MOST_KEYS, Signatures

A, B = "a" * 16, "b" * 16


def judged(
    number: str = A, count: int = 1, at: float = 10.0, verdict: str = "divergent", **more: Any
) -> dict[str, Any]:
    """
    What a comparer tells of one signature.
    """
    sighting = {
        "id": number,
        "endpoint": "GET /a",
        "severity": "value",
        "parts": [["$.a", 4]],
        "verdict": verdict,
        "first": at,
        "last": at,
        "count": count,
    }
    return {"signatures": [{**sighting, **more}]}


def sample(number: int, of: str = A, at: float = 10.0, size: int = 10) -> dict[str, Any]:
    """
    A sample, as far as it is looked at here.
    """
    return {"id": str(number), "signature": of, "at": at, "pad": "x" * size}


def row(number: str = A, count: int = 100) -> dict[str, Any]:
    """
    What the store knows.
    """
    return {
        "id": number,
        "endpoint": "GET /a",
        "parts": [["$.a", 4]],
        "first": 1.0,
        "last": 2.0,
        "count": count,
        "verdict": "divergent",
        "rechecked": 10,
        "transient": 4,
    }


def listed(signatures: Signatures, pairs: int = 0, **wanted: Any) -> list[dict[str, Any]]:
    """
    As the API lists them.
    """
    return signatures.listed({"GET /a": pairs}, lambda _: None, **wanted)


def test_what_is_seen_is_counted_and_the_first_time_is_told() -> None:
    """
    Later ones are not news.
    """
    signatures = Signatures()

    assert [known.signature.id for known in signatures.take(judged(count=2))] == [A]
    assert signatures.take(judged(count=3, at=20.0)) == []
    (found,) = listed(signatures, 10)
    assert (found["count"], found["share"], found["first"], found["last"]) == (5, 0.5, 10.0, 20.0)
    assert found["parts"] == [{"path": "$.a", "kind": "value"}]


def test_noise_is_no_evidence() -> None:
    """
    It is told of elsewhere.
    """
    signatures = Signatures()
    signatures.take(judged(verdict="noise"))

    assert signatures.known == {}


def test_a_share_is_of_the_pairs_since_counting_began() -> None:
    """
    And never more than all: the books come later.
    """
    signatures = Signatures()
    signatures.start({"GET /a": 90})
    signatures.restore([row()], [])
    signatures.take(judged(count=5))

    assert listed(signatures, 100)[0]["share"] == 0.5
    assert listed(signatures, 91)[0]["share"] == 1.0
    assert listed(signatures, 90)[0]["share"] is None
    assert listed(signatures, 100)[0]["count"] == 105


def test_the_worst_come_first_and_can_be_chosen() -> None:
    """
    By severity, then by count.
    """
    signatures = Signatures()
    signatures.take(judged(A, 50))
    signatures.take(judged(B, 1, parts=[["status:200:500", 0]]))
    signatures.take(judged("c" * 16, 99, endpoint="GET /b"))

    assert [found["id"][0] for found in listed(signatures)] == ["b", "c", "a"]
    assert [found["id"][0] for found in listed(signatures, severity="status")] == ["b"]
    assert [found["id"][0] for found in listed(signatures, endpoint="GET /b")] == ["c"]


def test_nothing_is_stored_twice_and_nothing_is_forgotten() -> None:
    """
    Also when a batch fails, and when the store is opened again in the middle.
    """
    signatures = Signatures()
    signatures.take(judged(count=5))
    first = signatures.due()
    signatures.failed(first)
    signatures.take(judged(count=2))
    second = signatures.due()

    assert second.signatures[0]["count"] == 7
    assert signatures.due().signatures == []
    signatures.restore([row(count=107)], [])
    assert listed(signatures)[0]["count"] == 107


def test_what_was_asked_again_is_counted_whoever_tells_first() -> None:
    """
    A worker may tell of it before a comparer tells of the signature; it is stored like counts, and once.
    """
    signatures = Signatures()
    signatures.take_rechecked({A: [1, 2]})
    assert signatures.due().signatures == []
    signatures.take(judged(count=5))
    signatures.take_rechecked({A: [1, 0], B: [0, 1]})
    batch = signatures.due()

    assert (batch.signatures[0]["rechecked"], batch.signatures[0]["transient"]) == (4, 2)
    signatures.failed(batch)
    signatures.restore([row()], [])
    found = listed(signatures)[0]
    assert (found["rechecked"], found["transient"]) == (14, 6)
    signatures.due()
    signatures.take_rechecked({A: [0, 1]})
    (last,) = signatures.due().signatures
    assert (last["count"], last["rechecked"], last["transient"]) == (0, 1, 1)
    for number in range(2 * MOST_EARLY):
        signatures.take_rechecked({f"{number:016x}": [1, 0]})
    assert len(signatures._early) == MOST_EARLY
    with pytest.raises(LinkError):
        signatures.take_rechecked({A: 7})


def test_keys_are_counted_by_who_was_served() -> None:
    """
    One row a key and signature.
    """
    signatures = Signatures()
    signatures.take(judged(keys={"#a": [1, 0], "#b": [0, 1]}))
    signatures.take(judged(keys={"#a": [0, 2]}, at=11.0))

    assert signatures.due().keys == [
        {"signature": A, "key": "#a", "by_old": 1, "by_new": 2, "last": 11.0},
        {"signature": A, "key": "#b", "by_old": 0, "by_new": 1, "last": 10.0},
    ]


def test_memory_is_bounded_while_nothing_can_be_stored() -> None:
    """
    What is beyond is counted.
    """
    signatures = Signatures()
    for number in range(MOST + 50):
        signatures.take(judged(f"{number:016x}"))
    signatures.take({"samples": [sample(number, f"{MOST:016x}") for number in range(HELD + 30)]})
    signatures.take(judged(keys={f"#{number}": [1, 0] for number in range(MOST_KEYS + 10)}))

    assert len(signatures.known) == MOST
    assert len(signatures.due()) <= MOST + HELD + MOST_KEYS
    assert signatures.dropped == 51 + 30 + 10


def test_samples_can_be_shown_before_they_are_stored() -> None:
    """
    The newest first; with the signature the ids of a few.
    """
    signatures = Signatures()
    signatures.take({**judged(), "samples": [sample(number, at=float(number)) for number in range(9)]})

    assert [one["id"] for one in signatures.samples_of(A)] == [str(number) for number in range(8, -1, -1)]
    assert listed(signatures)[0]["samples"] == ["8", "7", "6", "5", "4"]
    assert len(signatures.due().samples) == 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"signatures": [{}]},
        {"signatures": 5},
        judged("x"),
        judged(parts=[]),
        judged(parts=[["$", 99]]),
        {"signatures": [{**judged()["signatures"][0], "count": "x"}]},
        judged(keys={"#a": 5}),
        {"samples": [{"id": 1}]},
        {"samples": [sample(1, "zz")]},
        {"samples": [sample(1, size=300_000)]},
    ],
)
def test_what_makes_no_sense_changes_nothing(wrong: dict[str, Any]) -> None:
    """
    A comparer gone wrong must not end control.
    """
    signatures = Signatures()
    with pytest.raises(LinkError):
        signatures.take(wrong)

    assert signatures.known == {}
    assert len(signatures.due()) == 0
