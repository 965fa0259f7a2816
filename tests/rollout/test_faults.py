"""
New goes wrong while a plan runs, or who tells of it: what the plan makes of it, on a real Parallax.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.clock import monotonic
from tests.parts.load import Crowd
from tests.parts.origin import Origin, Received, answer
from tests.parts.parallax import Configuration, merged
from tests.parts.planned import Planned, planned
from tests.parts.prometheus import running_prometheus

PLAN = """
plan: faulty
expect: {rate: 200}
defaults: {settle: 0s, cooldown: 1h}
gates:
  errors: {event: old_ok & new_error, max: 0.05, min: 5}
  slower: {event: new_ms > 1.1 * old_ms + 2, max: 0.5, min: 50}
guards:
  wrong: {event: mismatch, max: 0.005, detect: [2x, 4x, 10x, 40x, 0.6], distinct_keys: 3}
  dying: {event: old_ok & new_error, max: 0.05, detect: [4x, 0.6]}
stages:
  - {name: shadow, success: Well., weight: 0, observe: 0.5s..1h, gates: [errors]}
  - {name: live-10, success: Well., weight: 10, observe: 1h..2h, gates: [slower], rollback: {to: shadow}}
"""


class New(Origin):
    """
    The new side: right and as quick as old, but for `wrong` of each 1,000 answers, and so much slower.
    """

    def __init__(self, spread: float) -> None:
        super().__init__(self._do)
        self.wrong = 0
        self.slower = 1.0
        self._spread = spread

    def _do(self, received: Received) -> None:
        number = int(received.target.rpartition(b"/")[2])
        wrong = number * 2654435769 % 1000 < self.wrong
        body = b"another" if wrong else b"%d" % number
        whole = answer(body, b"Content-Type: text/plain", b"X-Served-By: new")
        wait = number * 2654435769 % 2**32 / 2**32 * self._spread * self.slower
        asyncio.get_running_loop().call_later(wait, received.answer, whole)


@asynccontextmanager
async def live(
    folder: Path, spread: float = 0.0, configuration: Configuration | None = None
) -> AsyncIterator[tuple[Planned, New]]:
    """
    A plan at its live stage, with a new that can be made to fail.
    """
    async with (
        New(spread) as new,
        planned(folder, merged({"new": {"url": new.url}}, configuration or {}), spread=spread) as it,
    ):
        crowd = Crowd(keepers=12, one_shots=0, pause=0.05, writes=0.0)
        async with it.load(crowd) as load:
            await it.start(PLAN)
            await it.until(lambda plan: plan["stage"] == "live-10" and plan["step"] == "observing", "it is live")
            await load.answered(50)
            yield it, new


@pytest.mark.parametrize(
    ("share", "within"), [pytest.param(200, 30.0, id="20 %"), pytest.param(20, 30.0, id="2 %", marks=pytest.mark.prove)]
)
async def test_a_wrong_new_is_rolled_back_by_itself(share: int, within: float, tmp_path: Path) -> None:
    """
    By the guard that compares, with its numbers and signatures, and nobody has to be there.
    """
    async with live(tmp_path) as (it, new):
        began, new.wrong = monotonic(), share
        back = await it.until(lambda plan: plan["step"] == "rolled_back", "it is rolled back", within)
        took = monotonic() - began
        weights = await it.operator.weights()
        # Comparers tell of the second before, so the guard may have been the first to know.
        pinned = await it.until(lambda plan: plan["pins"], "its signature is pinned")

    assert weights["new"] == 0
    assert "guard wrong" in back["said"]
    assert [pin["endpoint"] for pin in pinned["pins"]] == ["GET /work/{id}"]
    print(f"rolled back {took:.1f} s after {share / 10:g} % went wrong")  # noqa: T201 - a figure


async def test_a_new_that_dies_is_rolled_back_and_not_taken_for_no_data(tmp_path: Path) -> None:
    """
    It refuses, and what stands is reset: each such pair counts against it.
    """
    async with live(tmp_path) as (it, new):
        it.parallax.forgiven.add("breaker_opened")
        await new.stop_listening()
        for connection in new.connections:
            connection.reset()
        back = await it.until(lambda plan: plan["step"] == "rolled_back", "it is rolled back")

    assert "guard dying" in back["said"]


@pytest.mark.prove
@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_a_new_whose_failures_no_client_sees_is_rolled_back_all_the_same(how: str, tmp_path: Path) -> None:
    """
    Old answers instead, and new is soon put out: what it did is counted nonetheless.
    """
    hidden: Configuration = {
        "new": {"eject": {"pause": 1}},
        "routes": [{"name": "all", "match": {"path": "/**"}, "failover": True}],
        "timeouts": {"answer_head": 2},
    }
    async with live(tmp_path, configuration=hidden) as (it, new):
        it.parallax.forgiven |= {"breaker_opened", "side_ejected"}
        if how == "refuses":
            await new.stop_listening()
            for connection in new.connections:
                connection.reset()
        else:
            new.script = lambda _: None
        back = await it.until(lambda plan: plan["step"] == "rolled_back", "it is rolled back")

    assert "guard dying" in back["said"]


async def test_a_slower_new_fails_its_gate(tmp_path: Path) -> None:
    """
    30 % slower in each pair: the gate for latency fails, with its numbers, and the plan goes back.
    """
    async with live(tmp_path, spread=0.08) as (it, new):
        new.slower = 1.3
        back = await it.until(lambda plan: plan["step"] == "rolled_back", "it is rolled back")

    assert "slower" in back["said"]


async def test_a_dead_prometheus_holds_the_plan(tmp_path: Path) -> None:
    """
    Whatever its last answers were: who isn't answered doesn't go on.
    """
    text = PLAN.replace("  errors:", '  load: {source: promql, query: "1", condition: "< 2", every: 0.2s}\n  errors:')
    text = text.replace("gates: [slower]", "gates: [slower, load]")
    async with planned(tmp_path) as it, it.load():
        with running_prometheus(tmp_path) as url:
            await it.start(text.replace("defaults:", f'prometheus: {{url: "{url}", timeout: 1s}}\ndefaults:'))
            await it.until(lambda plan: plan["stage"] == "live-10" and plan["step"] == "observing", "it is live")
        held = await it.until(lambda plan: plan["step"] == "held", "it holds")

    assert held["held"] == "source"
    assert "load could not be asked" in held["said"]
    assert held["in_force"]["weight"] == 10
