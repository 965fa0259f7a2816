"""
Two Parallaxes that each take the other for a side: what goes in circles is refused before long, whatever Host says.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import Configuration
from tests.parts.strict import PATIENCE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> AsyncIterator[tuple[Alone, Alone]]:
    """
    Two workers of two Parallaxes.
    """
    async with alone() as one, alone() as other:
        yield one, other


def url(worker: Alone) -> str:
    """
    Where it listens.
    """
    return "http://{}:{}".format(*worker.address)


async def facing(pair: tuple[Alone, Alone], folder: Path, *sides: Configuration) -> None:
    """
    Each goes by a configuration of its own.
    """
    for number, (worker, configuration) in enumerate(zip(pair, sides, strict=True)):
        own = folder / str(number)
        own.mkdir()
        await worker.goes_by(configuration, own)


@pytest.mark.parametrize("names", [("parallax", "parallax"), ("one", "other")])
async def test_requests_in_circles_are_refused(
    pair: tuple[Alone, Alone], tmp_path: Path, names: tuple[str, ...]
) -> None:
    """
    With 508, after three times through one of them; under names of their own or the same.
    """
    one, other = pair
    async with Origin(always(OK)) as new:
        nowhere = {"url": new.url}
        await facing(
            pair,
            tmp_path,
            {
                "old": {"url": url(other), "host": "b.test"},
                "new": nowhere,
                "pseudonym": names[0],
                "mirror": {"percent": 0},
            },
            {
                "old": {"url": url(one), "host": "a.test"},
                "new": nowhere,
                "pseudonym": names[1],
                "mirror": {"percent": 0},
            },
        )
        client = await one.client()
        got = await client.ask(get(b"/round"))
        client.close()

    assert got.status == 508


async def test_copies_in_circles_end(pair: tuple[Alone, Alone], tmp_path: Path) -> None:
    """
    Each copies to the other what the other copied to it, until it knows the request again; its client has its answer.
    """
    one, other = pair
    async with Origin(always(OK)) as old:
        await facing(
            pair,
            tmp_path,
            {"old": {"url": old.url}, "new": {"url": url(other), "host": "b.test"}, "pseudonym": "one"},
            {"old": {"url": old.url}, "new": {"url": url(one), "host": "a.test"}, "pseudonym": "other"},
        )
        client = await one.client()
        got = await client.ask(get(b"/round"))
        client.close()
        async with asyncio.timeout(PATIENCE):
            asked = [(await old.request()).target for _ in range(6)]
            # The seventh is refused, so that the next request is another one.
            client = await other.client()
            await client.ask(get(b"/end", b"X-Parallax-Shadow: 1", b"Accept: text/event-stream"))
            client.close()
            last = (await old.request()).target

    assert got.status == 200
    assert asked == [b"/round"] * 6
    assert last == b"/end"
