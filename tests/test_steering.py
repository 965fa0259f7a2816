"""
Steering: what is in force, what is saved and what is answered, whatever hangs, fails or is killed in between.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy import ledger, publication
from proxy.admin.changes import Change
from proxy.admin.steering import Invalid, NotYet, Outcome, Stale, Unsaved
from proxy.errors import StoreError
from proxy.gates.events import event
from proxy.routing.intent import Intent, with_intent
from proxy.routing.table import encode
from proxy.store.audit import Entry
from proxy.store.store import Store
from proxy.tasks import spawn
from tests.parts.faulty import Faults, faulty_disk
from tests.parts.payloads import a_new_table
from tests.parts.steered import OPS, FakeHub, Steered, a_setup, lines, stored
from tests.parts.values import a_table

# The table of `FakeHub` has epoch 4, everything on old and copied.
FULL = StoreError("full", "there is no room left")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A slow day is no fault; tests of what hangs want less.
    """
    monkeypatch.setattr(ledger, "PATIENCE", 30.0)
    monkeypatch.setattr(publication, "WAIT", 30.0)


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    For what hangs for good.
    """
    monkeypatch.setattr(ledger, "PATIENCE", 0.2)
    monkeypatch.setattr(publication, "WAIT", 0.2)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """
    Those of the disk that the store is on.
    """
    yield from faulty_disk(monkeypatch)


def an_entry() -> Entry:
    """
    A line that a predecessor wrote.
    """
    return Entry(actor="ops", role="operator", peer="", action="weights", reason="before", epoch=9)


def put(folder: Path, intent: Intent) -> None:
    """
    Have an intent in the store, as a predecessor would have left it.
    """
    store = Store.open(f"sqlite:///{folder}/parallax.db").store
    store.save(intent, an_entry())
    store.close()


def begin(folder: Path, hub: FakeHub | None = None, **changes: Any) -> Steered:
    """
    A life of steering; a second one on the same hub and folder is that of a successor.
    """
    return Steered(hub or FakeHub(), a_setup(folder, **changes))


def change(steered: Steered, **body: Any) -> "asyncio.Task[Outcome]":
    """
    A change that is on its way.
    """
    return spawn(steered.steering.change(OPS, {"reason": "why", **body}), name="change")


# Changes


async def test_a_change_is_saved_published_and_acknowledged(tmp_path: Path) -> None:
    """
    One epoch more, in the store, with the supervisor, in every worker and in the audit.
    """
    steered = await begin(tmp_path).opened()
    outcome = await change(steered, new=25)

    assert outcome == Outcome()
    assert stored(tmp_path) == steered.hub.intent == Intent(epoch=5, new=25.0, mirror=100.0)
    assert lines(tmp_path)[-1] == {
        "actor": "ops",
        "action": "weights",
        "epoch": 5,
        "after": {"new": 25.0, "mirror": 100.0},
    }
    assert steered.log("intent_changed") == [{"epoch": 5, "new": 25.0, "mirror": 100.0, "by": "ops", "reason": "why"}]
    assert [value["epoch"] for kind, value in steered.events if kind == "audit"] == [4, 5]


async def test_only_what_is_asked_for_changes(tmp_path: Path) -> None:
    """
    One after the other; the configuration's digest stays.
    """
    steered = await begin(tmp_path).opened()
    for body in ({"new": 25}, {"mirror": 50}, {"new": 10, "mirror": 60}, {"new": 10}):
        await change(steered, **body)

    assert [(table.epoch, table.weight, table.mirror.percent) for table in steered.hub.tables] == [
        (5, 25.0, 100.0),
        (6, 25.0, 50.0),
        (7, 10.0, 60.0),
        (8, 10.0, 60.0),
    ]
    assert {table.digest for table in steered.hub.tables} == {"d1"}
    assert stored(tmp_path) == steered.hub.intent


async def test_shares_of_routes_and_cohorts_change_by_name(tmp_path: Path) -> None:
    """
    In the table, the store and the audit; what isn't there can't be changed, and nothing of such a change is made.
    """
    steered = await begin(tmp_path).opened()
    routed = a_table(
        routes=[{"name": "search", "match": {"path": "/search"}}],
        cohorts=[{"name": "beta", "match": {"cookie": {"beta": "*"}}, "weight": 5}],
    )
    steered.facts.take_table(encode(with_intent(routed, steered.hub.intent)))
    await change(steered, routes={"search": 40}, cohorts={"beta": 50})
    await change(steered, new=1)
    await change(steered, routes={"search": None})
    with pytest.raises(Invalid) as refused:
        await change(steered, new=2, routes={"serach": 1})

    assert refused.value.key == "routes.serach"
    assert [dict(table.route_weights) for table in steered.hub.tables] == [{"search": 40.0}, {"search": 40.0}, {}]
    assert stored(tmp_path) == steered.hub.intent == Intent(epoch=7, new=1.0, mirror=100.0, cohorts={"beta": 50.0})
    assert lines(tmp_path)[-3]["after"] == {
        "new": 0.0, "mirror": 100.0, "routes": {"search": 40.0}, "cohorts": {"beta": 50.0}
    }  # fmt: skip


async def test_a_change_made_for_another_epoch_is_refused(tmp_path: Path) -> None:
    """
    Up or down; with the present one it is made.
    """
    steered = await begin(tmp_path).opened()
    await change(steered, new=25, epoch=4)
    for new in (50, 0):
        with pytest.raises(Stale) as caught:
            await change(steered, new=new, epoch=4)
        assert caught.value.epoch == 5
    with pytest.raises(Invalid):
        await change(steered, new=101, epoch=5)

    assert steered.hub.intent == Intent(epoch=5, new=25.0, mirror=100.0)


async def test_two_clients_at_once_get_an_epoch_each(tmp_path: Path) -> None:
    """
    Epochs strictly grow, each has its line in the audit, and the last one is in force and saved.
    """
    steered = await begin(tmp_path).opened()
    values = [(client * 31 + number * 17) % 100 for number in range(20) for client in (1, 2)]
    outcomes = await asyncio.gather(*(change(steered, new=new) for new in values), return_exceptions=True)
    epochs = [table.epoch for table in steered.hub.tables]
    made = [entry for entry in lines(tmp_path) if entry["action"] == "weights"]
    refused = [outcome for outcome in outcomes if outcome != Outcome()]

    assert epochs == sorted(set(epochs))
    assert all(isinstance(outcome, Stale) for outcome in refused)
    assert len(made) >= len(values)
    assert stored(tmp_path) == steered.hub.intent


async def test_workers_that_lag_are_named_and_the_dead_are_not_waited_for(tmp_path: Path, impatience: None) -> None:
    """
    The change is made nonetheless.
    """
    steered = await begin(tmp_path).opened()
    steered.hub.stuck = {"host/1"}
    assert await change(steered, new=25) == Outcome(lagging=("host/1",))

    steered.hub.workers[1]["alive"] = False
    assert await change(steered, new=50) == Outcome()
    assert steered.hub.intent.new == 50.0


async def test_a_worker_that_is_further_than_asked_has_obeyed(tmp_path: Path) -> None:
    """
    The next change came before the answer to this one.
    """
    steered = await begin(tmp_path).opened()
    steered.hub.stuck = {"host/0", "host/1"}
    first, second = change(steered, new=25), change(steered, new=50)
    await steered.until(lambda: len(steered.hub.tables) == 2)
    assert not first.done()
    steered.hub.stuck = set()
    steered.hub.tell()

    assert [await first, await second] == [Outcome(), Outcome()]


async def test_what_has_begun_is_ended_though_whoever_asked_is_gone(tmp_path: Path, faults: Faults) -> None:
    """
    A saved change that nobody published would surprise somebody after the next start.
    """
    steered = await begin(tmp_path).opened()
    faults.before.clear()
    asked = change(steered, new=25)
    await steered.saving()
    asked.cancel()
    faults.before.set()
    await steered.until(lambda: bool(steered.hub.tables))

    assert asked.cancelled()
    assert stored(tmp_path) == steered.hub.intent == Intent(epoch=5, new=25.0, mirror=100.0)


# A store that hangs or fails


async def test_a_store_that_hangs_stops_no_lowering_and_no_kill(
    tmp_path: Path, faults: Faults, impatience: None
) -> None:
    """
    Both are in force at once, and saved when that is possible again.
    """
    hub = FakeHub(a_new_table(weight=50.0))
    steered = await begin(tmp_path, hub).opened()
    faults.before.clear()
    lowered = change(steered, new=10)
    await steered.until(lambda: hub.intent.new == 10.0)
    assert not lowered.done()
    assert await steered.steering.kill(OPS, {}) == Outcome()
    assert hub.latch["killed"]
    assert await lowered == Outcome()
    assert stored(tmp_path) == Intent(epoch=4, new=50.0, mirror=100.0)
    assert any("epoch 5 is in force and not saved yet" in said for said in steered.facts.steered.troubles)
    steered.steering.refresh()
    assert any("nothing can be saved" in said for said in steered.facts.steered.troubles)

    faults.end()
    await steered.opened()

    assert stored(tmp_path) == hub.intent
    assert [entry["action"] for entry in lines(tmp_path)] == ["recovered", "weights", "kill"]
    assert steered.facts.steered.troubles == ()


async def test_a_store_that_hangs_refuses_whatever_gives_new_more(
    tmp_path: Path, faults: Faults, impatience: None
) -> None:
    """
    And since nobody knows whether it was written, what is in force gets the greater epoch.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()
    faults.before.clear()
    with pytest.raises(Unsaved, match="has not answered"):
        await change(steered, new=50)
    assert hub.intent == Intent(epoch=6, new=10.0, mirror=100.0)
    # The second one is told at once, and nothing of it can be written.
    with pytest.raises(Unsaved, match="has not answered"):
        await change(steered, new=60)
    assert hub.intent == Intent(epoch=6, new=10.0, mirror=100.0)
    faults.end()
    await steered.opened()

    assert stored(tmp_path) == hub.intent
    assert [(entry["action"], entry["epoch"]) for entry in lines(tmp_path)] == [
        ("recovered", 4),
        ("weights", 5),
        ("recovered", 6),
        ("refused", 6),
        ("refused", 6),
    ]


