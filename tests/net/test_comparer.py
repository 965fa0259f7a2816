"""
Comparers as a worker reaches them: over real sockets, whatever is at the other end.
"""

import asyncio
from collections.abc import Callable

import pytest

from proxy.link.pairs import Said, Verdict, pack_verdicts
from proxy.mirror.handover import DEADLINE
from proxy.net.comparer import LONGEST_PAUSE, Comparers
from proxy.tasks import spawn
from tests.parts.comparing import IS_ROOT, by_another_user
from tests.parts.handed import Heard, Hearing, Stage
from tests.parts.parallax import until

LARGE = b"x" * 50_000


class Sent:
    """
    A worker that follows these names, with a clock that the test turns.
    """

    def __init__(self, *names: str, limit: int = 1000, budget: int = 100 * 2**20) -> None:
        self.stage = Stage(limit, budget)
        self.comparers = Comparers(self.stage.handover)
        self.now = 0.0
        self.comparers.follow(names)

    def tick(self, seconds: float = 0.25) -> None:
        """
        The worker's one timer.
        """
        self.now += seconds
        self.comparers.tick(self.now)

    async def entries(self, **wanted: int) -> None:
        """
        Return once the books have these entries.
        """
        await self.until(lambda: self.stage.entries == wanted, f"{wanted}, not {self.stage.entries}")

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """
        Return once that holds.
        """

        async def done() -> bool:
            return holds()

        await until(done, what)

    async def again(self, comparer: Hearing) -> Heard:
        """
        The worker's next connection, however many ticks it takes.
        """
        arriving: asyncio.Task[Heard] = spawn(comparer.worker(), name="arriving")
        for _ in range(2 * LONGEST_PAUSE):
            self.tick()
            await turns()
        return await arriving


async def turns() -> None:
    """
    Let the loop turn until what was sent within this process has been read, and what follows of it is done.
    """
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_handed_over_before_the_comparer_says_that_it_judges() -> None:
    """
    What has waited comes then, what comes later follows, and verdicts go into the books.
    """
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.worker()
        worker.stage.differ(3)
        worker.tick()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await heard.pairs(1)
        assert worker.stage.entries == {}
        heard.greet()
        waited = await heard.pairs(3)
        worker.stage.differ(2)
        later = await heard.pairs(2)
        heard.settle(waited)
        heard.settle(later, Said.NOISE)
        await worker.entries(equivalent=3, noise=2)

        assert len({pair.id for pair in waited + later}) == 5
        assert [(pair.old_content, pair.new_content) for pair in waited] == [(b"one", b"other")] * 3
        worker.comparers.close()
        assert await heard.closed() == 0


async def test_verdicts_may_come_in_pieces() -> None:
    """
    Cut anywhere, the greeting too.
    """
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.worker()
        worker.stage.differ(2)
        for byte in pack_verdicts([Verdict(0, Said.HERE, 0, 0, 0)]):
            heard.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        pairs = await heard.pairs(2)
        for byte in pack_verdicts([Verdict(pair.id, Said.DIVERGENT, 1 << 4, 7, 1) for pair in pairs]):
            heard.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await worker.entries(divergent=2)

        assert worker.stage.shown == [7, 7]
        assert worker.stage.page.differences == {"value": 2}
        assert worker.stage.budget.used == 0
        worker.comparers.close()


