"""
What a plan asks of the world outside: sources of gates and guards, automatic lines of checklists, whether channels take
a message. Each question is a task of its own and bounded in time; nobody waits for it, and the answers are delivered.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from proxy.admin.facts import Facts
from proxy.clock import monotonic, time
from proxy.gates.promql import Reading, read_answer
from proxy.gates.webhook import Reply, read_reply
from proxy.notify.channel import Delivery
from proxy.outward import Answer, Silence
from proxy.plan.criteria import Gate, Guard, PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate
from proxy.plan.model import Item, Plan
from proxy.plan.outbox import Notice
from proxy.plan.state import Phase, State
from proxy.plan.telling import trials
from proxy.routing.table import SIDES, Side
from proxy.sources.command import Command, run
from proxy.sources.prometheus import PromClient
from proxy.sources.webhook import Asked, Webhook
from proxy.tasks import spawn

Found = tuple[bool, str]
Asking = PromGate | PromGuard | TrendGate | TrendGuard | WebhookGate
ASKING: Final = (PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate)

# What has to be done before the start.
PREFLIGHT: Final = "preflight"
# Two clocks of one machine agree by more.
CLOCK_SECONDS: Final = 1.0
CONNECT_SECONDS: Final = 5.0
# The traffic of so many seconds is held against what the plan expects, and may be so many times more or less.
RATE_SECONDS: Final = 30.0
RATE_FACTOR: Final = 2.0


class Messenger(Protocol):
    """
    Who takes messages to channels: `notifying.Notifier`.
    """

    async def attempt(self, notices: Iterable[Notice]) -> dict[str, Delivery]:
        """
        What came of one attempt each, by channel.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """
    Where the plan's files are and where this Parallax is asked; `troubles` keep it from saving anything, `own` are the
    plan's own templates by event.
    """

    folder: Path
    admin_url: str
    troubles: Callable[[], tuple[str, ...]]
    messenger: Messenger
    own: Mapping[str, str]