async def test_what_was_refused_and_written_late_does_not_come_back_with_a_successor(
    tmp_path: Path, faults: Faults, impatience: None
) -> None:
    """
    The disk answered too late, and control was killed before it could say so in the store.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()
    faults.after.clear()
    with pytest.raises(Unsaved):
        await change(steered, new=50)
    assert stored(tmp_path) == Intent(epoch=5, new=50.0, mirror=100.0)
    successor = begin(tmp_path, hub)
    faults.after.set()
    await successor.opened()

    assert hub.intent.new == 10.0
    assert stored(tmp_path) == hub.intent


async def test_a_lowering_that_comes_while_another_change_is_being_saved_stands(tmp_path: Path, faults: Faults) -> None:
    """
    The other is refused though it was saved, and a successor finds the lowering, too.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()
    faults.before.clear()
    raised = change(steered, new=50)
    await steered.saving()
    lowered = change(steered, new=5)
    await steered.until(lambda: hub.intent.new == 5.0)
    faults.before.set()
    with pytest.raises(Stale) as caught:
        await raised
    # What takes the saved line back is there before anybody is told so.
    assert lines(tmp_path)[-1]["action"] == "refused"
    await lowered
    await steered.opened()

    assert caught.value.epoch == 6
    assert [(table.epoch, table.weight) for table in hub.tables] == [(6, 5.0)]
    assert stored(tmp_path) == Intent(epoch=6, new=5.0, mirror=100.0)
    assert [(entry["action"], entry["epoch"]) for entry in lines(tmp_path)[1:]] == [
        ("weights", 5),
        ("weights", 6),
        ("refused", 6),
    ]
    (taken_back,) = await steered.steering.audit(1, None)
    assert (taken_back["before"]["epoch"], taken_back["after"]["epoch"]) == (5, 6)


