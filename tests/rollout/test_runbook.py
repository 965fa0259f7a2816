"""
The runbook, typed: every command of its pages on a real Parallax that carries out its plan.
"""

import asyncio
import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.plan.parse import plan_hash, read_plan
from proxy.plan.render.commands import Commands
from proxy.plan.render.documents import render_markdown
from proxy.plan.render.making import make_book
from tests.parts.operator import Operator
from tests.parts.parallax import PROJECT
from tests.parts.planned import Planned, planned

CONFIGURATION = {"routes": [{"name": "search", "match": {"path": "/search/**"}}]}
# Something of everything that has a command of its own: signatures, checklists, approvals, routes, ways back.
PLAN = """
plan: typed
expect: {rate: 50}
defaults: {settle: 0s, cooldown: 1h}
gates:
  errors: {event: old_ok & new_error, max: 0.5, min: 5}
guards:
  wrong: {event: mismatch, max: 0.05, detect: [4x, 0.6]}
stages:
  - {name: shadow, success: Well., weight: 0, observe: 0.1s..1h, gates: [errors], advance: approve}
  - {name: search, success: Well., routes: {search: 10}, observe: 1h..2h, gates: [errors], rollback: {to: shadow}}
  - {name: all, success: Well., weight: 10, observe: 1h..2h, gates: [errors], rollback: {to: search}}
team:
  roles:
    lead: {who: alice, may: [start, approve, advance, hold, resume, rollback, abort, force]}
    data: {who: bob, may: [approve, hold, rollback]}
  reviewers: data
checklists:
  preflight: [{manual: The backup was restored, owner: lead, evidence: true}]
"""


def commands_of(documents: dict[str, str]) -> set[str]:
    """
    All that their pages tell people to type.
    """
    pages = (text for name, text in documents.items() if name.startswith(("runbook", "rollback/", "cutover")))
    return {line for text in pages for line in re.findall(r"`(parallax [^`]+)`", text)} - {"parallax plan render"}


class Typing:
    """
    People at their terminals, in the folder of the plan.
    """

    def __init__(self, it: Planned) -> None:
        self._it = it
        self.url = "http://{}:{}".format(*it.parallax.admin)
        self.left: set[str] = set()

    def _surroundings(self, who: Operator) -> dict[str, str]:
        return {"PARALLAX_ADMIN_URL": self.url, "PARALLAX_ADMIN_TOKEN": who.secret}

    async def type(self, line: str, *, who: Operator | None = None, code: int = 0) -> str:
        """
        One line of the documents; it has to end with this exit code.
        """
        self.left.discard(line)
        words, surroundings = shlex.split(line)[1:], self._surroundings(who or self._it.operator)
        result = await asyncio.to_thread(CliRunner().invoke, main, words, env=surroundings, prog_name="parallax")
        assert result.exit_code == code, f"{line}: {result.output}"
        return result.output

    async def watch(self, line: str) -> str:
        """
        One that goes on until Ctrl-C: its first line.
        """
        self.left.discard(line)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", *shlex.split(line)[1:]),
            cwd=PROJECT,
            env={**os.environ, **self._surroundings(self._it.operator)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        said = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        return said.decode()


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """
    The plan lies in a folder that somebody has gone to.
    """
    (tmp_path / "typed.yaml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    return render_markdown(make_book(read_plan(PLAN, "typed.yaml"), plan_hash(PLAN), "typed.yaml"))


async def test_every_command_of_the_runbook_does_what_it_is_for(tmp_path: Path, documents: dict[str, str]) -> None:
    """
    In an order in which somebody might need them; none is left out. Afterwards the report has what has been.
    """
    commands = Commands(file="typed.yaml")
    async with planned(tmp_path, CONFIGURATION, plan="typed.yaml") as it, it.load():
        hands = Typing(it)
        hands.left = commands_of(documents) - {commands.serve("parallax.yaml")}  # done: it runs, and knows the plan

        await it.until(lambda plan: plan["phase"] == "draft", "it has the plan")
        await hands.type(commands.validate)
        await hands.type(commands.sign, who=it.other)
        await hands.type(commands.check("preflight", 1, evidence=True))
        assert "running" in await hands.type(commands.start)
        assert "shadow" in await hands.watch(commands.watch)
        assert "shadow" in await hands.type(commands.status)
        await hands.type(commands.evidence)
        await hands.type(commands.audit)

        await it.until(lambda plan: plan["step"] == "ready", "its gates have passed")
        await hands.type(commands.approve, who=it.other)
        await it.until(lambda plan: (plan["stage"], plan["step"]) == ("search", "observing"), "search is observed")
        assert (await it.operator.weights())["routes"]["search"] == 10
        await hands.type(commands.hold)
        await hands.type(commands.resume)
        await it.until(lambda plan: [gate["result"] for gate in plan["gates"]] == ["pass"], "it would pass")
        await hands.type(commands.advance)
        await it.until(lambda plan: (plan["stage"], plan["step"]) == ("all", "observing"), "all is observed")

        await hands.type(commands.rollback_route("search"))
        assert (await it.operator.weights())["routes"]["search"] == 0
        await hands.type(commands.rollback)
        await it.until(lambda plan: (plan["stage"], plan["step"]) == ("search", "held"), "it is rolled back, and holds")
        assert "0" in await hands.type(commands.weights)
        assert (await it.operator.weights())["new"] == 0
        await hands.type(commands.kill)
        await it.until(lambda plan: plan["held"] == "killed", "it holds")
        await hands.type(commands.restore)
        await hands.type(commands.by_hand(["search"]))
        await hands.type(commands.abort)
        await it.until(lambda plan: plan["phase"] == "aborted", "it is over")
        await hands.type(f"{commands.render} --admin {hands.url}")

    assert hands.left == set()
    report = (tmp_path / "documents" / "final-report.md").read_text()
    for told in ("| phase | aborted |", "shadow: passed. errors: ", "all: **rollback** by alice. what was seen"):
        assert told in report, report