async def test_verdicts_do_not_cut_a_batch_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What waits for others goes on waiting: many small batches would wake both processes for each pair or two.
    """
    monkeypatch.setattr("proxy.net.comparer.BATCH_SECONDS", 600.0)
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.greeted()
        worker.stage.differ()
        worker.tick()
        given = await heard.pairs(1)
        worker.stage.differ(2)
        heard.settle(given)
        await worker.entries(equivalent=1)

        assert worker.stage.handover.waits
        worker.tick()
        heard.settle(await heard.pairs(2))
        await worker.entries(equivalent=3)
        worker.comparers.close()


async def test_who_begins_with_anything_but_a_greeting_gets_nothing() -> None:
    """
    It is no comparer.
    """
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.worker()
        worker.stage.differ()
        heard.say([Verdict(1, Said.DIVERGENT, 0, 0, 0)])

        assert await heard.closed() == 0
        again = await worker.again(comparer)
        again.greet()
        again.settle(await again.pairs(1))
        await worker.entries(equivalent=1)
        worker.comparers.close()


async def test_what_a_dead_comparer_had_is_lost_and_what_waited_is_for_the_next() -> None:
    """
    At the same name, which outlives it.
    """
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.greeted()
        worker.stage.differ(2)
        await heard.pairs(2)
        heard.writer.transport.abort()
        await worker.entries(comparer_lost=2)
        worker.stage.differ(3)
        again = await worker.again(comparer)
        again.greet()
        again.settle(await again.pairs(3))
        await worker.entries(comparer_lost=2, equivalent=3)

        assert worker.stage.handover.unanswered == worker.stage.budget.used == 0
        worker.comparers.close()


async def test_a_comparer_that_owes_too_long_is_given_up() -> None:
    """
    A late word says nothing any more, and the worker tries again.
    """
    async with Hearing() as comparer:
        worker = Sent(comparer.name)
        heard = await comparer.greeted()
        worker.stage.differ()
        pairs = await heard.pairs(1)
        worker.tick(DEADLINE)
        assert worker.stage.entries == {}
        worker.tick(0.1)
        heard.settle(pairs)
        await worker.entries(comparer_lost=1)
        again = await worker.again(comparer)
        again.greet()
        worker.stage.differ()
        again.settle(await again.pairs(1))
        await worker.entries(comparer_lost=1, equivalent=1)
        worker.comparers.close()


async def test_the_next_pairs_go_to_who_has_least_to_do() -> None:
    """
    Whoever is slow is spared, as long as it owes something.
    """
    async with Hearing() as slow, Hearing() as quick:
        worker = Sent(slow.name, quick.name)
        first = await slow.greeted()
        worker.stage.differ()
        owed = await first.pairs(1)
        second = await quick.greeted()
        await turns()
        for number in range(3):
            worker.stage.differ()
            second.settle(await second.pairs(1))
            await worker.entries(equivalent=number + 1)
        worker.stage.differ()
        await second.pairs(1)
        first.settle(owed)
        await worker.entries(equivalent=4)
        worker.stage.differ()

        assert len(await first.pairs(1)) == 1
        worker.comparers.close()


async def test_a_comparer_that_does_not_read_holds_little_and_the_other_one_goes_on() -> None:
    """
    What it hasn't taken waits in the worker, for others, within the budget.
    """
    async with Hearing() as deaf, Hearing() as quick:
        worker = Sent(deaf.name)
        await deaf.greeted()
        worker.stage.differ(200, LARGE)
        await worker.entries()
        await turns()
        waits = worker.stage.handover.waits
        worker.comparers.follow([deaf.name, quick.name])
        heard = await quick.greeted()
        settled = 0
        while worker.stage.handover.waits:
            pairs = await heard.pairs(1)
            heard.settle(pairs)
            settled += len(pairs)
        assert waits
        # A batch is under way to each, another one is with the kernel.
        assert settled >= 150
        worker.comparers.close()


async def test_while_nobody_listens_it_tries_again_ever_more_rarely() -> None:
    """
    And soon after somebody does.
    """
    worker = Sent("parallax-nobody-listens-here")
    worker.stage.differ()
    for _ in range(50):
        worker.tick(0.0)
        await turns()
    async with Hearing("parallax-nobody-listens-here") as comparer:
        heard = await worker.again(comparer)
        heard.greet()
        heard.settle(await heard.pairs(1))
        await worker.entries(equivalent=1)
        worker.comparers.close()


async def test_names_that_are_told_are_followed_and_others_left() -> None:
    """
    Who stays is not disturbed; without any name, bytes decide.
    """
    async with Hearing() as first, Hearing() as second:
        worker = Sent(first.name)
        kept = await first.greeted()
        worker.comparers.follow([first.name, second.name])
        left = await second.greeted()
        worker.comparers.follow([first.name])
        assert await left.closed() == 0
        worker.stage.differ()
        kept.settle(await kept.pairs(1))
        await worker.entries(equivalent=1)
        worker.comparers.follow([])
        worker.stage.differ()

        assert worker.stage.entries == {"equivalent": 1, "divergent": 1}
        assert await kept.closed() == 0


async def test_every_pair_has_one_end_whatever_comparers_do() -> None:
    """
    They answer twice, of others' pairs, in any order, or die with some in hand: the books balance, nothing is held.
    """
    async with Hearing() as one, Hearing() as other:
        worker = Sent(one.name, other.name)
        heard = [await one.greeted(), await other.greeted()]
        worker.stage.differ(200, LARGE[:2000])

        async def judge(mine: Heard) -> None:
            while pairs := await mine.pairs(1):
                for each in heard:
                    each.settle(pairs[::-1] * 2)

        judging = [spawn(judge(mine), name="judge") for mine in heard]
        await worker.until(lambda: not worker.stage.handover.waits, "all are handed over")
        heard[0].writer.transport.abort()
        worker.tick(DEADLINE + 1)
        await worker.until(lambda: not worker.stage.handover.unanswered, "all have an end")
        worker.comparers.close()
        await asyncio.gather(*judging)
        entries = worker.stage.entries

        assert {*entries} <= {"equivalent", "comparer_lost"}
        assert sum(entries.values()) == 200
        assert worker.stage.budget.used == 0


@pytest.mark.skipif(not IS_ROOT, reason="only root can be somebody else")
async def test_nothing_is_handed_to_another_users_process() -> None:
    """
    Whoever took the name: it isn't told anything.
    """
    program = (
        "s = socket.socket(socket.AF_UNIX); s.bind('\\0' + sys.argv[1]); s.listen(); print('listening', flush=True)\n"
        "c, _ = s.accept(); c.settimeout(20)\n"
        "try:\n    c.sendall(bytes.fromhex(sys.argv[2])); print(c.recv(100))\n"
        "except ConnectionError: print(b'')"
    )
    name = "parallax-somebody-else-listens"
    command = by_another_user(program, name, pack_verdicts([Verdict(0, Said.HERE, 0, 0, 0)]).hex())
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"listening\n"
    worker = Sent(name)
    worker.stage.differ()

    assert await process.stdout.read() == b"b''\n"
    assert await process.wait() == 0
    assert worker.stage.entries == {}
    worker.comparers.close()
