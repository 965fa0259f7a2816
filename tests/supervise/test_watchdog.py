"""
Children that hang or keep dying, as an operator sees it: real processes and signals.
"""

import asyncio
import os
import signal

import pytest

from proxy.log import Log
from proxy.supervise import deaths
from proxy.supervise.child import Child, Role
from proxy.supervise.hub import Hub
from proxy.supervise.memory import Nowhere
from proxy.supervise.patience import Patience
from proxy.supervise.signals import StopRequests
from proxy.supervise.watchdog import Watchdog
from tests.parts.logged import Logged
from tests.parts.supervised import Supervised, crash, ended, kinds_heard, status_heard, supervised


async def test_a_control_that_hangs_is_killed_and_replaced() -> None:
    """
    Stopped as by SIGSTOP it answers nobody; its successor knows all that it knew, and traffic never notices.
    """
    async with supervised(pulse_timeout=1.0, silence_timeout=1.0) as run:
        await run.ready()
        pid = (await run.see("heard", role="control", kind="JOINED"))["pid"]
        # It pulses after each turn, so between these two it has.
        for _ in range(2):
            await run.ask("admin", "/")
        mark = run.mark
        os.kill(pid, signal.SIGSTOP)
        death = await run.see("child_ended", after=mark, child="control")

        assert death["why"] == "silent for 1 s"
        assert ended(pid)
        again = await run.see("heard", after=mark, role="control", kind="JOINED")
        assert again["pid"] != pid
        assert (await run.ask("admin", "/"))[1] == str(again["pid"])
        assert (await run.ask("listen", "/"))[0] == 200
        assert run.all("child_ended", child="worker 0") == []


async def test_a_control_that_shows_no_sign_of_life_is_killed_and_replaced() -> None:
    """
    It has longer for its start than later.
    """
    async with supervised(control="still", first_pulse_timeout=1.0, silence_timeout=1.0) as run:
        await run.ready()

        assert (await run.see("child_ended", child="control"))["why"] == "without a sign of life within 1 s"


async def test_a_worker_that_does_not_obey_a_kill_is_replaced_by_one_that_begins_with_it() -> None:
    """
    It says this and that, but not that.
    """
    async with supervised(worker="defiant", silence_timeout=1.0) as run:
        await run.ready()
        run.signal(signal.SIGUSR1)
        death = await run.see("child_ended", child="worker 0")
        successor = await run.see("worker_ready", after=run.events.index(death))

        assert death["why"] == "has not obeyed the kill latch for 1 s"
        assert await kinds_heard(run, successor["pid"], "TABLE") == ["LATCH", "TABLE"]


async def keep_crashing(run: Supervised, times: int) -> None:
    """
    One worker, again and again.
    """
    for _ in range(times):
        await crash(run)


async def test_workers_that_keep_dying_are_no_longer_ready_and_serve_on() -> None:
    """
    Probes and control hear of it; what lives answers, and each dead one is replaced.
    """
    async with supervised(workers=2) as run:
        await run.ready()
        await keep_crashing(run, 4)
        assert await run.ask("health", "/readyz") == (200, "ready")
        await keep_crashing(run, 1)

        status, body = await run.ask("health", "/readyz")
        assert status == 503
        assert body.startswith("workers keep dying: 5 deaths in 60 s, the last of worker ")
        assert "(exit code 3)" in body
        assert (await run.see("workers_keep_dying"))["why"].startswith("workers keep dying")
        assert {(await run.ask("listen", "/"))[0] for _ in range(10)} == {200}
        assert (await run.ask("health", "/healthz"))[0] == 200
        await status_heard(run, ready=False, draining=False)


async def test_they_are_ready_again_when_they_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The window passes by itself, without anything happening in it.
    """
    monkeypatch.setattr(deaths, "SECONDS", 0.2)
    logged, worker = Logged(), Child(Role.WORKER, 0, 1, on_frame=lambda *_: None, on_end=lambda _: None)
    hub = a_hub(logged.log)
    watchdog = Watchdog(
        hub,
        Patience(ready=10.0, silence=0.1, first_pulse=10.0, pulse=10.0),
        StopRequests(lambda: None),
        logged.log,
    )
    hub.joined(worker)
    worker.works()
    for _ in range(5):
        watchdog.died(worker, "exit code 3")
    assert watchdog.not_ready() is not None
    watchdog.watch([])
    async with asyncio.timeout(10):
        while hub.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert watchdog.not_ready() is None
    assert logged.events == ["workers_keep_dying", "workers_live"]


def a_hub(log: Log) -> Hub:
    """
    One without anybody.
    """
    return Hub(table=b"table", host="host", log=log, changed=lambda: None, memory=Nowhere())
