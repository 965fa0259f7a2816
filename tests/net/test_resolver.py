"""
What a name stands for is looked up beside the requests, and an old answer is better than none.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from proxy.net.resolver import Resolver

Answer = list[str] | Exception


class Names:
    """
    The name service, scripted: an answer for each look-up, held until it is released.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()

    async def getaddrinfo(self, host: str, port: int, **kind: Any) -> list[tuple[Any, ...]]:
        """
        As the loop's own.
        """
        self.asked += 1
        await self.free.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """
    Puts a scripted name service behind the running loop.
    """

    def put(*answers: Answer) -> Names:
        service = Names(*answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", service.getaddrinfo, raising=False)
        return service

    return put


async def idle(resolver: Resolver) -> None:
    """
    Wait for the look-up that is under way.
    """
    if resolver._running is not None:
        await asyncio.wait([resolver._running])


async def test_everybody_waits_for_the_same_look_up(names: Callable[..., Names]) -> None:
    """
    A hundred requests at start are one question.
    """
    service = names(["192.0.2.1", "192.0.2.2", "192.0.2.1"])
    service.free.clear()
    resolver = Resolver("side.example", 80, 30.0)
    waiting = asyncio.gather(*(resolver.first() for _ in range(100)))
    await asyncio.sleep(0)
    service.free.set()

    assert await waiting == [["192.0.2.1", "192.0.2.2"]] * 100
    assert service.asked == 1


async def test_one_who_gives_up_takes_nothing_from_the_others(names: Callable[..., Names]) -> None:
    """
    The look-up is shielded.
    """
    service = names(["192.0.2.1"])
    service.free.clear()
    resolver = Resolver("side.example", 80, 30.0)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(resolver.first(), 0.001)
    service.free.set()

    assert await resolver.first() == ["192.0.2.1"]
    assert service.asked == 1


async def test_an_old_answer_is_renewed_and_kept_when_that_fails(names: Callable[..., Names]) -> None:
    """
    A name service that is down for an hour costs nothing.
    """
    service = names(["192.0.2.1"], OSError("down"), [], ["192.0.2.9"])
    resolver = Resolver("side.example", 80, 30.0)
    seen = []
    for now in (100.0, 110.0, 130.0, 160.0, 190.0):
        resolver.tick(now)
        await idle(resolver)
        seen.append(list(resolver.addresses))

    assert seen == [["192.0.2.1"]] * 4 + [["192.0.2.9"]]
    assert service.asked == 4
    assert resolver.failures == 1


async def test_a_failed_first_look_up_is_no_address(names: Callable[..., Names]) -> None:
    """
    And the next who asks tries again.
    """
    names(OSError("down"), ["192.0.2.1"])
    resolver = Resolver("side.example", 80, 30.0)

    assert await resolver.first() == []
    assert await resolver.first() == ["192.0.2.1"]


async def test_a_name_that_cannot_be_asked_for_is_a_failure_too(names: Callable[..., Names]) -> None:
    """
    IDNA refuses some names before any packet is sent.
    """
    names(UnicodeError("label too long"))
    resolver = Resolver("side.example", 80, 30.0)

    assert await resolver.first() == []
    assert resolver.failures == 1
