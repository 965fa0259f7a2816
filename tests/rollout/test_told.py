"""
What a plan tells arrives, also when control is killed while it is telling.
"""

import os
import signal
from pathlib import Path

import pytest

from tests.parts.outside import Asked, Does, outside
from tests.parts.planned import SMALL, planned

COMMS = """
comms:
  channels: {ops: {webhook: "env:OPS_HOOK"}}
  tell: {stage_start: [ops], finished: [ops]}
  must_deliver: [stage_start]
"""


async def test_a_notice_survives_the_death_of_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The receiver has a request in hand when control dies: it comes again under its number, each notice is taken once and
    in order, and the plan goes to its end.
    """
    taken: list[Asked] = []
    hung: list[Asked] = []
    killed: list[int] = []

    def does(asked: Asked) -> Does:
        if asked.json["event"] == "stage_start" and asked.json["stage"] == "live-10" and not hung:
            it.parallax.forgiven.add("child_ended")
            [control] = it.parallax.controls()
            os.kill(control, signal.SIGKILL)
            hung.append(asked)
            killed.append(control)
            return "hang"
        if asked.json["event"] != "test":
            taken.append(asked)
        return 200

    async with outside(does) as channel:
        monkeypatch.setenv("OPS_HOOK", channel.url)
        async with planned(tmp_path) as it, it.load():
            await it.start(SMALL + COMMS)
            await it.until(lambda plan: plan["phase"] == "finished", "it has finished", patience=60.0)
            assert it.parallax.controls() != killed
            await channel.until(lambda: bool(taken) and taken[-1].json["event"] == "finished")

    told = [(asked.json["event"], asked.json["stage"]) for asked in taken]
    assert told == [*(("stage_start", stage) for stage in ("shadow", "live-10", "live-100")), ("finished", "live-100")]
    assert len({asked.json["id"] for asked in taken}) == len(taken)
    assert [asked.body for asked in hung] == [taken[1].body]
    assert hung[0].headers["Idempotency-Key"] == taken[1].headers["Idempotency-Key"]
