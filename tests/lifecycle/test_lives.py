"""
Many lives of control, each killed at some point, with changes coming in all the time: what was acknowledged stays, what
was refused never happens, and epochs only grow.
"""

import asyncio
import random
from pathlib import Path

import pytest

from proxy import ledger, publication
from proxy.admin.steering import Outcome, Refusal
from proxy.store.store import Store
from proxy.tasks import spawn
from tests.parts.faulty import Faults, FaultyStore
from tests.parts.payloads import a_new_table
from tests.parts.steered import OPS, FakeHub, Steered, a_setup, stored

LIVES, CHANGES = 6, 8


class Story:
    """
    Who asked for what, and what became of it. Each change asks for a weight that no other asks for.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self.folder = folder
        self.dice = random.Random(seed)
        self.hub = FakeHub(a_new_table(epoch=1, weight=50.0))
        self.acknowledged: set[float] = set()
        self.refused: set[float] = set()
        self._patch = monkeypatch
        self._weights = [round(weight / 100, 2) for weight in range(1, 10_000)]
        self.dice.shuffle(self._weights)

    async def live(self) -> None:
        """
        One life: some changes, and then the end, wherever they are.
        """
        faults = Faults()
        self._patch.setattr("proxy.store.store.Store", FaultyStore.on(faults))
        steered = Steered(self.hub, a_setup(self.folder))
        if self.dice.random() < 0.7:
            await steered.opened()
        asked = [spawn(self.ask(steered), name="ask") for _ in range(CHANGES)]
        answers = asyncio.as_completed(asked)
        for _ in range(self.dice.randrange(CHANGES)):
            await next(answers)
        await asyncio.sleep(self.dice.random() * 0.005)
        # Killed before what is being saved is written, or right after that and before anybody knows.
        if self.dice.random() < 0.5:
            faults.before.clear()
        steered.die()
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)
        faults.end_of_life()

    async def ask(self, steered: Steered) -> None:
        """
        One change, up or down, at some moment.
        """
        await asyncio.sleep(self.dice.random() * 0.03)
        weight = self._weights.pop()
        try:
            outcome = await steered.steering.change(OPS, {"new": weight, "reason": f"{weight}"})
        except Refusal:
            self.refused.add(weight)
        else:
            assert outcome == Outcome()
            self.acknowledged.add(weight)


@pytest.mark.parametrize("seed", range(10))
async def test_what_was_acknowledged_survives_and_what_was_refused_never_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """
    Whatever was in force when, in the store and in the audit.
    """
    monkeypatch.setattr(ledger, "PATIENCE", 30.0)
    monkeypatch.setattr(publication, "WAIT", 30.0)
    story = Story(tmp_path, monkeypatch, seed)
    for _ in range(LIVES):
        await story.live()
    monkeypatch.setattr("proxy.store.store.Store", Store)
    await Steered(story.hub, a_setup(tmp_path)).opened()
    store = Store.open(f"sqlite:///{tmp_path}/parallax.db").store
    lines = store.entries(10_000)
    store.close()
    epochs = [table.epoch for table in story.hub.tables]
    in_force = {table.weight for table in story.hub.tables}
    told = {float(line.reason) for line in lines if line.action == "weights"}

    assert epochs == sorted(set(epochs))
    assert story.acknowledged <= in_force
    assert story.acknowledged <= told
    assert not story.refused & in_force
    assert stored(tmp_path) == story.hub.intent
    assert story.hub.intent.epoch == epochs[-1]
    assert story.acknowledged
