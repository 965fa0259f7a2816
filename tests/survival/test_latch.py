"""
Kill stays kill: from the moment that it is in force until somebody restores, new gets nothing, whatever dies meanwhile.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGUSR1

import pytest

from proxy.clock import monotonic
from tests.parts.parallax import until
from tests.parts.sides import Arrival
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

pytestmark = pytest.mark.timeout(120)

# What is promised is 1 s; a machine that stalls for longer than this is no machine to test on.
PATIENCE = 5.0


async def by_api(it: Siege) -> None:
    """
    As an operator does.
    """
    assert (await it.operator.ask("POST", "/admin/kill", {"reason": "look"})).status == 200


async def by_file_while_control_hangs(it: Siege) -> None:
    """
    With nobody to answer on the admin port.
    """
    os.kill(it.parallax.control(), SIGSTOP)
    (it.folder / "var/kill").touch()


async def by_signal_while_control_is_dead(it: Siege) -> None:
    """
    Right after it was killed, and long before its successor is there.
    """
    os.kill(it.parallax.control(), SIGKILL)
    it.parallax.signal(SIGUSR1)


async def nothing_left_on_new(it: Siege, since: float, patience: float) -> float:
    """
    Return once new has got nothing for 100 requests, and how long after `since` it got the last; an AssertionError when
    that was too late.
    """
    latest: list[Arrival] = []

    async def clean() -> bool:
        nonlocal latest
        await it.arrived()
        await it.load.answered(100)
        latest = await it.arrived()
        return not any(arrival.side == "new" for arrival in latest)

    await until(clean, "nothing on new any more", 20)
    took = max((one.at - since for one in it.arrivals if one.side == "new" and one.at >= since), default=0.0)
    assert took < patience, f"new got something {took:.2f} s after the kill"
    return took


async def on_new(it: Siege) -> None:
    """
    Return once new answers clients.
    """

    async def answers() -> bool:
        return any(arrival.side == "new" and not arrival.copy for arrival in await it.arrived())

    await until(answers, "new answers again", 10)


@pytest.mark.parametrize("patience", [PATIENCE, pytest.param(1.0, marks=pytest.mark.prove)])
async def test_each_way_to_kill_works_in_every_worker(tmp_path: Path, patience: float) -> None:
    """
    By the API, by the file with control hung, by signal with control dead: soon no worker sends anything to new,
    neither requests nor copies; no client notices; `restore` brings back what was; and the audit tells of each.
    """
    async with siege({"workers": 3, "weights": {"new": 50}}, tmp_path) as it:
        await it.open()
        for number, way in enumerate((by_api, by_file_while_control_hangs, by_signal_while_control_is_dead), 1):
            await on_new(it)
            since, control = monotonic(), it.parallax.control()
            await way(it)
            took = await nothing_left_on_new(it, since, patience)
            log.info("%s: the last on new %.3f s after the kill", way.__name__, took)
            with suppress(ProcessLookupError):
                os.kill(control, SIGCONT)
            await restored(it)
            await audited(it, ["kill", "restore"] * number)
        await on_new(it)
        stand = await it.quiet()

    assert stand.lost == []
    assert it.load.refused == []


async def audited(it: Siege, actions: list[str]) -> None:
    """
    Return once the audit has these latch changes, and no others. Those without control are put there by its successor.
    """

    async def there() -> bool:
        lines = await it.operator.audit()
        return [line["action"] for line in lines if line["action"] in ("kill", "restore")] == actions

    await until(there, f"{actions} in the audit")


async def restored(it: Siege) -> None:
    """
    Restore by the API, which refuses as long as the file is there.
    """
    file = it.folder / "var/kill"

    async def done() -> bool:
        reply = await it.operator.ask("POST", "/admin/restore", {"reason": "seen enough"})
        assert reply.status in (200, 409, 503), reply
        assert not (reply.status == 200 and file.exists()), "restored with the kill file there"
        if reply.status == 409:
            assert str(file) in reply.value["error"]
            file.unlink(missing_ok=True)
        return reply.status == 200

    await until(done, "restored", 20)


async def test_kill_outlives_everything_until_restore(tmp_path: Path) -> None:
    """
    Latched under load: changes of weights are stored and not applied; control, a worker and the supervisor are killed,
    and new gets nothing; after `restore` it gets what was stored.
    """
    async with siege({"weights": {"new": 50}}, tmp_path) as it:
        await it.open()
        since = monotonic()
        await by_api(it)
        await nothing_left_on_new(it, since, PATIENCE)

        # From here on not one request, not one copy.
        since = monotonic()
        change = await it.operator.change("for later", new=100)
        await it.kill_control()
        await it.kill_worker(0)
        await it.kill_supervisor()
        await it.load.answered(100)
        stand = await it.quiet()
        now = await it.operator.weights()
        late = [arrival for arrival in it.arrivals if arrival.side == "new" and arrival.at > since]
        it.load.go_on()

        assert late == []
        assert change.status == 200
        assert (now["killed"], now["new"]) == (True, 100)
        assert stand.books.skipped.keys() <= {"off", "worker_lost", "client_gone"}

        await restored(it)
        await on_new(it)
        await it.quiet()
        again = await it.operator.weights()

    assert (again["killed"], again["new"]) == (False, 100)
