"""
The kill latch: who may lift it when, and that each change of it is in the audit once, whoever made it.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy import ledger, publication
from proxy.admin.steering import Held, Invalid, Outcome, Unsaved
from proxy.admin.warnings import warnings
from proxy.errors import StoreError
from proxy.routing.table import decode
from proxy.store.store import Store
from proxy.tasks import spawn
from tests.parts.faulty import Faults, FaultyStore
from tests.parts.payloads import a_new_table, latch
from tests.parts.steered import OPS, PATIENCE, FakeHub, Steered, a_setup, lines


def begin(folder: Path, hub: FakeHub) -> Steered:
    """
    A life of steering; a second one on the same hub and folder is that of a successor.
    """
    return Steered(hub, a_setup(folder))


def told(folder: Path) -> list[dict[str, Any]]:
    """
    What the audit says of the latch.
    """
    store = Store.open(a_setup(folder).store).store
    entries = [entry for entry in reversed(store.entries(100)) if entry.action in {"kill", "restore"}]
    store.close()
    return [
        {"by": entry.actor, "role": entry.role, "action": entry.action, "reason": entry.reason, "latch": entry.latch}
        for entry in entries
    ]


async def test_a_kill_is_obeyed_and_told_with_who_and_why(tmp_path: Path) -> None:
    """
    By the supervisor, so that it is told though we might be gone; with what only we know of who asked.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()
    seen = []
    for call, body in ((steered.steering.kill, {"reason": "wrong prices"}), (steered.steering.restore, {})):
        assert await call(OPS, body) == Outcome()
        seen.append(steered.facts.killed)
    await steered.opened()

    assert seen == [True, False]
    assert hub.tables == []
    assert told(tmp_path) == [
        {"by": "ops", "role": "operator", "action": "kill", "reason": "wrong prices", "latch": 1},
        {"by": "ops", "role": "operator", "action": "restore", "reason": "", "latch": 2},
    ]


@pytest.mark.parametrize("end", [{"saved": True}, {"error": "no room"}])
async def test_a_kill_is_acknowledged_once_it_would_outlive_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: dict[str, Any]
) -> None:
    """
    Or can't, which is said. Workers obey at once in any case.
    """
    monkeypatch.setattr(publication, "WAIT", PATIENCE)
    hub = FakeHub(a_new_table(weight=10.0))
    hub.latch_saved = False
    steered = await begin(tmp_path, hub).opened()
    killing = spawn(steered.steering.kill(OPS, {"reason": "wrong prices"}), name="kill")
    await steered.until(lambda: steered.facts.killed and all(worker.killed for worker in steered.facts.alive))

    for _ in range(10):
        await asyncio.sleep(0)
    assert not killing.done()

    hub.latch = {**hub.latch, **end}
    hub.tell()

    assert await killing == Outcome()
    assert [said for said in warnings(steered.facts, decode(hub.table)) if "next start" in said] == (
        [] if "saved" in end else ["the supervisor can't keep the kill for its next start: no room"]
    )


async def test_a_kill_takes_a_reason_and_nothing_else(tmp_path: Path) -> None:
    """
    What else is sent was meant for another call.
    """
    hub = FakeHub()
    steered = begin(tmp_path, hub)
    for body in ({"new": 0}, {"reason": 1}):
        with pytest.raises(Invalid):
            await steered.steering.kill(OPS, body)

    assert hub.kinds == []


async def test_a_second_kill_is_told_too(tmp_path: Path) -> None:
    """
    Though the latch stays as the first one set it.
    """
    hub = FakeHub()
    steered = await begin(tmp_path, hub).opened()
    for reason in ("first", "second"):
        assert await steered.steering.kill(OPS, {"reason": reason}) == Outcome()
    await steered.opened()

    assert hub.latch["reason"] == "first"
    assert [(line["reason"], line["latch"]) for line in told(tmp_path)] == [("first", 1), ("second", None)]