async def test_a_full_disk_refuses_what_gives_new_more_and_nothing_is_changed(tmp_path: Path, faults: Faults) -> None:
    """
    Also the epoch stays; lowering goes on, and all of it is in the audit once there is room.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    steered = await begin(tmp_path, hub).opened()
    faults.error = FULL
    for _ in range(2):
        with pytest.raises(Unsaved, match="nothing is changed, because it can't be saved: there is no room left"):
            await change(steered, new=50)
    assert hub.tables == []

    lowered = change(steered, new=5)
    await steered.until(lambda: hub.intent == Intent(epoch=5, new=5.0, mirror=100.0))
    assert not lowered.done()
    faults.end()
    assert await lowered == Outcome()
    await steered.opened()

    assert stored(tmp_path) == hub.intent
    assert [entry["action"] for entry in lines(tmp_path)] == ["recovered", *["refused"] * 2, "weights"]
    assert (len(steered.log("store_fails")), len(steered.log("store_well"))) == (1, 1)
    assert await change(steered, new=50) == Outcome()


async def test_a_disk_that_failed_while_writing_may_have_written(tmp_path: Path, faults: Faults) -> None:
    """
    An I/O error says nothing about what is there, so what is in force is put above it.
    """
    steered = await begin(tmp_path).opened()
    faults.error = StoreError("other", "disk I/O error")
    with pytest.raises(Unsaved):
        await change(steered, new=50)

    assert steered.hub.intent == Intent(epoch=6, new=0.0, mirror=100.0)
    faults.end()
    await steered.opened()
    assert stored(tmp_path) == steered.hub.intent


async def test_what_the_supervisor_can_not_keep_does_not_give_new_more(tmp_path: Path) -> None:
    """
    Its next start would begin with something else; lowering is better than that.
    """
    hub = FakeHub(a_new_table(weight=10.0))
    hub.unsaved = "no room"
    steered = await begin(tmp_path, hub).opened()
    with pytest.raises(Unsaved, match="the supervisor can't keep what is in force: no room"):
        await change(steered, new=50)

    assert await change(steered, new=5) == Outcome()
    assert stored(tmp_path) == hub.intent == Intent(epoch=5, new=5.0, mirror=100.0)


async def test_a_store_that_can_not_be_opened_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Until then lowering works, and everything else is refused with the reason.
    """
    monkeypatch.setattr(ledger, "OPEN_AGAIN", 0.05)
    (tmp_path / "parallax.db").mkdir()
    hub = FakeHub(a_new_table(weight=10.0))
    steered = begin(tmp_path, hub)
    await steered.until(lambda: bool(steered.log("store_fails")))
    with pytest.raises(Unsaved):
        await change(steered, new=50)
    with pytest.raises(NotYet, match="the audit can't be read"):
        await steered.steering.audit(10, None)
    lowered = change(steered, new=5)
    await steered.until(lambda: hub.intent.new == 5.0)
    (tmp_path / "parallax.db").rmdir()

    assert await lowered == Outcome()
    await steered.opened()
    assert stored(tmp_path) == hub.intent


