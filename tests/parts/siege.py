"""
A Parallax under load, watched all the time, while its processes are killed.
"""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from types import MappingProxyType

from proxy.clock import monotonic
from tests.parts.account import Fate, fates, lost
from tests.parts.kernel import children, connections, state
from tests.parts.load import Asked, Crowd, Load, Outcome
from tests.parts.operator import Operator
from tests.parts.parallax import Books, Configuration, Parallax, launch, merged, until
from tests.parts.sides import LOOPBACK, Arrival, Sides, sides
from tests.parts.watch import Watch

# A service manager tries again and again; we give up after this.
RESTART_PATIENCE = 20.0
GONE_UNSEEN = 1.0
# A worker tells its totals once a second; one that is kept from it tells them later.
UNTOLD = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """
    One kill -9, at monotonic seconds. `ports` are the clients' ports of all connections that the process held.
    """

    what: str
    pid: int
    at: float
    ports: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """
    What stands when all is quiet: the fate of every request so far, and the books.
    """

    fates: list[Fate]
    lost: list[Asked]
    books: Books


@dataclass(slots=True, kw_only=True)
class Siege:
    """
    Everything that takes part. `parallax` is the present one, `fallen` are those that were killed.
    """

    configuration: Configuration
    folder: Path
    environment: Mapping[str, str]
    sides: Sides
    parallax: Parallax
    load: Load
    watch: Watch
    operators: tuple[Operator, Operator]
    fallen: list[Parallax] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    blows: list[Blow] = field(default_factory=list)
    # Requests that are none of the load.
    others: int = 0

    @property
    def operator(self) -> Operator:
        """
        Whoever asks when it doesn't matter who.
        """
        return self.operators[0]

    async def open(self) -> None:
        """
        Return once control has opened its store, which it does while it already answers.
        """
        await self.operator.audit()

    # Doing harm...

    async def kill_worker(self, index: int) -> tuple[Blow, float]:
        """
        Kill one worker. Returns once another accepts, and how long that took.
        """
        ready = len(self.parallax.events("worker_ready"))
        blow = self._strike("worker", self.parallax.workers()[index])

        async def back() -> bool:
            return len(self.parallax.events("worker_ready")) > ready

        await until(back, "another worker accepts", 15)
        return blow, monotonic() - blow.at

    async def kill_control(self) -> tuple[Blow, float]:
        """
        Kill control. Returns once another answers, and how long that took.
        """
        blow = self._strike("control", self.parallax.control())

        async def back() -> bool:
            # Connections wait for the next one; only an answer shows that it is there.
            return (await self.operator.ask("GET", "/admin/weights")).status == 200

        await until(back, "another control answers", 20)
        return blow, monotonic() - blow.at

    async def kill_supervisor(self) -> tuple[Blow, float]:
        """
        Kill the supervisor and start another one, as often as it takes. Returns once it accepts and its predecessor's
        children are gone, and how long accepting took.
        """
        await self.watch.look_away()
        orphans = list(children(self.parallax.pid))
        blow = self._strike("supervisor", self.parallax.pid)
        # Not `process.wait`, which waits for the orphans too: they hold its stderr.
        while state(blow.pid) not in "XZ":
            pass
        self.fallen.append(self.parallax)
        self.parallax = await self._another()
        took = monotonic() - blow.at

        async def gone() -> bool:
            return all(state(pid) in "XZ" for pid in orphans)

        await until(gone, "the children of the killed supervisor have ended", 15)
        self.watch.look_anew()
        return blow, took

    def _strike(self, what: str, pid: int) -> Blow:
        """
        Stop a process, so that what it holds can be seen, and kill it.
        """
        assert pid, f"there is no {what} to kill"
        os.kill(pid, SIGSTOP)
        while state(pid) not in "TXZ":
            pass
        port = self.parallax.address[1]
        held = frozenset(there[1] for here, there in connections(pid) if here[1] == port)
        os.kill(pid, SIGKILL)
        blow = Blow(what=what, pid=pid, at=monotonic(), ports=held)
        self.blows.append(blow)
        return blow

    async def _another(self) -> Parallax:
        end = monotonic() + RESTART_PATIENCE
        while True:
            parallax = await launch(None, self.folder, environment=self.environment)
            parallax.forgiven |= self.parallax.forgiven
            try:
                await parallax.wait_ready()
                return parallax
            except AssertionError:
                # Its predecessor's children may still hold the port; a service manager would try again, too.
                await parallax.destroy()
                if monotonic() > end:
                    raise

    # Looking...

    async def quiet(self) -> Stand:
        """
        Let everybody finish, and hold what was sent against what arrived and what was counted; `load.go_on` goes on.

        AssertionError when something was lost that no killed worker had in hand, mixed up, doubled, counted wrong, or
        counted backwards.
        """
        await self.load.quiet()
        least, most = self._countable()
        books = await self.parallax.settled(least)
        await self.arrived()
        assert books.eligible <= most + self.others, f"only {most} were asked: {books}"
        found = fates(self.load.asked, self.arrivals)
        objections = [words for fate in found for words in fate.objections()]
        assert not objections, f"{len(objections)} objections: {objections[:5]}"
        assert not self.watch.backwards, self.watch.backwards[:5]
        gone = lost(self.load.asked)
        unexplained = [one for one in gone if not self._was_in_hand(one)]
        assert not unexplained, f"{len(unexplained)} lost without a reason: {unexplained[:5]}"
        return Stand(fates=found, lost=gone, books=books)

    def _countable(self) -> tuple[int, int]:
        """
        How many requests the present supervisor must know of, and how many of the load it can: what was answered is
        counted, but for what a worker counted in the seconds before it was killed.
        """
        since = max((blow.at for blow in self.blows if blow.what == "supervisor"), default=0.0)
        mine = [one for one in self.load.asked if one.began >= since]
        killed = [blow.at for blow in self.blows if blow.what != "control"]
        sure = sum(
            one.outcome is Outcome.RIGHT and not any(at - UNTOLD <= one.ended <= at + GONE_UNSEEN for at in killed)
            for one in mine
        )
        return sure, len(mine)

    async def arrived(self) -> list[Arrival]:
        """
        What arrived since somebody looked the last time; number 0 is no request of the load.
        """
        taken = await self.sides.taken()
        latest = [arrival for arrival in taken if arrival.number]
        self.others += sum(not arrival.copy for arrival in taken) - sum(not arrival.copy for arrival in latest)
        self.arrivals += latest
        return latest

    def _was_in_hand(self, asked: Asked) -> bool:
        """
        Whether a request was on a connection of a worker that was killed before the request ended.
        """
        # A client may send before it sees that its connection is gone.
        return any(
            asked.port in blow.ports and asked.began <= blow.at + GONE_UNSEEN and asked.ended >= blow.at
            for blow in self.blows
        )