async def test_a_kill_by_file_or_signal_is_told_once(tmp_path: Path) -> None:
    """
    Also one that came while there was no control, and not again by the next one.
    """
    hub = FakeHub()
    steered = await begin(tmp_path, hub).opened()
    hub.move(killed=True, by="SIGUSR1", reason="signal")
    hub.tell()
    hub.tell()
    await steered.opened()
    hub.move(killed=False, by="ops")
    for _ in range(2):
        await begin(tmp_path, hub).opened()

    assert [(line["by"], line["role"], line["action"], line["latch"]) for line in told(tmp_path)] == [
        ("SIGUSR1", "", "kill", 1),
        ("ops", "", "restore", 2),
    ]


async def test_changes_that_left_no_trace_are_counted(tmp_path: Path) -> None:
    """
    The supervisor knows the last one only.
    """
    hub = FakeHub()
    hub.latch = latch(1, killed=True, by="file")
    await begin(tmp_path, hub).opened()
    hub.latch = latch(5, killed=True, by="file", reason="again")
    await begin(tmp_path, hub).opened()

    assert [line["reason"] for line in told(tmp_path)] == [
        "",
        "again (and 3 changes before it that are not in this audit)",
    ]


async def test_a_supervisor_that_counts_anew_is_believed(tmp_path: Path) -> None:
    """
    It lost what it had kept; each change is told once nonetheless.
    """
    hub = FakeHub()
    for number, is_killed in ((7, True), (7, True), (1, True), (1, True), (2, False), (2, False)):
        hub.latch = latch(number, killed=is_killed, by="SIGUSR1")
        await begin(tmp_path, hub).opened()

    assert [line["latch"] for line in told(tmp_path)] == [7, 1, 2]


async def test_workers_that_do_not_obey_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One that isn't ready serves nobody, and is not waited for.
    """
    monkeypatch.setattr(publication, "WAIT", 0.2)
    hub = FakeHub()
    steered = await begin(tmp_path, hub).opened()
    hub.stuck = {"host/0"}
    assert await steered.steering.kill(OPS, {}) == Outcome(lagging=("host/0",))

    hub.workers[0] |= {"epoch": None, "digest": None}
    assert await steered.steering.restore(OPS, {}) == Outcome()


async def test_the_kill_file_holds_the_latch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whether it is seen before restoring or appears meanwhile; the refusal names it.
    """
    monkeypatch.setattr(publication, "WAIT", 0.2)
    hub = FakeHub()
    steered = await begin(tmp_path, hub).opened()
    await steered.steering.kill(OPS, {})
    hub.kill_file = True
    with pytest.raises(Held, match=f"{tmp_path}/kill is there"):
        await steered.steering.restore(OPS, {})
    assert hub.latch["killed"]
    hub.kinds.clear()
    with pytest.raises(Held):
        await steered.steering.restore(OPS, {})
    assert hub.kinds == []

    hub.kill_file = False
    hub.tell()
    assert await steered.steering.restore(OPS, {}) == Outcome()


async def test_restoring_what_is_not_killed_does_nothing(tmp_path: Path) -> None:
    """
    It is how it should be.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()

    assert await steered.steering.restore(OPS, {}) == Outcome()
    assert Store.open(a_setup(tmp_path).store).store.latch_audited() == 0
    assert len(lines(tmp_path)) == 1


async def test_restoring_moves_traffic_to_new_and_needs_the_store_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With new at 0 there is nothing to move.
    """
    faults = Faults()
    monkeypatch.setattr("proxy.store.store.Store", FaultyStore.on(faults))
    monkeypatch.setattr(ledger, "AGAIN", 0.05)
    hub = FakeHub(a_new_table(weight=10.0))
    steered = begin(tmp_path, hub)
    await steered.steering.kill(OPS, {})
    await steered.opened()
    faults.error = StoreError("full", "there is no room left")
    steered.steering.note(OPS, "refused", "any line")
    await steered.until(lambda: bool(steered.log("store_fails")))
    with pytest.raises(Unsaved, match="would move 10 % to new, and nothing can be saved: there is no room left"):
        await steered.steering.restore(OPS, {})
    assert hub.latch["killed"]

    hub.table = hub.table.replace(b'"weight":10.0', b'"weight":0.0')
    steered.facts.take_table(hub.table)
    assert await steered.steering.restore(OPS, {}) == Outcome()
    faults.end()
    await steered.opened()
    assert [line["action"] for line in told(tmp_path)] == ["kill", "restore"]