async def test_while_the_store_is_being_opened_lowering_is_done_and_the_rest_waits(tmp_path: Path) -> None:
    """
    Nothing is raised above what nobody knows yet: a predecessor's change may be in the store.
    """
    put(tmp_path, Intent(epoch=9, new=20.0, mirror=100.0))
    hub = FakeHub(a_new_table(weight=10.0))
    raised = change(begin(tmp_path, hub), new=50)
    assert await raised == Outcome()
    assert [(table.epoch, table.weight) for table in hub.tables] == [(9, 20.0), (10, 50.0)]

    assert await change(begin(tmp_path, hub), new=5) == Outcome()
    assert stored(tmp_path) == hub.intent == Intent(epoch=11, new=5.0, mirror=100.0)


async def test_a_store_that_is_taken_away_is_begun_anew_with_what_is_in_force(tmp_path: Path) -> None:
    """
    Loudly, with the state of the latch, and the change that met it is made.
    """
    steered = await begin(tmp_path).opened()
    await change(steered, new=25)
    await steered.steering.kill(OPS, {"reason": "fire"})
    await steered.opened()
    for name in ("parallax.db", "parallax.db-wal", "parallax.db-shm"):
        (tmp_path / name).unlink()
    assert await change(steered, new=30) == Outcome()
    await steered.opened()

    assert len(steered.log("store_renewed")) == 1
    assert stored(tmp_path) == steered.hub.intent == Intent(epoch=6, new=30.0, mirror=100.0)
    assert sorted(entry["action"] for entry in lines(tmp_path)) == ["kill", "recovered", "weights"]


# Starts


@pytest.mark.parametrize("hub_epoch", [0, 1])
async def test_the_first_start_saves_what_the_configuration_says(tmp_path: Path, hub_epoch: int) -> None:
    """
    With a line that says so.
    """
    hub = FakeHub(a_new_table(epoch=hub_epoch, weight=5.0))
    await begin(tmp_path, hub).opened()

    assert stored(tmp_path) == hub.intent
    assert [(entry["actor"], entry["action"]) for entry in lines(tmp_path)] == [("parallax", "start")]


async def test_a_restart_without_anything_new_writes_nothing(tmp_path: Path) -> None:
    """
    Neither in the audit nor to the workers.
    """
    hub = FakeHub()
    for _ in range(3):
        await begin(tmp_path, hub).opened()

    assert len(lines(tmp_path)) == 1
    assert hub.tables == []


