"""
What people do beside a plan that runs: change weights by hand, kill and restore.
"""

from pathlib import Path

from tests.parts.planned import SMALL, Planned, planned

LONG = SMALL.replace("weight: 10, observe: 0.5s..1h", "weight: 10, observe: 1h..2h")


async def live(it: Planned) -> None:
    """
    The plan is at its live stage, and stays there.
    """
    await it.start(LONG)
    await it.until(lambda plan: plan["stage"] == "live-10" and plan["step"] == "observing", "it is live")


async def test_changes_by_hand_hold_the_plan_and_only_who_forces_raises_new(tmp_path: Path) -> None:
    """
    Less for new is given at once; more is refused, unless it is forced; the plan shifts again when it is resumed.
    """
    async with planned(tmp_path) as it, it.load():
        await live(it)
        refused = await it.operator.change("more", new=50)
        lowered = await it.operator.change("less", new=5)
        held = await it.until(lambda plan: plan["held"] == "by_hand", "it holds")
        resumed = await it.move("resume", reason="back to the plan")
        await it.until(lambda plan: plan["step"] == "observing" and plan["in_force"]["weight"] == 10, "it is back")
        forced = await it.operator.change("more", new=50, override=True)
        again = await it.until(lambda plan: plan["held"] == "by_hand", "it holds again")

    assert refused.status == 409
    assert "override" in refused.value["error"]
    assert (lowered.status, lowered.value["new"]) == (200, 5)
    assert (held["in_force"]["weight"], resumed.status) == (5, 200)
    assert (forced.status, forced.value["new"]) == (200, 50)
    assert (again["wanted"]["weight"], again["in_force"]["weight"]) == (50, 50)


async def test_a_kill_holds_the_plan_and_restore_brings_back_copies_only(tmp_path: Path) -> None:
    """
    Then resume shifts again.
    """
    async with planned(tmp_path) as it, it.load():
        await live(it)
        killed = await it.operator.ask("POST", "/admin/kill", {"reason": "fire"})
        await it.until(lambda plan: plan["held"] == "killed", "it holds")
        restored = await it.operator.insist("POST", "/admin/restore", {"reason": "out"})
        still = await it.status()
        await it.move("resume", reason="go on")
        back = await it.until(lambda plan: plan["step"] == "observing" and not plan["killed"], "it is back")

    assert killed.value["killed"] is True
    assert (restored.value["killed"], restored.value["new"], restored.value["mirror"]) == (False, 0, 100)
    assert still["held"] == "killed"
    assert back["in_force"]["weight"] == 10


STRICT = """
plan: strict
expect: {{rate: 50}}
stages:
  - {{name: shadow, success: Well., weight: 0, advance: approve}}
team:
  approve_not_own_change: false
  roles: {{lead: {{who: [alice], may: [start, approve, hold, resume, rollback, abort]}}}}
checklists:
  preflight: [{{cmd: [/bin/touch, "{mark}"]}}]
"""


async def test_who_may_not_start_a_plan_has_nothing_run_and_replaces_nothing(tmp_path: Path) -> None:
    """
    The right is looked at before the checklist's programs run, and before another draft makes room.
    """
    mark = tmp_path / "mark"
    text = STRICT.format(mark=mark)
    async with planned(tmp_path) as it:
        refused = await it.other.insist("POST", "/admin/plan/start", {"text": text, "file": "a.yaml", "reason": "test"})
        left = await it.operator.insist("GET", "/admin/plan")
        was_run = mark.exists()
        started = await it.move("start", text=text, file="a.yaml", reason="test")

    assert (refused.status, left.status, was_run) == (403, 404, False), refused
    assert "bob may not start; lead may" in refused.value["error"]
    assert (started.status, mark.exists()) == (200, True), started
