"""
Asking again with sides that have gone bad meanwhile: nobody waits for them, not even the end of the worker.
"""

from pathlib import Path

from tests.parts.alone import alone
from tests.parts.client import get
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import Configuration

OTHER = OK.replace(b"200 OK", b"201 Created")
SHADOW = b"x-parallax-shadow"


def between(old: Origin, new: Origin) -> Configuration:
    """
    Divergent pairs are asked again.
    """
    return {
        "old": {"url": old.url},
        "new": {"url": new.url},
        "compare": {"recheck": {"per_second": 10}},
    }


async def test_a_side_that_hangs_when_asked_again_holds_up_neither_clients_nor_the_drain(tmp_path: Path) -> None:
    """
    Old has the same request a second time, marked; new owes its answer for ever.
    """
    async with Origin() as old, Origin() as new, alone() as worker:
        await worker.goes_by(between(old, new), tmp_path)
        client = await worker.client()
        client.send(get(b"/a"))
        (await old.request()).answer(OK)
        (await new.request()).answer(OTHER)
        assert (await client.answer()).status == 200

        again, owed = await old.request(), await new.request()
        again.answer(OK)
        assert again.head.start == owed.head.start == b"GET /a HTTP/1.1"
        assert again.value(SHADOW) == owed.value(SHADOW) == b"1"
        client.send(get(b"/b"))
        (await old.request()).answer(OK)
        assert (await client.answer()).status == 200
        client.close()


async def test_a_side_that_is_gone_when_asked_again_costs_nobody_anything(tmp_path: Path) -> None:
    """
    The client of that time has its answer, and the next one gets his.
    """
    async with Origin(always(OK)) as old, alone() as worker:
        async with Origin(always(OTHER)) as new:
            await worker.goes_by(between(old, new), tmp_path)
            client = await worker.client()
            assert (await client.ask(get(b"/a"))).status == 200
            await new.request()
            await new.request()
        # It is to be asked a third time.
        failing = await worker.report("side_failing", side="new", role="shadow")

        assert failing["cause"] in {"refused", "terminated"}
        assert (await client.ask(get(b"/b"))).status == 200
        client.close()
