"""
Who has written is believed by every worker, and by a Parallax that is started anew after its supervisor was killed.
"""

from pathlib import Path

import pytest

from tests.parts.client import Client, get, post
from tests.parts.load import Crowd
from tests.parts.siege import Siege, siege

pytestmark = pytest.mark.timeout(120)

NOBODY = Crowd(keepers=0, one_shots=0)
CONFIGURATION = {"weights": {"new": 50}, "sticky": {"key": ["request"], "after_write": 3600}}
READS = 20


async def ask(it: Siege, raw: bytes) -> tuple[str, bytes]:
    """
    Who answers a request on a connection of its own, and the cookie that came with it.
    """
    client = await Client.connect(it.parallax.address)
    got = await client.ask(raw)
    client.close()
    return (got.value(b"x-served-by") or b"").decode(), (got.value(b"set-cookie") or b"").partition(b";")[0]


async def readers(it: Siege, cookie: bytes) -> set[str]:
    """
    Who answers so many reads, each by whichever worker gets it, where chance would decide.
    """
    return {(await ask(it, get(b"/work/0", b"Cookie: " + cookie)))[0] for _ in range(READS)}


async def test_a_pin_outlives_the_processes_that_made_it(tmp_path: Path) -> None:
    """
    One on each side, in two workers and their successors; the key that signed them is nobody else's to read.
    """
    async with siege(CONFIGURATION, tmp_path, crowd=NOBODY) as it:
        pins: dict[str, bytes] = {}
        while len(pins) < 2:
            side, cookie = await ask(it, post(b"an order", target=b"/orders/0"))
            pins[side] = cookie
        before = {side: await readers(it, cookie) for side, cookie in pins.items()}
        await it.kill_supervisor()
        after = {side: await readers(it, cookie) for side, cookie in pins.items()}
        key = tmp_path / "var" / "signing-key"
        mode, text = key.stat().st_mode & 0o777, key.read_text().strip()
        log = "".join(map(str, (it.parallax.log, *(one.log for one in it.fallen))))
        shown = [
            str((await it.operator.ask("GET", path)).value)
            for path in ("/admin/weights", "/admin/audit", "/admin/plan")
        ]

    assert before == after == {"old": {"old"}, "new": {"new"}}
    assert mode == 0o600
    assert text not in log + "".join(shown)
