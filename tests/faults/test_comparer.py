"""
Whatever becomes of the comparer while every answer differs: clients get old's bytes, and each pair has one end.
"""

import asyncio
import json
import os
import resource
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGSTOP

import pytest
import pytest_asyncio

from proxy.supervise.child import GIVES_WAY
from proxy.tasks import spawn
from tests.parts.client import get
from tests.parts.kernel import children, forget_peak, peak, state
from tests.parts.origin import Received, answer
from tests.parts.parallax import Books, Parallax, until
from tests.parts.scene import Scene, scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUEUE = 100
BUDGET = 8 * 2**20
JSON = b"Content-Type: application/json"
# Judging it takes longer than anybody lives, and burns a core.
TRAPPED = "a" * 64
CONFIGURATION = {
    "mirror": {"breaker": False, "memory_budget": BUDGET, "max_body": 2 * 2**20, "concurrency": 256},
    "judge": {"queue": QUEUE, "max_seconds": 3600},
    "compare": {"rewrite": [{"path": "$.trap", "pattern": "(a+)+$", "with": ""}]},
    # Each test has its own, so that none is blamed for what others did.
    "metrics": {"endpoints": ["GET /killed", "GET /hung", "GET /large", "GET /poison", "GET /other"]},
}
# What the books may say of pairs that nobody judged.
UNJUDGED = {"comparer_lost", "queue_full"}


def comparers(parallax: Parallax) -> list[int]:
    """
    The process ids of the comparers.
    """
    return [pid for pid, line in children(parallax.pid).items() if "proxy.comparer" in line]