class Inquiries:
    """
    `checks` are the answers so far, as `plan.moves.Readings` has them. `deliver` is told what sources answer, and when.
    """

    def __init__(self, plan: Plan, facts: Facts, where: Where) -> None:
        self._plan = plan
        self._facts = facts
        self._where = where
        self._state = State()
        self._clock = time() - monotonic()
        self._traffic: deque[tuple[float, int]] = deque(maxlen=120)
        self._asking: dict[str, asyncio.Task[Any]] = {}
        self.checks: dict[str, Found] = {}
        self.deliver: Callable[[str, Reading | Reply, float], None] = lambda _name, _answer, _at: None

    # Sources...

    def follow(self, plan: Plan, state: State) -> None:
        """
        Ask what the present stage wants to know, again and again; once a second it is said where the plan is.
        """
        self._plan, self._state = plan, state
        self._traffic.append((monotonic(), sum(self._facts.asked().values())))
        wanted = self._wanted() if state.phase is Phase.RUNNING else {}
        for name in [name for name in self._asking if name not in wanted]:
            self._asking.pop(name).cancel()
        for name, one in wanted.items():
            if name not in self._asking:
                self._asking[name] = spawn(self._ask_on(name, one), name=f"ask for {name}", on_error=lambda _: None)

    def stop(self) -> None:
        """
        Ask nothing more.
        """
        for task in self._asking.values():
            task.cancel()
        self._asking.clear()

    def _wanted(self) -> dict[str, Asking]:
        present = self._plan.stages[self._state.at].gates if self._state.at >= 0 else ()
        gates: dict[str, Gate | Guard] = {name: self._plan.gates[name] for name in present}
        return {name: one for name, one in {**gates, **self._plan.guards}.items() if isinstance(one, ASKING)}

    async def _ask_on(self, name: str, one: Asking) -> None:
        while True:
            self.deliver(name, await self._ask(name, one), time())
            await asyncio.sleep(one.every)

    async def _ask(self, name: str, one: Asking) -> Reading | Reply:
        if isinstance(one, WebhookGate):
            # The stage whose gate it is, which is left by it.
            state, stage = self._state, self._plan.stages[max(self._state.at, 0)].name
            asked = Asked(
                plan=self._plan.plan,
                hash=state.plan_hash,
                stage=stage,
                attempt=state.attempts.get(stage, 0) + 1,
                gate=name,
            )
            return read_reply(
                *_told(await Webhook(url=one.url, folder=self._where.folder, seconds=one.timeout).ask(asked))
            )
        prometheus = self._plan.prometheus
        if prometheus is None:
            return Reading(kind="error", why="the plan names no Prometheus")
        client = PromClient(
            url=prometheus.url, token=prometheus.token or "", folder=self._where.folder, seconds=prometheus.timeout
        )
        return read_answer(*_told(await client.query(one.query)))

    # ... what has to be so before a start...

    async def prepare(self, seconds: float) -> None:
        """
        Look at everything that must be so before a start, but for channels, and wait for it, at most so long; the rest
        comes later.
        """
        asked: dict[str, Gate | Guard] = {**self._plan.gates, **self._plan.guards}
        work = [self._try(name, one) for name, one in asked.items() if isinstance(one, ASKING)]
        tasks = {spawn(one, name="prepare a plan", on_error=lambda _: None) for one in work} | self.check(PREFLIGHT)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def try_channels(self, seconds: float) -> None:
        """
        Send a test message to each channel that hasn't taken one, and wait for what comes of it, at most so long.
        """
        await asyncio.wait({spawn(self._try_channels(), name="try channels", on_error=lambda _: None)}, timeout=seconds)

    async def _try(self, name: str, one: Asking) -> None:
        answer = await self._ask(name, one)
        self.deliver(name, answer, time())
        if isinstance(answer, Reply):
            self.checks[f"source/{name}"] = answer.result != "error", answer.said
        else:
            self.checks[f"source/{name}"] = answer.kind in ("value", "no data"), answer.why or f"{answer.value:.6g}"

    async def _try_channels(self) -> None:
        tests = trials(self._plan, self._state.run, time(), self._where.own)
        # A channel that took one needs no more of them.
        due = [test for test in tests if not self.checks.get(f"channel/{test.channel}", (False, ""))[0]]
        for name, got in (await self._where.messenger.attempt(due)).items():
            self.checks[f"channel/{name}"] = got.how == "sent", got.said or got.how

    # ... and checklists.

    def check(self, checklist: str) -> set[asyncio.Task[Any]]:
        """
        Forget what is known of the automatic lines of a checklist, and look at them now. Returns what is under way.
        """
        tasks = set()
        for number, item in enumerate(self._plan.checklists.get(checklist, ()), start=1):
            if item.manual is None:
                key = f"{checklist}/{number}"
                self.checks.pop(key, None)
                tasks.add(spawn(self._look(key, item), name=f"check {key}", on_error=lambda _: None))
        return tasks

    async def _look(self, key: str, item: Item) -> None:
        if item.cmd is not None:
            ended = await run(
                Command(
                    line=item.cmd,
                    folder=self._where.folder,
                    plan=self._plan.plan,
                    stage=self._plan.stages[self._state.stage].name,
                    admin_url=self._where.admin_url,
                    seconds=item.timeout,
                )
            )
            self.checks[key] = ended.is_good, ended.said
            return
        looks: Mapping[str, Callable[[], Awaitable[Found]]] = {
            "sides_answer": self._sides_answer,
            "rate": self._rate,
            "workers": self._workers,
            "store": self._store,
            "clock": self._steady,
            "mirroring": self._mirroring,
        }
        self.checks[key] = await looks[str(item.auto)]()

    async def _sides_answer(self) -> Found:
        table = self._facts.table
        if table is None:
            return False, "there is no table yet"
        for name, side in zip(SIDES, table.sides, strict=True):
            for place in side.addresses or (f"{side.address}:{side.port}",):
                if (trouble := await _unreachable(side, place)) is not None:
                    return False, f"{name} can't be connected to at {place}: {trouble}"
        return True, "old and new can be connected to"

    async def _rate(self) -> Found:
        now, newest = self._traffic[-1] if self._traffic else (0.0, 0)
        since = next(((at, count) for at, count in self._traffic if now - at <= RATE_SECONDS), (now, newest))
        if now - since[0] < CLOCK_SECONDS:
            return False, "traffic hasn't been looked at for long enough yet"
        rate, expected = (newest - since[1]) / (now - since[0]), self._plan.expect.rate
        good = expected / RATE_FACTOR <= rate <= expected * RATE_FACTOR
        return good, f"{rate:.3g} requests a second come, {expected:g} are expected"

    async def _workers(self) -> Found:
        reason = self._facts.not_ready
        return reason is None, f"{len(self._facts.alive)} workers serve" if reason is None else reason

    async def _store(self) -> Found:
        troubles = self._where.troubles()
        return not troubles, troubles[0] if troubles else "the store can be written"

    async def _steady(self) -> Found:
        jump = time() - monotonic() - self._clock
        return abs(
            jump
        ) < CLOCK_SECONDS, f"the clock has moved by {jump:.1f} s against the other since the plan was read"

    async def _mirroring(self) -> Found:
        table = self._facts.table
        if table is None or self._facts.killed or table.mirror.percent <= 0:
            return False, "nothing is copied; switch copies on with `parallax mirror set`"
        return True, f"{table.mirror.percent:g} % of reads are copied"


def _told(came: Answer | Silence) -> tuple[int | None, bytes, str]:
    """
    As those who read answers want it. What isn't whole is none.
    """
    if isinstance(came, Silence):
        return None, b"", came.said
    return (None, b"", came.missing) if came.missing else (came.status, came.body, "")


async def _unreachable(side: Side, place: str) -> str | None:
    """
    Why nobody answers there; None when somebody does.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if place.startswith("unix:"):
                _, writer = await asyncio.open_unix_connection(place.removeprefix("unix:"))
            else:
                host, _, port = place.rpartition(":")
                _, writer = await asyncio.open_connection(host.strip("[]") or side.address, int(port))
    except TimeoutError:
        return f"not within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return (error.strerror or "refused").lower()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return None
