"""
Waivers, from an operator's word to what is in force, and their end.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import proxy.waiving
from proxy.admin.steering import Invalid, Unknown
from tests.parts.payloads import SIGNATURE, judged
from tests.parts.steered import OPS, FakeHub, Steered, a_setup

GOOD: dict[str, Any] = {"signature": SIGNATURE, "until": "2027-01-01", "reason": "rounded"}


async def waiving(folder: Path) -> Steered:
    """
    A steering whose store is open, and that knows one signature.
    """
    life = Steered(FakeHub(), a_setup(folder))
    life.facts.signatures.take(judged())
    await life.steering._ledger.settled()
    await life.steering.waiving._read()
    return life


async def test_a_waiver_is_in_force_until_its_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Then the judging table is made anew without it, and that is logged; a successor finds the same.
    """
    life = await waiving(tmp_path)
    made = await life.steering.waiving.waive(OPS, GOOD)
    before = life.steering.rulebook.table

    assert made["holds"]
    assert (before.waived, [one.endpoint for one in before.accepted]) == (frozenset({SIGNATURE}), ["GET /b c"])
    again = await waiving(tmp_path)
    assert again.steering.rulebook.table.waived == {SIGNATURE}
    monkeypatch.setattr(proxy.waiving, "time", lambda: 1_798_848_000.0)  # 2027-01-02T00:00:00Z
    again.steering.waiving.look()
    after = again.steering.rulebook.table
    assert (after.waived, after.accepted) == (frozenset(), ())
    assert [event for event, _ in again.logged if event == "waiver_over"] == ["waiver_over"]
    assert again.steering.waiving.until(SIGNATURE) is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"signature": "f" * 16}, Unknown),
        ({"signature": "x"}, Invalid),
        ({"until": "2020-01-01"}, Invalid),
        ({"until": None}, Invalid),
        ({"reason": ""}, Invalid),
        ({"reason": "a\x1b[31m"}, Invalid),
        ({"more": 1}, Invalid),
    ],
)
async def test_what_makes_no_waiver_is_refused(
    tmp_path: Path, change: Mapping[str, Any], error: type[Exception]
) -> None:
    """
    Nothing is kept of it.
    """
    life = await waiving(tmp_path)
    with pytest.raises(error):
        await life.steering.waiving.waive(OPS, {**GOOD, **change})

    assert life.steering.waiving.told() == {"waivers": []}


async def test_a_later_waiver_counts_instead_of_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Also when it ends before: then nothing is accepted any more. Each is told of what it saved itself.
    """
    life = await waiving(tmp_path)
    many = [{**GOOD, "until": f"2026-12-{day}"} for day in (28, 27, 26)]
    told = await asyncio.gather(*(life.steering.waiving.waive(OPS, one) for one in (GOOD, *many)))
    ends = [one["until"][:10] for one in told]

    assert ends == ["2027-01-02", "2026-12-29", "2026-12-28", "2026-12-27"]
    assert len({one["id"] for one in told}) == 4
    assert [one["until"][:10] for one in life.steering.waiving.told()["waivers"] if one["holds"]] == ["2026-12-27"]
    assert life.steering.waiving.until(SIGNATURE) == "2026-12-27T00:00:00Z"
    monkeypatch.setattr(proxy.waiving, "time", lambda: 1_798_400_000.0)  # 2026-12-27T19:33:20Z
    life.steering.waiving.look()
    assert life.steering.rulebook.table.waived == frozenset()


async def test_a_waiver_that_nobody_knows_cannot_be_removed(tmp_path: Path) -> None:
    """
    And one that is over already stays as it was.
    """
    life = await waiving(tmp_path)
    with pytest.raises(Unknown):
        await life.steering.waiving.remove(1, OPS, {"reason": "why not"})
    made = await life.steering.waiving.waive(OPS, GOOD)
    removed = await life.steering.waiving.remove(made["id"], OPS, {"reason": "why not"})
    again = await life.steering.waiving.remove(made["id"], OPS, {"reason": "once more"})

    assert not removed["holds"]
    assert again["removed"] == removed["removed"]
    assert life.steering.rulebook.table.waived == frozenset()
