"""
A plan on real steering and a real store, whose disk can fail and hang: what is in force, and what is kept.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy import ledger, publication
from proxy.admin.plan import Asked
from proxy.admin.steering import Held, Outdated, Unsaved
from proxy.clock import monotonic
from proxy.errors import StoreError
from proxy.link.setup import PlanText
from proxy.plan import show
from proxy.store.store import Store
from proxy.tasks import spawn
from tests.parts.faulty import Faults, faulty_disk
from tests.parts.steered import OPS, PATIENCE, FakeHub, Steered, a_setup

FULL = StoreError("full", "there is no room left")
PLAN = """
plan: small
expect: {rate: 50}
defaults: {settle: 0s, cooldown: 1h}
stages:
  - {name: shadow, success: Well., weight: 0, observe: 0s..1h, advance: approve}
  - {name: live, success: Well., weight: 10, observe: 0s..1h, advance: approve, rollback: {to: shadow}}
"""
CONFIGURATION = """
listen: 127.0.0.1:0
old: {url: http://127.0.0.1:1}
new: {url: http://127.0.0.1:2}
data: stateless
sticky: {key: ["header:X-User"]}
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A slow day is no fault.
    """
    monkeypatch.setattr(ledger, "PATIENCE", 30.0)
    monkeypatch.setattr(publication, "WAIT", 30.0)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """
    Those of the disk that the store is on.
    """
    yield from faulty_disk(monkeypatch)


class Planning(Steered):
    """
    One life of steering, and its plan.
    """

    async def move(self, name: str, **body: Any) -> dict[str, Any]:
        """
        A call of the admin API.
        """
        return await self.steering.plan.obey(Asked(name=name, reason="test", **body), OPS)

    def plan(self) -> dict[str, Any]:
        """
        How the plan is.
        """
        return self.steering.plan.shown() or {"step": "", "phase": "", "seq": 0, "waiting_for": []}

    async def reaches(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """
        The plan, once something holds of it.
        """
        end = monotonic() + PATIENCE
        while not holds(found := self.plan()):
            assert monotonic() < end, found
            self.steering.plan.sight.heard()
            await asyncio.sleep(0.01)
        return found


async def begin(folder: Path, hub: FakeHub, plan: PlanText | None = None) -> Planning:
    """
    A life; a second one on the same hub and folder is that of a successor.
    """
    file = folder / "parallax.yaml"
    file.write_text(CONFIGURATION)
    planning = Planning(hub, a_setup(folder, file=str(file), plan=plan))
    await planning.opened()
    end = monotonic() + PATIENCE
    while planning.steering.plan._trouble is not None:
        assert monotonic() < end, planning.steering.plan._trouble
        await asyncio.sleep(0.01)
    return planning


async def ready(folder: Path, hub: FakeHub) -> Planning:
    """
    A plan whose first stage only waits for approval.
    """
    planning = await begin(folder, hub)
    await planning.move("start", text=PLAN, file="small.yaml")
    await planning.reaches(lambda plan: plan["step"] == "ready")
    return planning


def kept(folder: Path) -> dict[str, Any]:
    """
    The state in the store, as JSON.
    """
    store = Store.open(f"sqlite:///{folder}/parallax.db").store
    try:
        found = store.plan()
    finally:
        store.close()
    assert found is not None
    return {"generation": found[0].generation, "seq": found[0].seq, "told": [line.what for line in found[1]]}


async def test_a_command_for_another_state_is_refused_with_the_present_one(tmp_path: Path) -> None:
    """
    Of two who press at once, the second is told.
    """
    planning = await ready(tmp_path, FakeHub())
    seq = planning.plan()["seq"]
    await planning.move("hold", seq=seq)
    with pytest.raises(Outdated) as raised:
        await planning.move("rollback", seq=seq)

    assert raised.value.seq == seq + 1
    assert planning.plan()["step"] == "held"


async def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """
    And nothing is kept of it.
    """
    planning = await ready(tmp_path, FakeHub())
    before = kept(tmp_path)
    with pytest.raises(Held, match="observing"):
        await planning.move("advance")

    assert kept(tmp_path) == before


async def test_what_can_not_be_saved_does_not_move_and_what_gives_new_less_does(tmp_path: Path, faults: Faults) -> None:
    """
    On a full disk the plan stays where it is and says so; a hold is obeyed all the same, and saved later.
    """
    hub = FakeHub()
    planning = await ready(tmp_path, hub)
    faults.error = FULL
    with pytest.raises(Unsaved):
        await planning.move("approve")
    assert planning.plan()["step"] == "ready"
    held = spawn(planning.move("hold"), name="hold")
    await planning.reaches(lambda plan: plan["step"] == "held")
    assert hub.intent.new == 0.0
    faults.end()
    await held

    assert kept(tmp_path)["told"][-1] == "held"


async def test_a_rollback_waits_for_nobody_who_is_saving(tmp_path: Path, faults: Faults) -> None:
    """
    The shift whose saving hangs is never made, also when the disk works again.
    """
    hub = FakeHub()
    planning = await ready(tmp_path, hub)
    await planning.move("approve")
    await planning.reaches(lambda plan: plan["stage"] == "live")
    faults.before.clear()
    back = spawn(planning.move("rollback"), name="rollback")
    await planning.reaches(lambda plan: plan["step"] in ("rolling_back", "held"))
    faults.end()
    await back
    await planning.reaches(lambda plan: plan["step"] == "held")

    assert {table.weight for table in hub.tables if table.epoch > hub.intent.epoch} == set()
    assert hub.intent.new == 0.0
    assert kept(tmp_path)["seq"] == planning.plan()["seq"]


async def test_a_successor_goes_on_where_it_was(tmp_path: Path) -> None:
    """
    With another generation; what its predecessor had in force stays.
    """
    hub = FakeHub()
    planning = await ready(tmp_path, hub)
    await planning.move("approve")
    await planning.reaches(lambda plan: plan["step"] == "ready" and plan["stage"] == "live")
    planning.die()
    planning.steering.plan.stop()
    successor = await begin(tmp_path, hub)
    found = await successor.reaches(lambda plan: plan["step"] == "ready")
    # Until all that is to be kept is.
    await successor.opened()

    assert (found["stage"], found["generation"], hub.intent.new) == ("live", 2, 10.0)
    assert kept(tmp_path)["generation"] == 2


async def test_a_successor_that_can_not_read_what_was_seen_gathers_it_anew(tmp_path: Path) -> None:
    """
    After an upgrade in the middle of a plan: where it is stays, and people can still move it.
    """
    hub = FakeHub()
    planning = await ready(tmp_path, hub)
    await planning.move("approve")
    await planning.reaches(lambda plan: plan["step"] == "ready" and plan["stage"] == "live")
    planning.die()
    planning.steering.plan.stop()
    store = Store.open(f"sqlite:///{tmp_path}/parallax.db").store
    found = store.plan()
    assert found is not None
    store.save_evidence(found[0].run, found[0].generation, found[0].seq, '{"epoch": 1}', found[0].state)
    store.close()
    successor = await begin(tmp_path, hub)
    plan = await successor.reaches(lambda plan: plan["stage"] == "live")
    await successor.move("rollback")

    assert (plan["generation"], hub.intent.new) == (2, 0.0)
    await successor.opened()


async def test_another_plan_takes_the_place_of_one_that_does_not_run(tmp_path: Path) -> None:
    """
    Not of one that runs.
    """
    planning = await ready(tmp_path, FakeHub())
    with pytest.raises(Held, match="runs already"):
        await planning.move("start", text=PLAN.replace("small", "other"), file="other.yaml")
    await planning.move("abort")
    await planning.reaches(lambda plan: plan["phase"] == "aborted" and plan["step"] == "rolled_back")
    other = await planning.move("start", text=PLAN.replace("small", "other"), file="other.yaml")

    assert (other["plan"], other["phase"], other["seq"]) == ("other", "running", 1)


async def test_the_whole_history_is_told_to_who_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The status has its last lines only; a final report needs all.
    """
    monkeypatch.setattr(show, "LATELY", 1)
    planning = await ready(tmp_path, FakeHub())
    whole = await planning.steering.plan.whole()

    assert len(planning.plan()["history"]) == 1
    assert [line["what"] for line in whole["history"]][:2] == ["started", "waiting"]
    assert whole["history"][-1] == planning.plan()["history"][-1]


@pytest.mark.parametrize("over", [True, False])
async def test_a_plan_that_is_given_at_the_start_waits_for_one_that_runs(tmp_path: Path, over: bool) -> None:
    """
    It takes the place of one that is over; where one runs, that goes on, and the log says so.
    """
    hub = FakeHub()
    planning = await ready(tmp_path, hub)
    if over:
        await planning.move("abort")
        await planning.reaches(lambda plan: plan["step"] == "rolled_back")
    await planning.opened()
    planning.die()
    planning.steering.plan.stop()
    given = PlanText(file="other.yaml", text=PLAN.replace("small", "other"))
    successor = await begin(tmp_path, hub, given)
    found = await successor.reaches(lambda plan: plan["phase"])

    assert (found["plan"], found["phase"]) == (("other", "draft") if over else ("small", "running"))
    assert bool(successor.log("plan_not_taken")) is not over
