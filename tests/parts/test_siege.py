"""
The parts of a siege against each other: who holds a connection, what arrived, what was lost, what shrank.
"""

import asyncio
import os
import socket

import pytest

from tests.parts.account import fates, lost, served
from tests.parts.client import Client, get
from tests.parts.kernel import connections
from tests.parts.load import Asked, Crowd, Load, Outcome
from tests.parts.murmur import murmur3
from tests.parts.operator import Tried
from tests.parts.ruled import Rule, rules, torn, untold
from tests.parts.sides import LOOPBACK, Arrival, sides
from tests.parts.watch import Watch, counters


def asked(**fields: object) -> Asked:
    """
    A request that was answered by old, unless `fields` say otherwise.
    """
    usual = {"number": 1, "user": "u", "method": "GET", "port": 1, "began": 0.0}
    return Asked(**{**usual, "outcome": Outcome.RIGHT, "side": "old", **fields})  # type: ignore[arg-type]


def arrival(side: str, *, copy: bool = False, number: int = 1) -> Arrival:
    """
    A GET that came to a side.
    """
    return Arrival(1.0, side, copy, "GET", number, "")


def test_the_kernel_tells_who_holds_a_connection() -> None:
    """
    Both ends of a connection, and neither once it is closed.
    """
    with socket.create_server((LOOPBACK, 0)) as server, socket.create_connection(server.getsockname()) as client:
        here, there = client.getsockname(), server.getsockname()
        with server.accept()[0]:
            held = connections(os.getpid())
        after = connections(os.getpid())

    assert {(here, there), (there, here)} <= held
    assert (there, here) not in after


async def test_a_crowd_is_answered_and_recorded() -> None:
    """
    Without Parallax in between every request arrives once, where it was sent, and is answered.
    """
    async with sides(spread=0.01) as pair:
        async with Load((LOOPBACK, pair.ports["old first"]), Crowd(keepers=3, one_shots=2, pause=0.001)) as load:
            await load.answered(50)
            await load.quiet()
            held = len(load.asked)
            load.go_on()
            await load.answered(20)
        found = fates(load.asked, await pair.taken())

    assert held >= 50
    assert not [words for fate in found for words in fate.objections()]
    assert served(found) == {"old": len(load.asked), "new": 0}
    assert {one.method for one in load.asked} == {"GET", "POST"}


async def test_a_request_that_gets_no_answer_is_lost() -> None:
    """
    A connection that ends inside an exchange loses it, under the port that it had.
    """

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with await asyncio.start_server(hang_up, LOOPBACK, 0) as server:
        address = server.sockets[0].getsockname()
        async with Load(address, Crowd(keepers=1, one_shots=1, pause=0.001)) as load:
            await load.answered(4)

    assert lost(load.asked) == load.asked
    assert len({one.port for one in load.asked}) == len(load.asked)


async def test_a_client_knows_that_its_connection_is_closed() -> None:
    """
    `stands` says no once the peer has closed.
    """
    async with sides(spread=0.0) as pair:
        client = await Client.connect((LOOPBACK, pair.ports["old first"]))
        before = client.stands()
        client.send(get(b"/no-number"))
        await client.over()

        assert before
        assert not client.stands()
        client.close()


@pytest.mark.parametrize(
    ("one", "arrivals"),
    [
        (asked(), [arrival("new")]),
        (asked(), [arrival("old"), arrival("old")]),
        (asked(), []),
        (asked(), [arrival("old"), arrival("old", copy=True)]),
        (asked(), [arrival("old"), arrival("new", copy=True), arrival("new", copy=True)]),
        (asked(method="POST"), [arrival("old"), arrival("new", copy=True)]),
        (asked(outcome=Outcome.OWN), []),
        (asked(outcome=Outcome.WRONG), [arrival("old")]),
        (asked(outcome=Outcome.STUCK), [arrival("old")]),
        (asked(outcome=Outcome.LOST), [arrival("old"), arrival("new")]),
    ],
)
def test_what_must_not_happen_is_objected_to(one: Asked, arrivals: list[Arrival]) -> None:
    """
    Answers from elsewhere, doubles, copies that should not be, errors.
    """
    (fate,) = fates([one], arrivals)

    assert fate.objections()