def free_ports(count: int) -> list[int]:
    """
    Ports that nobody uses now, outside of those that the kernel gives to clients: a client that connects to a port of
    theirs while nobody listens can end up connected to itself.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(18_000, 32_000)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex((LOOPBACK, port)) != 0:
                found.append(port)
    return found


@asynccontextmanager
async def siege(
    configuration: Configuration,
    folder: Path,
    crowd: Crowd = Crowd(),  # noqa: B008 - a frozen value
    *,
    spread: float = 0.02,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Siege]:
    """
    Sides, Parallax on fixed ports, load and watch; at the end all of it stops, Parallax cleanly.
    """
    listen, health, admin = (f"{LOOPBACK}:{port}" for port in free_ports(3))
    address = (LOOPBACK, int(admin.rpartition(":")[2]))
    operators = (Operator(name="ann", address=address), Operator(name="ben", address=address))
    async with AsyncExitStack() as stack:
        pair = await stack.enter_async_context(sides(spread))
        usual: Configuration = {
            "listen": listen,
            "health": {"listen": health},
            "admin": {"listen": admin, "tokens": [one.token() for one in operators]},
            "old": {"url": pair.url("old")},
            "new": {"url": pair.url("new")},
            "workers": 2,
            "mirror": {"breaker": False},
            "sticky": {"key": ["header:X-User"]},
        }
        whole = merged(usual, configuration)
        parallax = await launch(whole, folder, environment=environment)
        stack.push_async_callback(parallax.destroy)
        await parallax.wait_ready()
        parallax.forgiven |= {"child_ended", "workers_keep_dying"}
        watch, load = Watch(parallax.admin), Load(parallax.address, crowd)
        made = Siege(
            configuration=whole,
            folder=folder,
            environment=environment,
            sides=pair,
            parallax=parallax,
            load=load,
            watch=watch,
            operators=operators,
        )
        try:
            async with watch, load:
                yield made
            await made.parallax.stop()
        finally:
            for one in (made.parallax, *made.fallen):
                await asyncio.shield(one.destroy())
