"""
The state of a plan, as the store keeps it.
"""

import json

import pytest

from proxy.plan.exposure import Exposure
from proxy.plan.state import Approval, Done, Event, Hold, Phase, Pin, State, Step, from_values


def test_a_state_survives_json() -> None:
    """
    With every part of it in use.
    """
    approval = Approval(by="alice", at=1.0, stage="s1", attempt=2, evidence="e", note="seen")
    state = State(
        run="r",
        phase=Phase.RUNNING,
        step=Step.HELD,
        held=Hold.GATE,
        resume_to=Step.OBSERVING,
        before=Exposure(weight=1, mirror=2, routes={"search": None}, cohorts={"staff": 3.0}),
        waits=("window",),
        attempts={"s1": 1},
        forces=(approval,),
        approvals=(approval,),
        signed={"lead": "alice"},
        done=(Done(item="preflight/1", ok=True, at=1.0, by="bob"),),
        pins=(Pin(signature="x", endpoint="GET /", stage="s1", clean=3),),
        closed=("route:search",),
        noticed=("n",),
        history=(Event(at=1.0, seq=1, what="start", stage="s0", by="alice", said="why"),),
    )

    assert from_values(json.loads(json.dumps(state.as_values()))) == state


def test_a_state_of_another_version_can_be_read() -> None:
    """
    What it didn't know yet begins as in a draft, and what is known no more is left out.
    """
    values = State(run="r", plan_hash="h", phase=Phase.RUNNING, stage=2, at=2, seq=9, noticed=("n",)).as_values()
    event = {"at": 1.0, "seq": 1, "what": "start", "stage": "s0", "by": "alice", "said": "why", "colour": "red"}
    values |= {"history": [event], "weather": "fine"}
    del values["noticed"]

    state = from_values(json.loads(json.dumps(values)))

    assert (state.run, state.phase, state.stage, state.seq, state.noticed) == ("r", Phase.RUNNING, 2, 9, ())
    assert state.history == (Event(at=1.0, seq=1, what="start", stage="s0", by="alice", said="why"),)


@pytest.mark.parametrize("key", ["run", "phase", "at", "wanted"])
def test_a_state_that_says_not_where_the_plan_is_is_none(key: str) -> None:
    """
    Nobody guesses.
    """
    values = State().as_values()
    del values[key]

    with pytest.raises(KeyError, match=key):
        from_values(values)
