"""
Ten thousand made-up exchanges, straight to an origin and through Parallax: the same, but for the documented set.

Added to requests: Via, X-Forwarded-For, -Proto and -Host, X-Request-Id, traceparent. Added to answers: Date, when there
is none. Both ways the framing may be said anew. Everything else is equal in order, case and spacing.
"""

import asyncio
from pathlib import Path

import pytest

from tests.parts.client import Answer, Client
from tests.parts.generated import Case, Maker
from tests.parts.origin import LOOPBACK, Received
from tests.parts.scene import scene
from tests.parts.strict import Framing, Message

pytestmark = pytest.mark.timeout(600)

LANES = 8
ADDED = {b"via", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-request-id", b"traceparent"}
FRAMING = {b"transfer-encoding", b"connection"}


def lines(message: Message, without: set[bytes]) -> list[bytes]:
    """
    The field lines as they came, except those called as in `without`.
    """
    raw = message.head.raw[:-4].split(b"\r\n")[1:]
    return [line for line in raw if line.partition(b":")[0].lower() not in without]


def told(received: Received) -> tuple[object, ...]:
    """
    All of a request that must be equal.
    """
    return (
        received.head.start,
        lines(received, ADDED | FRAMING),
        received.framing,
        bytes(received.body),
        received.trailers,
    )


def heard(answers: list[Answer], *, dated: bool) -> list[tuple[object, ...]]:
    """
    All of the answers to one request that must be equal; `dated` when the origin gave a Date.
    """
    without = FRAMING if dated else FRAMING | {b"date"}
    return [
        (
            answer.head.start,
            lines(answer, without),
            bytes(answer.body),
            answer.trailers,
            answer.framing is Framing.NONE,
        )
        for answer in answers
    ]


async def ask(client: Client, case: Case) -> list[Answer]:
    """
    The interim answers and the final one.
    """
    client.send(case.request)
    answers = [await client.answer(case.method)]
    while answers[-1].status < 200:
        answers.append(await client.answer(case.method))
    return answers


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.prove)])
async def test_made_up_exchanges_pass_unchanged(tmp_path: Path, count: int) -> None:
    """
    What the origin gets and what the client gets is the same with Parallax between them as without it, and every copy
    is answered identically.
    """
    seed = 20260101 + count
    maker = Maker(seed)
    cases = [maker.case(number) for number in range(count)]
    seen: dict[int, list[tuple[object, ...]]] = {case.number: [] for case in cases}

    def script(received: Received) -> None:
        case = cases[int(received.value(b"x-case") or b"")]
        if received.value(b"x-parallax-shadow") is None:
            seen[case.number].append(told(received))
        received.answer(case.reply)
        if case.ends:
            received.connection.finish()

    async with scene({"mirror": {"concurrency": 1000}}, tmp_path) as stage:
        stage.old.script = stage.new.script = script
        straight = (LOOPBACK, stage.old.port)

        async def lane(number: int) -> None:
            direct, through = await Client.connect(straight), await stage.client()
            for case in cases[number::LANES]:
                one, other = await ask(direct, case), await ask(through, case)
                dated = bool(one[-1].values(b"date"))
                if case.ends:
                    direct.close()
                    direct = await Client.connect(straight)

                assert heard(other, dated=dated) == heard(one, dated=dated), f"seed {seed}, case {case}"
                assert seen[case.number][0] == seen[case.number][-1], f"seed {seed}, case {case}"
                assert other[-1].values(b"date"), f"seed {seed}, case {case}"
            direct.close()

        await asyncio.gather(*(lane(number) for number in range(LANES)))
        books = await stage.parallax.settled(count)

    copied = sum(case.method in (b"GET", b"HEAD", b"OPTIONS") for case in cases)
    assert books.eligible == count
    assert books.verdicts == {"identical": copied}
    assert books.skipped == {"method": count - copied}
    assert books.errors == {}
