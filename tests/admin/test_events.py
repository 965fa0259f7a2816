"""
Listeners of events: what waits for each, and what becomes of one that reads too slowly.
"""

import asyncio
from typing import Any

import orjson
import pytest

from proxy.admin.events import LARGEST_BACKLOG, SUBSCRIBERS, Events, Full, Subscription

PATIENCE = 10.0
STATE = [("weights", {"epoch": 4}), ("workers", {"workers": []})]


def parse(raw: bytes) -> list[tuple[int, str, Any]]:
    """
    Server-sent events as (id, event, data).
    """
    events = []
    for block in raw.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((int(fields["id"]), fields["event"], orjson.loads(fields["data"])))
    return events


def some_events() -> Events:
    return Events(lambda: STATE, start=1000)


async def taken(subscription: Subscription) -> list[tuple[int, str, Any]]:
    raw = await subscription.take(PATIENCE)
    assert raw is not None
    return parse(raw)


async def test_a_listener_gets_the_state_at_once_and_then_what_happens() -> None:
    """
    In order, with ids that only grow, each event once.
    """
    events = some_events()
    events.publish("audit", {"id": 1})
    subscription = events.subscribe("a")
    first = await taken(subscription)
    events.publish("audit", {"id": 2, "reason": "two\nlines\r\n\u2028"})
    events.publish("reload", {"ok": True})
    second = await taken(subscription)

    assert [event[1:] for event in first] == STATE
    assert [event[1:] for event in second] == [
        ("audit", {"id": 2, "reason": "two\nlines\r\n\u2028"}),
        ("reload", {"ok": True}),
    ]
    numbers = [event[0] for event in first + second]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 1000


async def test_who_waits_is_woken_and_who_waits_in_vain_gets_nothing() -> None:
    """
    Nothing means: still there, time for a sign of life.
    """
    events = some_events()
    subscription = events.subscribe("a")
    await subscription.take(PATIENCE)

    assert await subscription.take(0.001) == b""
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        waiting = group.create_task(subscription.take(PATIENCE))
        await asyncio.sleep(0)
        events.publish("audit", {})
    assert [event[1] for event in parse(waiting.result() or b"")] == ["audit"]


async def test_a_slow_listener_is_told_and_cut_and_costs_the_others_nothing() -> None:
    """
    What waited for it is dropped; it learns that, then its stream ends.
    """
    events = some_events()
    slow, quick = events.subscribe("a"), events.subscribe("b")
    await quick.take(PATIENCE)
    padding = "x" * (LARGEST_BACKLOG // 10)
    seen = 0
    for _ in range(30):
        events.publish("divergence", {"padding": padding})
        seen += len(await taken(quick))
    (last,) = await taken(slow)

    assert seen == 30
    assert last[1] == "lagged"
    assert "connect again" in last[2]["said"]
    assert await slow.take(PATIENCE) is None
    assert await quick.take(0.001) == b""


async def test_places_are_bounded_and_come_back() -> None:
    """
    The next one is refused until somebody leaves.
    """
    events = some_events()
    subscriptions = [events.subscribe(str(number)) for number in range(SUBSCRIBERS)]
    with pytest.raises(Full):
        events.subscribe("late")
    events.leave(subscriptions[3])
    events.subscribe("late")

    assert events.is_heard


async def test_a_token_that_is_gone_ends_its_streams() -> None:
    """
    Taking somebody's token away also ends what was opened with it.
    """
    events = some_events()
    stays, goes = events.subscribe("stays"), events.subscribe("goes")
    events.keep_only(["stays", "new"])
    await goes.take(PATIENCE)
    await stays.take(PATIENCE)

    assert await goes.take(PATIENCE) is None
    assert await stays.take(0.001) == b""


async def test_closing_ends_everybody_after_what_waits() -> None:
    """
    Also who is just waiting, and who comes afterwards.
    """
    events = some_events()
    early = events.subscribe("a")
    events.close()
    late = events.subscribe("a")
    events.publish("audit", {})

    for subscription in (early, late):
        assert [event[1:] for event in await taken(subscription)] == STATE
        assert await subscription.take(PATIENCE) is None


async def test_nobody_listening_costs_nothing() -> None:
    """
    What no listener hears is not even written down.
    """
    events = some_events()
    events.publish("audit", object())

    assert not events.is_heard
