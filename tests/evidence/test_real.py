"""
Evidence of a real Parallax: seen by comparers, kept by control, shown, accepted, and judged again.

All tests share it, and its one signature.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from proxy.threads import on_thread
from tests.parts.origin import Origin, Received, answer
from tests.parts.parallax import PROJECT, Parallax, running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = b"Content-Type: application/json"
CLOSE = b"Connection: close"
MAIL = "ann@example.com"


def scripted(origin: Origin, price: str) -> None:
    """
    Answer with this price, and with what must not be shown.
    """

    def script(received: Received) -> None:
        body = {"price": price, "mail": MAIL, "markup": "<script>alert(1)</script>", "hostile": "\x1b[31m\u202e"}
        received.answer(answer(json.dumps(body).encode(), JSON))

    origin.script = script


class Case:
    """
    A Parallax between two sides that don't agree.
    """

    def __init__(self, parallax: Parallax) -> None:
        self.parallax = parallax
        self.visits = 0

    async def visit(self, times: int = 1, user: bytes = b"ann") -> None:
        """
        Ask that often.
        """
        for _ in range(times):
            status, _ = await self.parallax.fetch(
                self.parallax.address, b"/prices?mail=" + MAIL.encode(), b"X-User: " + user
            )
            assert status == 200
            self.visits += 1

    async def ask(self, path: str) -> dict[str, Any]:
        """
        What the admin port answers.
        """
        _, body = await self.parallax.fetch(self.parallax.admin, path.encode(), await self.parallax.signed_in())
        found: dict[str, Any] = json.loads(body)
        return found

    async def signature(self, count: int, *, visiting: bool = True) -> dict[str, Any]:
        """
        The one signature, once it has been counted that often, and has a sample.
        """
        found: dict[str, Any] = {}

        async def is_there() -> bool:
            # Samples are made once control has given comparers its salt.
            if visiting and not found.get("samples"):
                await self.visit()
            signatures = (await self.ask("/admin/divergences")).get("signatures", ())
            found.update(signatures[0] if signatures else {})
            return found.get("count", 0) >= count and bool(found["samples"])

        await until(is_there, f"a signature with {count} pairs and a sample")
        return found

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """
        A command, as an operator would give it; in colour.
        """
        host, port = self.parallax.admin
        command = [sys.executable, "-m", "proxy", *words, "--admin", f"http://{host}:{port}"]
        token = str(self.parallax.folder / "var" / "admin-token")
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), "FORCE_COLOR": "1", "COLUMNS": "200"}

        def call() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, "--token-file", token],
                capture_output=True, text=True, check=False, timeout=60, env=environment, cwd=self.parallax.folder,
            )  # fmt: skip

        return await on_thread("a command", call)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Case]:
    """
    Old and new say different prices.
    """
    async with Origin() as old, Origin() as new:
        scripted(old, "10.00")
        scripted(new, "10.0")
        configuration = {
            "old": {"url": old.url},
            "new": {"url": new.url},
            "sticky": {"key": ["header:X-User"]},
            "metrics": {"endpoints": ["GET /prices"]},
            # None of these hides what differs.
            "compare": {
                "ignore": ["$.mail"],
                "case": ["$.misspelt"],
                "endpoints": {"GET /prices": {"whitespace": ["$.price"]}},
            },
        }
        async with running(configuration, tmp_path_factory.mktemp("evidence")) as parallax:
            yield Case(parallax)


async def test_what_differs_is_counted_shown_and_kept_over_a_restart_of_control(case: Case) -> None:
    """
    Without its secrets; and nothing is counted twice.
    """
    found = await case.signature(1)

    assert (found["endpoint"], found["severity"]) == ("GET /prices", "value")
    assert found["parts"] == [{"path": "$.price", "kind": "value"}]
    one = await case.ask(f"/admin/divergences/{found['id']}")
    text = json.dumps(one)
    assert MAIL not in text
    assert one["samples"][0]["differences"][0]["old"] == '"10.00"'
    assert "<script>" in text

    async def is_hit() -> bool:
        affected = (await case.ask(f"/admin/divergences/{found['id']}/affected")).get("affected")
        return affected is not None and [one["by_old"] > 0 for one in affected] == [True]

    await until(is_hit, "the key that was hit is kept")
    case.parallax.forgiven.add("child_ended")
    for pid in case.parallax.controls():
        os.kill(pid, signal.SIGKILL)
    again = await case.signature(1, visiting=False)

    assert (again["id"], again["first"]) == (found["id"], found["first"])
    assert 0 < again["count"] <= case.visits
    assert (case.parallax.folder / "var" / "salt").stat().st_mode & 0o777 == 0o600


async def test_a_waived_signature_is_waived_until_somebody_changes_his_mind(case: Case) -> None:
    """
    From the next pairs on; in the audit with who and why.
    """
    await case.visit()
    found = await case.signature(1)
    waived = await case.run("waive", found["id"], "--until", "2027-01-01", "--reason", "rounded")

    assert waived.returncode == 0, waived.stderr
    assert waived.stdout.startswith("waived until 2027-01-02T00:00:00Z")

    async def is_in_force() -> bool:
        await case.visit()
        return (await case.parallax.books()).verdicts.get("waived", 0) > 0

    await until(is_in_force, "pairs are waived")
    assert (await case.ask("/admin/divergences"))["signatures"][0]["waived_until"] == "2027-01-02T00:00:00Z"
    removed = await case.run("waive", found["id"], "--remove", "--reason", "not agreed after all")
    assert removed.returncode == 0, removed.stderr
    before = (await case.parallax.books()).verdicts["divergent"]

    async def counts_again() -> bool:
        await case.visit()
        return (await case.parallax.books()).verdicts["divergent"] > before

    await until(counts_again, "pairs are divergent again")
    lines = (await case.ask("/admin/audit"))["entries"]
    told = [(line["actor"], line["action"], line["reason"]) for line in lines if "waive" in line["action"]]
    assert told == [("local", "remove waiver", "not agreed after all"), ("local", "waive", "rounded")]


async def test_a_waiver_ends_at_its_moment_by_itself(case: Case) -> None:
    """
    While Parallax runs, and with nobody asking.
    """
    found = await case.signature(1)
    moment = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    waived = await case.run("waive", found["id"], "--until", moment, "--reason", "for a moment")

    assert waived.returncode == 0, waived.stderr

    async def is_over() -> bool:
        return bool(case.parallax.events("waiver_over"))

    await until(is_over, "the waiver is over")
    before = (await case.parallax.books()).verdicts["divergent"]

    async def counts_again() -> bool:
        await case.visit()
        return (await case.parallax.books()).verdicts["divergent"] > before

    await until(counts_again, "pairs are divergent again")


async def test_people_see_it_in_a_terminal_which_nothing_of_it_can_steer(case: Case) -> None:
    """
    Signatures, samples side by side, whom it hit, and what other rules would say.
    """
    await case.visit(2)
    found = await case.signature(2)
    rules = "compare: {rewrite: [{path: $.price, pattern: '0+$', with: ''}]}"
    sides = "old: {url: 'http://a.test'}\nnew: {url: 'http://b.test'}\n"
    (case.parallax.folder / "rules.yaml").write_text(sides + rules)
    shown = [
        await case.run("evidence"),
        await case.run("evidence", "show", found["id"]),
        await case.run("evidence", "show", found["id"], "--json"),
        await case.run("evidence", "affected", "--signature", found["id"]),
        await case.run("evidence", "rejudge", "--rules", "rules.yaml"),
    ]
    for ran in shown:
        assert ran.returncode == 0, ran.stderr
        assert MAIL not in ran.stdout + ran.stderr
        # Of the colours that are ours, each is ended; theirs is not there.
        assert "\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}" not in ran.stdout
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in ran.stdout
    assert found["id"] in shown[0].stdout
    assert 'curl -sS -X GET "$OLD"' in shown[1].stdout
    assert '"10.00"' in shown[1].stdout
    assert re.search(r"old [\d.]+ ms.*, new [\d.]+ ms", shown[1].stdout)
    assert {type(one) for one in json.loads(shown[2].stdout)["samples"][0]["connected"]} == {bool}
    assert json.loads(shown[2].stdout)["samples"][0]["description"] is not None
    # How many there are by now depends on the clock: a signature gives at most one a second.
    assert re.search(r"\b([1-9][0-9]*) samples: \1 equivalent;", shown[4].stdout)


async def test_what_rules_do_is_seen_and_told(case: Case) -> None:
    """
    By comparers, of pairs that they look at besides judging them; by the API, and in a terminal.
    """

    async def was_met() -> bool:
        await case.visit()
        met = {row["rule"]: row["met"] for row in (await case.ask("/admin/rules"))["rules"]}
        return bool(met["ignore $.mail"])

    await until(was_met, "a pair was looked at")
    found = await case.ask("/admin/rules")
    shown = await case.run("evidence", "rules")
    listed = json.loads((await case.run("evidence", "rules", "--json")).stdout)
    rows = {row["rule"]: row for row in found["rules"]}

    assert found["pairs"] >= rows["ignore $.mail"]["met"]
    assert rows["case $.misspelt"]["met"] == 0
    assert rows["whitespace $.price"]["endpoint"] == "GET /prices"
    assert shown.returncode == 0, shown.stderr
    assert "case $.misspelt" in shown.stdout
    assert [row["rule"] for row in listed["rules"]] == list(rows)