async def test_killed_between_saving_and_publishing_the_successor_publishes(tmp_path: Path) -> None:
    """
    What was saved is in force, with the epoch that it has in the audit.
    """
    hub = FakeHub()
    put(tmp_path, Intent(epoch=5, new=25.0, mirror=50.0))
    successor = await begin(tmp_path, hub).opened()

    assert hub.intent == Intent(epoch=5, new=25.0, mirror=50.0)
    assert [entry["action"] for entry in lines(tmp_path)] == ["weights"]
    assert await change(successor, new=30, epoch=5) == Outcome()


async def test_killed_between_publishing_and_saving_the_successor_saves(tmp_path: Path) -> None:
    """
    The supervisor has the newer one; that it was found is in the audit.
    """
    put(tmp_path, Intent(epoch=9, new=50.0, mirror=100.0))
    hub = FakeHub(a_new_table(epoch=11, weight=5.0))
    await begin(tmp_path, hub).opened()

    assert hub.tables == []
    assert stored(tmp_path) == Intent(epoch=11, new=5.0, mirror=100.0)
    assert lines(tmp_path)[-1] == {
        "actor": "parallax",
        "action": "recovered",
        "epoch": 11,
        "after": {"new": 5.0, "mirror": 100.0},
    }


async def test_a_store_that_was_lost_gets_what_the_supervisor_has(tmp_path: Path) -> None:
    """
    A broken file is moved aside first.
    """
    (tmp_path / "parallax.db").write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    hub = FakeHub(a_new_table(epoch=7, weight=5.0))
    steered = await begin(tmp_path, hub).opened()

    assert stored(tmp_path) == hub.intent
    assert [(entry["action"], entry["epoch"]) for entry in lines(tmp_path)] == [("recovered", 7)]
    assert "moved to" in steered.log("store_renewed")[0]["reason"]


async def test_a_supervisor_that_lost_its_table_gets_the_stores(tmp_path: Path) -> None:
    """
    It began with epoch 0 or with the configuration's; the store knows better, even with an equal epoch.
    """
    put(tmp_path, Intent(epoch=1, new=25.0, mirror=100.0))
    for epoch, weight, expected in ((0, 0.0, 1), (1, 50.0, 2)):
        hub = FakeHub(a_new_table(epoch=epoch, weight=weight))
        await begin(tmp_path, hub).opened()

        assert hub.intent == Intent(epoch=expected, new=25.0, mirror=100.0)
        assert stored(tmp_path) == hub.intent


async def test_a_lowering_before_the_store_is_open_stands_above_what_is_found_in_it(tmp_path: Path) -> None:
    """
    Who lowered saw what was in force; an unpublished change of a predecessor was not.
    """
    put(tmp_path, Intent(epoch=12, new=80.0, mirror=100.0))
    hub = FakeHub(a_new_table(epoch=11, weight=50.0))
    steered = begin(tmp_path, hub)
    assert await change(steered, new=5) == Outcome()
    await steered.opened()

    assert hub.intent == Intent(epoch=13, new=5.0, mirror=100.0)
    assert stored(tmp_path) == hub.intent
    assert [entry["action"] for entry in lines(tmp_path)[1:]] == ["weights", "recovered"]


async def test_what_was_in_force_is_told_though_it_is_changed_before_the_store_is_open(tmp_path: Path) -> None:
    """
    A predecessor lowered and was killed before that was saved; its successor lowers on at once.
    """
    put(tmp_path, Intent(epoch=9, new=50.0, mirror=100.0))
    steered = begin(tmp_path, FakeHub(a_new_table(epoch=10, weight=20.0)))
    assert await change(steered, new=5) == Outcome()

    told = [(entry["action"], entry["epoch"], entry["after"]["new"]) for entry in lines(tmp_path)[1:]]
    assert told == [("recovered", 10, 20.0), ("weights", 11, 5.0)]
    assert stored(tmp_path) == steered.hub.intent


async def test_of_two_intents_with_one_epoch_the_one_in_force_stands(tmp_path: Path) -> None:
    """
    One was saved by a control that was killed before publishing it; the other was published by the next one, which was
    killed before saving it, and may have been acknowledged.
    """
    put(tmp_path, Intent(epoch=12, new=80.0, mirror=100.0))
    hub = FakeHub(a_new_table(epoch=12, weight=5.0))
    await begin(tmp_path, hub).opened()

    assert hub.intent == Intent(epoch=13, new=5.0, mirror=100.0)
    assert stored(tmp_path) == hub.intent
    assert [(entry["action"], entry["epoch"]) for entry in lines(tmp_path)[1:]] == [("recovered", 13)]