def used(process: int) -> float:
    """
    Seconds of a processor that a process has had.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disagree(stage: Scene) -> None:
    """
    Every answer of new's differs from old's in one value, which JSON has to be read for.
    """
    stage.old.script = lambda received: received.answer(of(received, "old"))
    stage.new.script = lambda received: received.answer(of(received, "new"))


def of(received: Received, side: str, *, spaces: bool = False) -> bytes:
    """
    One side's answer: about the target that was asked for, as large as that wants it, and perhaps written otherwise.
    """
    target = received.target.decode()
    said = {"target": target, "side": side, "trap": TRAPPED + side[0].upper() if "poison" in target else ""}
    said["fill"] = "x" * 2**20 if "large" in target else ""
    return answer(json.dumps(said, indent=1 if spaces else None).encode(), JSON)


class Visits:
    """
    Requests to a scene whose sides disagree, and what the books say of them.
    """

    def __init__(self, stage: Scene, before: Books) -> None:
        self.stage = stage
        self.parallax = stage.parallax
        self.asked = 0
        self._before = before

    async def ask(self, times: int, target: str, clients: int = 10) -> None:
        """
        So many requests, of several clients at once; each gets what old says of it, and nothing else.
        """
        numbers = iter(range(times))

        async def one() -> None:
            client = await self.stage.client()
            for number in numbers:
                self.asked += 1
                got = await client.ask(get(b"%b?%d" % (target.encode(), number)))
                said = json.loads(bytes(got.body))
                assert (got.status, said["side"], said["target"]) == (200, "old", f"{target}?{number}")
            client.close()

        await asyncio.gather(*(one() for _ in range(clients)))

    async def books(self) -> Books:
        """
        The books of these, once each has its end; nothing is held for them then.
        """
        books = await self.parallax.settled(self._before.eligible + self.asked)
        since = books.since(self._before)
        assert since.eligible == self.asked
        assert since.requests.get("old|live|200", 0) == self.asked
        assert since.errors == {}
        assert books.memory == 0
        return since

    async def comparer(self, *, after: int = 0) -> int:
        """
        The process id of a comparer that judges: it is there and said so. Not the one that the test is done with.
        """
        found = 0

        async def judges() -> bool:
            nonlocal found
            said = {line["pid"] for line in self.parallax.events("comparer_ready")}
            found = next((pid for pid in comparers(self.parallax) if pid in said and pid != after), 0)
            return found > 0

        await until(judges, "a comparer judges", 30.0)
        return found

    async def told(self, event: str, endpoint: str) -> None:
        """
        Return once the log says this of an endpoint.
        """

        async def is_told() -> bool:
            return endpoint in {line["endpoint"] for line in self.parallax.events(event)}

        await until(is_told, f"{event} of {endpoint}", 30.0)

    async def more(self, target: str, times: int = 1) -> Books:
        """
        The books of so many further ones alone.
        """
        before = await self.books()
        await self.ask(times, target)
        return (await self.books()).since(before)


@pytest_asyncio.fixture(loop_scope="session")
async def visits(stage: Scene) -> Visits:
    """
    To a Parallax that all tests share, whose comparer judges.
    """
    disagree(stage)
    stage.parallax.forgiven.add("child_ended")
    made = Visits(stage, await stage.parallax.settled(0))
    await made.comparer()
    return made


def quarantined(parallax: Parallax) -> set[str]:
    """
    The endpoints that were kept away from comparers.
    """
    return {line["endpoint"] for line in parallax.events("endpoint_quarantined")}


async def test_a_comparer_gives_way_to_workers(visits: Visits) -> None:
    """
    Where processors are scarce, clients' answers go before verdicts on them.
    """
    (worker,) = visits.parallax.workers()
    usual = os.getpriority(os.PRIO_PROCESS, worker)

    assert os.getpriority(os.PRIO_PROCESS, await visits.comparer()) == min(usual + GIVES_WAY, 19)


async def test_a_killed_comparer_costs_the_pairs_that_it_had(visits: Visits) -> None:
    """
    In the middle of a load: whatever was judged before stays, and the next comparer judges what comes then.
    """
    assert (await visits.more("/killed", 50)).verdicts == {"divergent": 50}
    load = spawn(visits.ask(600, "/killed"), name="load")
    await visits.ask(200, "/killed")
    killed = await visits.comparer()
    os.kill(killed, SIGKILL)
    await load
    await visits.comparer(after=killed)
    assert (await visits.more("/killed")).verdicts == {"divergent": 1}
    books = await visits.books()

    assert {*books.verdicts} == {"divergent"}
    assert {*books.skipped} <= UNJUDGED
    assert books.requests["new|shadow|200"] == visits.asked
    # Of the first 250 all but those that had no verdict yet.
    assert books.verdicts["divergent"] > 250 - QUEUE
    assert "GET /killed" not in quarantined(visits.parallax)


async def test_a_comparer_that_hangs_is_waited_for_by_nobody(visits: Visits) -> None:
    """
    Its clients have all their answers while it still hangs. What it was given has no verdict; then it is replaced.
    """
    hung = await visits.comparer()
    os.kill(hung, SIGSTOP)
    await visits.ask(10, "/hung")
    assert state(hung) == "T"
    await visits.ask(2 * QUEUE, "/hung")
    books = await visits.books()

    assert {*books.skipped} <= UNJUDGED
    assert books.skipped["comparer_lost"] > 0
    await visits.comparer(after=hung)
    assert (await visits.more("/hung")).verdicts == {"divergent": 1}


async def test_what_waits_for_a_verdict_is_held_within_the_budget(visits: Visits) -> None:
    """
    Fifteen times as much, in answers of a megabyte, while nobody judges; then nothing is held.
    """
    hung, (worker,) = await visits.comparer(), visits.parallax.workers()
    await visits.more("/large", 10)
    os.kill(hung, SIGSTOP)
    forget_peak(worker)
    least = peak(worker)
    load = spawn(visits.ask(60, "/large"), name="load")
    held = 0
    while not load.done():
        held = max(held, (await visits.parallax.books()).memory)
    await load
    most = peak(worker)
    # On a slow machine the supervisor was first.
    with suppress(ProcessLookupError):
        os.kill(hung, SIGKILL)
    await visits.comparer(after=hung)
    books = await visits.books()

    assert held <= BUDGET
    assert most - least <= 3 * BUDGET
    assert books.skipped["memory_budget"] > 0
    assert {*books.skipped} <= UNJUDGED | {"memory_budget"}


async def test_a_pair_that_kills_comparers_is_kept_away_from_them(visits: Visits) -> None:
    """
    The kernel ends each comparer that has burned too much of the processor, and two have; others are judged on.
    """
    for death in ("endpoint_suspected", "endpoint_quarantined"):
        doomed = await visits.comparer()
        limit = int(used(doomed) + 0.5) + 1
        resource.prlimit(doomed, resource.RLIMIT_CPU, (limit, limit))
        books = await visits.more("/poison")
        # On a slow machine the pair is given up before its comparer ends.
        await visits.told(death, "GET /poison")

        assert books.skipped == {"comparer_lost": 1}
    survivor = await visits.comparer()

    assert (await visits.more("/poison", 20)).skipped == {"judge_error": 20}
    assert (await visits.more("/other", 20)).verdicts == {"divergent": 20}
    assert await visits.comparer() == survivor
    assert quarantined(visits.parallax) == {"GET /poison"}


async def test_without_comparers_bytes_decide(tmp_path: Path) -> None:
    """
    What differs is divergent, whatever the rules would say; nobody waits for anybody.
    """
    async with scene({**CONFIGURATION, "comparers": 0}, tmp_path) as stage:
        disagree(stage)
        visits = Visits(stage, await stage.parallax.settled(0))
        differing = await visits.more("/other", 100)
        stage.new.script = lambda received: received.answer(of(received, "old"))
        same = await visits.more("/other", 100)
        stage.new.script = lambda received: received.answer(of(received, "old", spaces=True))
        spaced = await visits.more("/other", 100)

        assert comparers(stage.parallax) == []
        assert (differing.verdicts, differing.skipped) == ({"divergent": 100}, {})
        # What a comparer would call equivalent.
        assert (spaced.verdicts, spaced.skipped) == ({"divergent": 100}, {})
        assert (same.verdicts, same.skipped) == ({"identical": 100}, {})
        status, body = await stage.parallax.fetch(
            stage.parallax.admin, b"/admin/divergences", await stage.parallax.signed_in()
        )
        found = json.loads(body)
        assert status == 200
        # What no comparer looks at has no signature; a few of such pairs are shown as they are.
        assert found["signatures"] == []
        assert {one["endpoint"] for one in found["unjudged"]} == {"GET /other"}
