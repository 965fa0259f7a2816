"""
A side may have several addresses, written down or behind a name; what is known of one outlives the next look-up.
"""

import asyncio
import socket
from typing import Any

import pytest

from proxy.net.places import Places
from proxy.net.upstream import UpstreamConnection
from tests.net.test_pool import a_pool
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import a_table


def the_places(url: str = "http://side.example", *addresses: str) -> Places:
    """
    The places of a side, before any look-up.
    """
    return Places(a_table(old={"url": url, "addresses": list(addresses)}).sides[0], 30.0)


def told(places: Places) -> list[tuple[str, int, str]]:
    """
    Where they are.
    """
    return [(place.host, place.port, place.path) for place in places.all]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """
    What names stand for, behind the running loop.
    """
    known: dict[str, list[str]] = {}

    async def getaddrinfo(host: str, port: int, **kind: Any) -> list[tuple[Any, ...]]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    return known


@pytest.mark.parametrize(
    ("url", "addresses", "expected"),
    [
        ("http://127.0.0.1:81", [], [("127.0.0.1", 81, "")]),
        ("https://[::1]", [], [("::1", 443, "")]),
        ("http://unix:/run/new.sock", [], [("", 0, "/run/new.sock")]),
        (
            "https://side.example",
            ["192.0.2.1:81", "[::1]:82", "unix:/run/new.sock"],
            [("", 0, "/run/new.sock"), ("192.0.2.1", 81, ""), ("::1", 82, "")],
        ),
    ],
)
def test_what_is_no_name_is_there_at_once(url: str, addresses: list[str], expected: list[Any]) -> None:
    """
    `addresses` take the place of the URL's host.
    """
    places = the_places(url, *addresses)

    assert sorted(told(places)) == sorted(expected)
    assert (places.only is not None) == (len(expected) == 1)


async def test_a_name_with_several_addresses_is_several_places(names: dict[str, list[str]]) -> None:
    """
    As is a list of names.
    """
    names.update({"a.example": ["192.0.2.1", "192.0.2.2"], "b.example": ["192.0.2.2", "192.0.2.3"]})
    places = the_places("http://side.example", "a.example:81", "b.example:81", "192.0.2.9:9")
    await places.known()
    places.tick(0.0)
    while len(places.all) < 4:
        await asyncio.sleep(0)
        places.tick(0.0)

    assert {host for host, _, _ in told(places)} == {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"}
    assert places.only is None


async def test_a_name_without_an_address_is_no_place(names: dict[str, list[str]]) -> None:
    """
    And the reason can be told.
    """
    places = the_places()

    assert await places.known() == []
    assert places.least() is None
    assert "Name or service not known" in places.detail
    names["side.example"] = ["192.0.2.1"]
    assert [place.host for place in await places.known()] == ["192.0.2.1"]
    assert places.least() is places.only


async def test_a_place_that_is_still_there_stays_itself(names: dict[str, list[str]]) -> None:
    """
    With its connections and all that is known of it; those of one that is gone are closed, the lent ones later.
    """
    names["side.example"] = ["192.0.2.1", "192.0.2.2"]
    pool = a_pool("http://side.example")
    before = list(await pool.places.known())
    names["side.example"] = ["192.0.2.2", "192.0.2.3"]
    with sockets() as one, sockets() as two, sockets() as three:
        stays, goes, lent = (UpstreamConnection(pool, before[index]) for index in (1, 0, 0))
        transports = [
            FakeTransport(connection, *ends)
            for connection, ends in zip((stays, goes, lent), (one, two, three), strict=True)
        ]
        pool.give_back(stays)
        pool.give_back(goes)
        while before[1] not in pool.places.all or len(pool.places.all) > 2 or before[0] in pool.places.all:
            pool.tick(1000.0)
            await asyncio.sleep(0)
        pool.give_back(lent)

        assert pool.places.all[0] is before[1]
        assert [transport.closed for transport in transports] == [False, True, True]
        assert before[0].idle == []


async def test_the_least_outstanding_is_next() -> None:
    """
    What is passed over is next only if everything is.
    """
    places = the_places("http://side.example", "192.0.2.1:1", "192.0.2.2:1")
    one, two = places.all
    one.open = 1
    assert places.least() is two
    two.failed(0.0)
    assert places.least() is one
    one.failed(0.5)

    assert places.least() is two