@pytest.mark.parametrize(
    ("one", "arrivals"),
    [
        (asked(), [arrival("old"), arrival("new", copy=True)]),
        (asked(side="new"), [arrival("new"), arrival("old", copy=True)]),
        (asked(), [arrival("old")]),
        (asked(outcome=Outcome.LOST), []),
        (asked(outcome=Outcome.LOST), [arrival("new", copy=True)]),
    ],
)
def test_what_may_happen_is_not(one: Asked, arrivals: list[Arrival]) -> None:
    """
    An answer with or without a copy, and what a killed worker leaves.
    """
    (fate,) = fates([one], arrivals)

    assert not fate.objections()


def test_an_arrival_that_nobody_sent_is_noticed() -> None:
    """
    A request out of nowhere is worse than a lost one.
    """
    with pytest.raises(AssertionError, match="nobody sent"):
        fates([], [arrival("old")])


EXPOSITION = """\
# HELP parallax_eligible_total Requests.
# TYPE parallax_eligible_total counter
parallax_eligible_total{endpoint="GET /a b",live="old"} 3.0
# TYPE parallax_epoch gauge
parallax_epoch{worker="h/0"} 4.0
# TYPE parallax_request_seconds histogram
parallax_request_seconds_bucket{le="0.1"} 2.0
parallax_request_seconds_sum 0.25
"""


def test_counters_are_told_from_gauges() -> None:
    """
    Counters and what histograms are made of grow; gauges needn't.
    """
    assert counters(EXPOSITION) == {
        'parallax_eligible_total{endpoint="GET /a b",live="old"}': 3.0,
        'parallax_request_seconds_bucket{le="0.1"}': 2.0,
        "parallax_request_seconds_sum": 0.25,
    }


def test_counters_that_shrink_or_vanish_are_noticed() -> None:
    """
    Both, by name; what grows or is new is fine.
    """
    watch = Watch((LOOPBACK, 1))
    for found in ({"a": 1.0}, {"a": 2.0, "b": 1.0}, {"a": 1.0}):
        watch.compare(found)

    assert [line.partition(": ")[2] for line in watch.backwards] == ["a was 2.0, is 1.0", "b was 1.0, is gone"]


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("", 0),
        ("hello", 0x248BFA47),
        ("hello, world", 0x149BBB7F),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_murmur_is_the_known_one(text: str, hashed: int) -> None:
    """
    Published values.
    """
    assert murmur3(text.encode()) == hashed


def test_a_request_that_saw_two_intents_is_noticed() -> None:
    """
    From new 0 with copies to new 100 without: the side of one and the copies of the other are of neither.
    """
    first = Rule(epoch=0, new=0, mirror=100)
    line = {"action": "weights", "epoch": 1, "reason": "all", "after": {"new": 100, "mirror": 0}}
    found = rules(first, [line], [Tried(reason="all", began=5.0, ended=6.0, status=200)])
    whole = [
        (asked(began=4.9, ended=5.5), [arrival("old"), arrival("new", copy=True)]),
        (asked(began=4.9, ended=5.5, side="new"), [arrival("new")]),
    ]
    halves = [
        (asked(began=4.9, ended=5.5), [arrival("old")]),
        (asked(began=4.9, ended=5.5, side="new"), [arrival("new"), arrival("old", copy=True)]),
        # Too late, and too early.
        (asked(began=6.1, ended=6.2), [arrival("old"), arrival("new", copy=True)]),
        (asked(began=4.1, ended=4.2, side="new"), [arrival("new")]),
    ]

    assert [torn(fates([one], arrivals), found) for one, arrivals in whole] == [[], []]
    assert all(torn(fates([one], arrivals), found) for one, arrivals in halves)


def test_an_unanswered_change_may_have_been_in_force() -> None:
    """
    From when it was asked for until something later was acknowledged, even if no line tells of it.
    """
    first = Rule(epoch=3, new=50, mirror=100)
    tried = [
        Tried(reason="cut", began=5.0, ended=6.0, status=0, values={"mirror": 0}),
        Tried(reason="told", began=7.0, ended=8.0, status=200, values={"new": 0}),
    ]
    line = {"action": "weights", "epoch": 5, "reason": "told", "after": {"new": 0, "mirror": 0}}
    (more,) = untold([line], tried, rules(first, [line], tried))

    assert (more.new, more.mirror, more.earliest, more.latest) == (50, 0, 5.0, 8.0)
