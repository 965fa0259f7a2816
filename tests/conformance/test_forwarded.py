"""
Whose word about a client counts, from outside: what sides are told, and who a client is for its sticky key.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import LOOPBACK, OK, Origin, Received, always, answer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

HERE = LOOPBACK.encode()
CLAIMS = (
    b"X-Forwarded-For: 198.51.100.1",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: claimed.test",
    b"Forwarded: for=198.51.100.1",
    b"X_Forwarded_For: 198.51.100.1",
    b"X-Real-IP: 198.51.100.1",
)


class Stage:
    """
    A worker between two sides that say who they are.
    """

    def __init__(self, worker: Alone, old: Origin, new: Origin, folder: Path) -> None:
        self.worker = worker
        self.old = old
        self._new = new
        self._folder = folder

    async def goes_by(self, **settings: Any) -> None:
        """
        Have it go by these settings.
        """
        sides = {"old": {"url": self.old.url}, "new": {"url": self._new.url}, "mirror": {"percent": 0}}
        await self.worker.goes_by({**sides, **settings}, self._folder)

    async def passed_on(self, *fields: bytes) -> Received:
        """
        What old gets of a request with these fields.
        """
        await self.old.forget()
        client = await self.worker.client()
        assert (await client.ask(get(b"/", *fields))).status == 200
        client.close()
        return await self.old.request()

    async def side_of(self, address: bytes) -> bytes:
        """
        Which side answers a client of whom a proxy says that this is its address.
        """
        client = await self.worker.client()
        got = await client.ask(get(b"/", b"X-Forwarded-For: " + address))
        client.close()
        return bytes(got.body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """
    One for all tests.
    """
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(Origin(always(OK)))
        new = await stack.enter_async_context(Origin(always(answer(b"new"))))
        worker = await stack.enter_async_context(alone())
        yield Stage(worker, old, new, tmp_path_factory.mktemp("forwarded"))


async def test_by_default_what_anybody_says_stays_and_is_added_to(stage: Stage) -> None:
    """
    As it always was: a Parallax behind a proxy needs no list for its sides to see what they saw.
    """
    await stage.goes_by()
    received = await stage.passed_on(*CLAIMS)

    assert received.values(b"x-forwarded-for") == [b"198.51.100.1, " + HERE]
    assert received.value(b"x-forwarded-proto") == b"https"
    assert received.value(b"x-forwarded-host") == b"claimed.test"
    assert received.value(b"x-real-ip") == b"198.51.100.1"


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8", "::1"]])
async def test_what_a_stranger_says_is_replaced(stage: Stage, trusted: list[str]) -> None:
    """
    Sides get what is true, and nothing that looks like somebody's word.
    """
    await stage.goes_by(trusted_proxies=trusted)
    received = await stage.passed_on(*CLAIMS)

    assert received.values(b"x-forwarded-for") == [HERE]
    assert received.value(b"x-forwarded-proto") == b"http"
    assert received.value(b"x-forwarded-host") == b"shop.test"
    for name in (b"forwarded", b"x_forwarded_for", b"x-real-ip"):
        assert not received.values(name)


async def test_what_a_trusted_proxy_says_stays(stage: Stage) -> None:
    """
    All of it.
    """
    await stage.goes_by(trusted_proxies=["127.0.0.0/8"])
    received = await stage.passed_on(*CLAIMS)

    assert received.values(b"x-forwarded-for") == [b"198.51.100.1, " + HERE]
    assert received.value(b"x-forwarded-proto") == b"https"
    assert received.value(b"forwarded") == b"for=198.51.100.1"


async def test_a_client_is_who_a_trusted_proxy_says_it_is(stage: Stage) -> None:
    """
    By its address it stays on its side, and others are on the other, although all come from one proxy. A stranger's
    word moves nobody.
    """
    sticky = {"sticky": {"key": ["client"]}, "weights": {"new": 50}}
    clients = [b"198.51.100.%d" % number for number in range(20)]
    await stage.goes_by(**sticky, trusted_proxies=["127.0.0.0/8"])
    first, again = [[await stage.side_of(client) for client in clients] for _ in range(2)]
    await stage.goes_by(**sticky, trusted_proxies=[])
    strangers = {await stage.side_of(client) for client in clients}

    assert first == again
    assert set(first) == {b"ok", b"new"}
    assert len(strangers) == 1
