"""
Which pairs samples are made of, and in which order.
"""

from collections import Counter
from collections.abc import Iterable

import orjson

from proxy.compare.answer import Answer
from proxy.compare.judge import Book, judge
from proxy.compare.signature import Signature
from proxy.evidence.sample import Spotted
from proxy.evidence.sampling import EVERY, WAITING, Sampling

# Statuses and bodies of old and new, by how bad it is that they differ so.
PAIRS = {
    "status": ((200, b"{}"), (500, b"{}")),
    "shape": ((200, b'{"a": 1}'), (200, b"{}")),
    "value": ((200, b'{"a": 1}'), (200, b'{"a": 2}')),
    "order": ((200, b"[1, 2]"), (200, b"[2, 1]")),
}


def a_pair(endpoint: str, severity: str = "value") -> Spotted:
    """
    A divergent pair of an endpoint.
    """
    old, new = (Answer(status, (), "application/json", "", body) for status, body in PAIRS[severity])
    judgement = judge(old, new, Book(endpoint=endpoint))
    assert judgement.signature is not None
    assert judgement.signature.severity == severity
    context, head = orjson.dumps({"method": "GET"}), orjson.dumps({"status": 200})
    return Spotted(
        endpoint=endpoint,
        route="",
        judgement=judgement,
        version=1,
        at=0.0,
        context=context,
        heads=(head, head),
        answers=(old, new),
    )


def of(pair: Spotted) -> Signature:
    """
    Its signature.
    """
    assert pair.judgement.signature is not None
    return pair.judgement.signature


def rest(sampling: Sampling, now: float = 0.0) -> list[str]:
    """
    The endpoints of all that waits, in the order of its samples.
    """
    found = []
    while (pair := sampling.next(now)) is not None:
        found.append(pair.endpoint)
    return found


def noted(pairs: Iterable[Spotted], now: float = 0.0) -> Sampling:
    """
    After these pairs.
    """
    sampling = Sampling()
    for pair in pairs:
        sampling.note(pair, now)
    return sampling


def test_of_one_signature_ever_fewer_are_taken() -> None:
    """
    One a second at first, then after pauses that double; others don't wait for it.
    """
    sampling, taken, one = Sampling(), [], a_pair("GET /a")
    for now in range(200):
        if sampling.wants(of(one), now):
            sampling.note(one, now)
            taken.append(now)
            assert sampling.next(now) == one.lean()

    assert taken[:6] == [0, 1, 3, 7, 15, 31]
    assert len(taken) < 10
    assert sampling.wants(of(a_pair("GET /b")), 5)


def test_only_so_many_pairs_wait() -> None:
    """
    Each holds two bodies; and of one signature one is enough.
    """
    pairs = [a_pair(f"GET /{number}") for number in range(WAITING)]
    sampling = noted([*pairs, pairs[0], a_pair("GET /new")])

    assert not sampling.wants(of(pairs[0]), 100.0)
    assert not sampling.wants(of(a_pair("GET /new")), 100.0)
    assert rest(sampling) == [pair.endpoint for pair in pairs]


def test_the_worst_comes_first_and_what_is_less_bad_makes_room() -> None:
    """
    A new status is told of before order is, whichever was met first.
    """
    order = [a_pair(f"GET /{number}", "order") for number in range(WAITING)]
    sampling = noted([*order, a_pair("GET /shape", "shape"), a_pair("GET /value"), a_pair("GET /status", "status")])

    assert rest(sampling) == [
        "GET /status",
        "GET /shape",
        "GET /value",
        *(one.endpoint for one in order[: WAITING - 3]),
    ]


def test_a_first_sample_comes_before_any_second_one() -> None:
    """
    Also where that of which there is one already is worse.
    """
    bad, first = a_pair("GET /bad", "status"), a_pair("GET /first", "order")
    sampling = noted([bad])
    assert rest(sampling, 0.0) == ["GET /bad"]
    for pair in (bad, first):
        sampling.note(pair, 5.0)

    assert rest(sampling, 5.0) == ["GET /first", "GET /bad"]


def test_what_made_room_has_had_no_sample() -> None:
    """
    It is wanted again at once.
    """
    order = [a_pair(f"GET /{number}", "order") for number in range(WAITING)]
    sampling = noted([*order, a_pair("GET /bad", "status")])
    assert sampling.next(0.0) is not None

    assert sampling.wants(of(order[-1]), 0.0)


def test_after_some_rounds_every_signature_has_a_sample() -> None:
    """
    Of 84 that each come four times, in the same order, at thirteen a second; the worst, which come late, in the first.
    """
    pairs = [a_pair(f"GET /{number}", "status" if 70 <= number < 73 else "value") for number in range(84)]
    sampling, made, due, now = Sampling(), Counter[str](), EVERY, 0.0
    after: list[set[str]] = []
    for turn in range(4):
        now = max(now, 120.0 * (turn // 2))
        for pair in pairs:
            now += 1 / 13
            while due <= now:
                due += EVERY
                if (chosen := sampling.next(due)) is not None:
                    made[chosen.endpoint] += 1
            if sampling.wants(of(pair), now):
                sampling.note(pair, now)
        after.append(set(made))

    assert {"GET /70", "GET /71", "GET /72"} <= after[0]
    assert len(after[-1]) == len(pairs)
    assert sum(made.values()) <= now / EVERY