# Reading back


async def test_the_audit_is_read_newest_first(tmp_path: Path) -> None:
    """
    In pages; with lines that others note, such as failed sign-ins.
    """
    steered = await begin(tmp_path).opened()
    await change(steered, new=25)
    steered.steering.note(OPS, "sign_in_failed", "3 times")
    await steered.opened()
    page = await steered.steering.audit(2, None)
    rest = await steered.steering.audit(2, page[-1]["id"])

    assert [line["action"] for line in page + rest] == ["sign_in_failed", "weights", "recovered"]
    assert (page[0]["role"], page[0]["peer"], page[0]["reason"]) == ("operator", "127.0.0.1", "3 times")


async def test_lines_that_anybody_can_cause_are_bounded(
    tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While the store doesn't write; how many are missing is told afterwards.
    """
    monkeypatch.setattr(ledger, "MOST_NOTES", 10)
    steered = await begin(tmp_path).opened()
    faults.error = FULL
    for _ in range(25):
        steered.steering.note(OPS, "sign_in_failed", "again")
    faults.end()
    await steered.opened()

    assert len(lines(tmp_path)) == 11
    assert steered.log("audit_lines_lost") == [{"lines": 15}]


async def test_an_audit_that_was_changed_is_said(tmp_path: Path) -> None:
    """
    In the log with the line, and as a warning.
    """
    await (await begin(tmp_path).opened()).steering.kill(OPS, {})
    with sqlite3.connect(tmp_path / "parallax.db") as connection:
        connection.execute("UPDATE audit SET reason = 'nothing happened' WHERE id = 1")
    steered = await begin(tmp_path).opened()
    await steered.until(lambda: bool(steered.log("audit_broken")))

    assert steered.steering.intact is False
    steered.steering.refresh()
    assert any("changed the audit" in said for said in steered.facts.steered.troubles)


# What a plan carries through


async def test_more_for_new_that_was_overtaken_before_its_turn_is_never_in_force(tmp_path: Path) -> None:
    """
    A shift was decided on, and before it is begun somebody rolls back: the shift is refused, however late it comes.
    """
    steered = await begin(tmp_path).opened()
    shift = steered.steering.carry(OPS, Change(new=50, reason="shift"))
    await steered.steering.carry(OPS, Change(new=0, reason="rollback"))

    with pytest.raises(Stale):
        await shift

    assert [table.weight for table in steered.hub.tables] == [0]
    assert stored(tmp_path) == steered.hub.intent


# Events


async def test_events_are_armed_under_the_same_epoch_and_acknowledged(tmp_path: Path, impatience: None) -> None:
    """
    A worker that routes by the same table, and doesn't count yet, lags. What is armed already isn't sent again.
    """
    steered = await begin(tmp_path).opened()
    acknowledged = steered.steering._publication.acknowledged
    before = steered.facts.table
    events = event("mismatch"), event("error", of="served")
    steered.hub.stuck = {"host/1"}

    assert await acknowledged(steered.steering.arm(events)) == Outcome(lagging=("host/1",))
    steered.hub.stuck = set()
    steered.hub.tell()
    assert await acknowledged(steered.steering.arm(events)) == Outcome()

    (table,) = steered.hub.tables
    assert before is not None
    assert table == replace(before, events=events)
    assert await acknowledged(steered.steering.arm(())) == Outcome()
    assert steered.hub.tables == [table, before]


async def test_changes_and_successors_leave_events_armed(tmp_path: Path) -> None:
    """
    What is counted goes on being counted whatever else is decided, and by whom.
    """
    steered = await begin(tmp_path).opened()
    steered.steering.arm(events := (event("mismatch"),))
    await steered.steering.change(OPS, {"new": 10, "reason": "a tenth"})
    assert [table.events for table in steered.hub.tables] == [events] * 2
    steered.die()

    successor = await begin(tmp_path, steered.hub).opened()
    assert successor.facts.table is not None
    assert successor.facts.table.events == events
    successor.steering.arm(events)
    assert len(steered.hub.tables) == 2


async def test_more_events_than_workers_count_are_refused(tmp_path: Path) -> None:
    """
    And nothing is changed.
    """
    steered = await begin(tmp_path).opened()

    with pytest.raises(ValueError, match="65 events are more than 64"):
        steered.steering.arm(tuple(event(f"new_ms > {limit}") for limit in range(65)))
    assert not steered.hub.tables
