"""
What a plan asks and tells the world outside: checklists, a webhook, a real Prometheus, channels.
"""

from pathlib import Path

from tests.parts.outside import outside
from tests.parts.planned import planned
from tests.parts.prometheus import running_prometheus

ASKING = """
plan: asking
expect: {{rate: 50}}
prometheus: {{url: "{prometheus}"}}
defaults: {{settle: 0s, cooldown: 1h}}
gates:
  errors: {{event: old_ok & new_error, max: 0.5, min: 5}}
  hook: {{source: webhook, url: "{hook}/ask", every: 0.5s}}
  load: {{source: promql, query: "1 + 1", condition: "< 3", every: 0.2s, pass: 2 of 2, fail: 2 of 2}}
  whole: {{source: completeness, min: 0.5}}
stages:
  - {{name: shadow, success: Well., weight: 0, observe: 0.5s..1h, gates: [errors, hook, load]}}
  - {{name: live, success: Well., weight: 10, observe: 0.5s..1h, gates: [errors, load], advance: approve,
      rollback: {{to: shadow}}, checklist: ready}}
comms:
  channels: {{ops: {{webhook: "{channel}/notices"}}}}
  tell: {{stage_start: [ops], rollback: [ops], hold: [ops]}}
  must_deliver: [rollback]
checklists:
  preflight: [{{auto: sides_answer}}, {{auto: workers}}, {{auto: store}}, {{auto: clock}}, {{cmd: [/bin/true]}},
    {{manual: Tea is made}}]
  ready: [{{cmd: [/bin/sh, -c, "test $PARALLAX_STAGE = live"]}}]
"""


async def test_a_plan_asks_and_tells_the_world_outside(tmp_path: Path) -> None:
    """
    It starts once everything has answered and was done, advances by what it is answered, and tells of each transition
    once; a hook that says no rolls nothing back but holds.
    """
    with running_prometheus(tmp_path) as prometheus:
        async with outside(204) as hook, outside(500) as channel, planned(tmp_path) as it, it.load():
            text = ASKING.format(prometheus=prometheus, hook=hook.url, channel=channel.url)
            refused = await it.move("start", text=text, file="a.yaml", reason="test")
            untroubled = list(channel.asked)
            ticked = await it.move("check", item="preflight/6", evidence="the pot")
            unheard = await it.move("start", text=text, file="a.yaml", reason="test")
            channel.does = 200
            started = await it.move("start", text=text, file="a.yaml", reason="test")
            await it.until(lambda plan: plan["stage"] == "live" and plan["step"] == "observing", "it is live")
            rolled = await it.move("rollback", reason="enough")
            await channel.until(lambda: len([one for one in channel.asked if one.json["event"] == "rollback"]) == 1)
            status = await it.status()

    assert (refused.status, unheard.status, untroubled) == (409, 409, [])
    assert "a test message to ops failed" in unheard.value["error"]
    assert "preflight/6 (Tea is made)" in refused.value["error"]
    assert "the source of" not in refused.value["error"]
    assert (ticked.status, started.status, rolled.status) == (200, 200, 200), started
    told = [(one.json["event"], one.json["stage"]) for one in channel.asked if one.json["event"] != "test"]
    assert told == [("stage_start", "shadow"), ("stage_start", "live"), ("rollback", "shadow")]
    assert len({one.json["id"] for one in channel.asked}) >= len(told)
    assert {one.json["stage"] for one in hook.asked} == {"shadow"}
    assert status["step"] in ("rolling_back", "held")  # by a person: until somebody resumes
