"""
A plan on a real Parallax, from its start to its end, and what people may do to it meanwhile.
"""

from pathlib import Path

from tests.parts.planned import SMALL, planned


async def test_a_plan_goes_from_its_start_to_its_end(tmp_path: Path) -> None:
    """
    Shadow, live, everything on new; each stage is in force in every worker, in the audit, and in the history.
    """
    async with planned(tmp_path) as it, it.load():
        assert (await it.operator.ask("GET", "/admin/plan")).status in (404, 503)
        started = await it.start(SMALL)
        finished = await it.until(lambda plan: plan["phase"] == "finished", "the plan has finished")
        weights = await it.operator.weights()
        audit = await it.operator.audit()

    assert started["phase"] == "running"
    assert weights["new"] == 100
    assert [stage["state"] for stage in finished["stages"]] == ["passed"] * 3
    changes = [line["after"]["new"] for line in audit if line["actor"] == "plan small" and "new" in line["after"]]
    assert changes == [0, 10, 100]


GATED = """
plan: gated
expect: {rate: 50}
defaults: {settle: 0s, cooldown: 1h}
gates:
  errors: {event: old_ok & new_error, max: 0.5, min: 20}
guards:
  wrong: {event: mismatch, max: 0.05, detect: [4x, 0.6]}
stages:
  - {name: shadow, success: New answers., weight: 0, observe: 0.5s..1h, gates: [errors]}
  - {name: live, success: Well., weight: 10, observe: 0.5s..1h, gates: [errors], rollback: {to: shadow, within: 30s}}
"""


async def test_gates_pass_by_what_workers_count(tmp_path: Path) -> None:
    """
    And the plan goes on only then; metrics and listeners hear of it.
    """
    async with planned(tmp_path) as it:
        await it.start(GATED)
        waiting = await it.until(lambda plan: plan["step"] == "observing", "it observes")
        assert waiting["gates"][0]["sentence"].startswith("no pairs yet")
        async with it.load():
            finished = await it.until(lambda plan: plan["phase"] == "finished", "the plan has finished")
        _, metrics = await it.parallax.fetch(it.parallax.admin, b"/metrics")

    (gate,) = finished["gates"]
    assert (gate["result"], gate["bad"]) == ("pass", 0)
    assert gate["n"] >= 20
    assert b'parallax_plan_state{plan="gated",state="finished"} 1.0' in metrics
    assert b'parallax_gate{gate="errors",outcome="pass",plan="gated",stage="live"} 1.0' in metrics


async def test_a_plan_is_given_at_the_start_and_moved_by_commands(tmp_path: Path) -> None:
    """
    One that can't be used is no start; then `parallax plan` starts, holds and resumes it, and shows where it is.
    """
    (tmp_path / "plan.yaml").write_text(SMALL.replace("0.5s..1h", "1h..2h"))
    async with planned(tmp_path, plan="plan.yaml") as it:
        draft = await it.status()
        started = await it.command("start", "--reason", "test")
        await it.until(lambda plan: plan["step"] == "observing", "it observes")
        held = await it.command("hold", "--reason", "lunch")
        stale = await it.command("resume", "--reason", "back", "--seq", "1")
        status = await it.command("status")
        resumed = await it.command("resume", "--reason", "back")
        (tmp_path / "bad.yaml").write_text("plan: bad\nstages: []\n")
        bad = await it.command("start", str(tmp_path / "bad.yaml"), "--reason", "test")

    assert (draft["phase"], draft["waiting_for"]) == ("draft", ["somebody who says `parallax plan start`"])
    assert (started.code, held.code, stale.code, status.code, resumed.code, bad.code) == (0, 0, 1, 1, 0, 2)
    assert "not the present one" in stale.said
    assert "held (operator)" in status.said
    assert "bad.yaml:2: stages:" in bad.said
