"""
`parallax demo`: two shops, Parallax between them and clients in front; watched live, and checked at the end.
"""

import asyncio
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import orjson
from rich.console import Console
from rich.live import Live

from proxy.clock import monotonic, time
from proxy.demo.acts import Operator
from proxy.demo.client import NOTHING, Client
from proxy.demo.load import Load
from proxy.demo.planted import NOISE
from proxy.demo.reading import Found, Reading, parse, parse_found, total
from proxy.demo.shop import RECEIVED
from proxy.demo.signed import Learned
from proxy.demo.stage import Stage, StageError, stage
from proxy.demo.summary import Course, Summary, summarise
from proxy.demo.view import Scene, links, live, progress, result
from proxy.tasks import spawn

RATE = 250.0  # requests per second: enough to look at, and no strain on two cores
REFRESH = 0.5  # seconds between two looks at the admin API; its figures change once a second
LINE_EVERY = 2.0  # seconds between two progress lines, where there is no terminal
LOOK_DEADLINE = 2.0  # seconds; control answers from memory, and at first it may still be starting
SETTLE_DEADLINE = 10.0  # seconds; what is pending is decided within 5 and reported within 1
PLAIN_WIDTH = 120  # columns, where there is no terminal
# Seconds that traffic goes on, however short the demo, once noise is known; and until that is given up.
AFTER_LEARNED = 2.0
LEARN_DEADLINE = 30.0
RATE_OVER = 6  # the rate is taken over this many looks

T = TypeVar("T")


def main(seconds: float, keep: bool) -> int:
    """
    Run the demo. 0: all was as planted; 1: it was not, or the demo was stopped or couldn't go on.
    """
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, markup=False)
    try:
        code = asyncio.run(_run(_Demo(console, seconds), keep))
    except StageError as error:
        console.print(f"The demo can't go on: {error}", style="bold red", soft_wrap=True)
        return 1
    if code is None:
        console.print("Stopped before the end, so nothing was checked.")
    return 1 if code is None else code


async def _run(demo: "_Demo", keep: bool) -> int | None:
    """
    The demo's exit code; None when a signal stopped it before the summary. Either way all that it started has ended.
    """
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    stopping = spawn(stop.wait(), name="stop")
    story = spawn(demo.story(stop if keep else None), name="demo")
    await asyncio.wait((story, stopping), return_when=asyncio.FIRST_COMPLETED)
    if demo.summary is None:
        story.cancel()
    with suppress(asyncio.CancelledError):
        await story
    return None if demo.summary is None else int(not demo.summary.good)


class _Demo:
    """
    One run. `summary` is None until everything was checked.
    """

    def __init__(self, console: Console, seconds: float) -> None:
        self.summary: Summary | None = None
        self._console = console
        self._seconds = seconds
        # The latest looks
        self._weights: Mapping[str, float] = {"new": 0.0, "mirror": 100.0, "killed": False}
        self._readings: tuple[Reading, ...] = ()
        self._found = Found()
        self._start = monotonic()
        self._learned: Learned | None = None
        self._operator: Operator | None = None
        self._answered: deque[tuple[float, int]] = deque(maxlen=RATE_OVER)

    async def story(self, kept_until: asyncio.Event | None) -> None:
        """
        Start, watch, settle, check; stay up until `kept_until` if that is given; end all that was started.
        """
        self._console.print("Starting two shops and Parallax …", style="bright_black")
        async with stage() as up:
            self.summary = await _while_up(up, self._check(up))
            self._console.print(result(self.summary, self._console.width))
            if kept_until is not None:
                self._console.print("Still up, without load, until Ctrl-C. Try:")
                self._console.print(links(up.listen, up.admin, up.token_file), soft_wrap=True)
                await _while_up(up, kept_until.wait())
                self._console.print()

    async def _check(self, up: Stage) -> Summary:
        clients, admin = Client(up.listen), Client(up.admin, LOOK_DEADLINE)
        load = Load(clients, RATE)
        try:
            await self._watch(up, admin, load)
            await self._settle(up, admin, load.tally.sent)
            received = {side: await _get(Client(address), RECEIVED) for side, address in _sides(up)}
        finally:
            clients.close()
            admin.close()
        course = (
            Course()
            if self._operator is None
            else Course(place=self._operator.place, tripped_after=self._operator.tripped_after)
        )
        return summarise(load.tally, self._readings, self._found, self._learned, received, course)

    async def _watch(self, up: Stage, admin: Client, load: Load) -> None:
        """
        Show what happens for as long as the load runs.
        """
        self._start = start = monotonic()
        self._answered.append((start, 0))
        self._operator = operator = Operator(up, admin, load)
        acting = spawn(operator.act(self._seconds), name="operator")
        sending = spawn(load.run(self._seconds, lambda: not acting.done() or self._is_learning()), name="load")
        # Apart from the showing: clients are served, and to be seen, before control can answer.
        looking = spawn(self._keep_looking(up, admin), name="look")
        try:
            with self._screen() as show:
                while not sending.done():
                    await asyncio.wait((sending,), timeout=REFRESH)
                    if acting.done():
                        acting.result()
                    show(self._scene(up, load, monotonic() - start, operator))
            await sending
            await acting
        finally:
            acting.cancel()
            looking.cancel()
            sending.cancel()

    @contextmanager
    def _screen(self) -> Iterator[Callable[[Scene], None]]:
        console = self._console
        if not console.is_terminal:
            shown = -LINE_EVERY

            def line(scene: Scene) -> None:
                nonlocal shown
                if scene.elapsed - shown >= LINE_EVERY:
                    shown = scene.elapsed
                    console.print(progress(scene), soft_wrap=True)

            yield line
            return
        # Redrawn from this loop only: rich's own refreshing would be a thread.
        with Live(console=console, auto_refresh=False, transient=True) as screen:
            yield lambda scene: screen.update(live(scene, console.width), refresh=True)

    def _scene(self, up: Stage, load: Load, elapsed: float, operator: Operator) -> Scene:
        self._answered.append((monotonic(), load.tally.answered))
        (since, before), (now, answered) = self._answered[0], self._answered[-1]
        return Scene(
            elapsed=elapsed,
            seconds=self._seconds,
            rate=(answered - before) / (now - since),
            listen=up.listen,
            old=up.old,
            new=up.new,
            new_weight=self._weights["new"],
            mirror=self._weights["mirror"],
            killed=bool(self._weights["killed"]),
            says=operator.says,
            place=operator.place,
            tally=load.tally,
            readings=self._readings,
        )

    async def _keep_looking(self, up: Stage, admin: Client) -> None:
        while True:
            await self._look(up, admin)
            await asyncio.sleep(REFRESH)

    async def _look(self, up: Stage, admin: Client) -> None:
        # Control may be away for a moment; what was last seen stays in view then.
        with suppress(OSError):
            signed_in = up.signed_in()
            self._weights = await _get(admin, "/admin/weights", signed_in)
            self._readings = parse(await _get(admin, "/admin/endpoints", signed_in))
            divergences = await _get(admin, "/admin/divergences", signed_in)
            self._found = parse_found(divergences, await _get(admin, "/admin/noise", signed_in))
            if self._learned is None and self._found.in_force and _is_known(self._found):
                self._learned = Learned(at=time(), after=monotonic() - self._start)

    def _is_learning(self) -> bool:
        """
        Noise isn't known yet, or so shortly that nothing was judged by it.
        """
        until = LEARN_DEADLINE if self._learned is None else self._learned.after + AFTER_LEARNED
        return monotonic() < self._start + until

    async def _settle(self, up: Stage, admin: Client, sent: int) -> None:
        """
        Wait until the books have all that was sent, nothing is pending, and what is divergent has signatures; the
        summary says so if that never comes.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_DEADLINE):
                while not self._has_settled(sent):
                    await asyncio.sleep(REFRESH)
                    await self._look(up, admin)

    def _has_settled(self, sent: int) -> bool:
        books = total(self._readings)
        signed = sum(one.count for one in self._found.signatures)
        return books.settled >= max(sent, books.eligible) and signed >= books.verdicts.get("divergent", 0)


def _is_known(found: Found) -> bool:
    return all(noise <= found.noise.get(endpoint, frozenset()) for endpoint, noise in NOISE.items())


def _sides(up: Stage) -> tuple[tuple[str, str], ...]:
    return (("old", up.old), ("new", up.new))


async def _get(client: Client, target: str, fields: Mapping[str, str] = NOTHING) -> Any:
    reply = await client.request("GET", target, fields=fields)
    if reply.status != 200:
        raise ConnectionError(f"GET {target} answered {reply.status}")
    return orjson.loads(reply.body)


async def _while_up(up: Stage, coroutine: Coroutine[Any, Any, T]) -> T:
    """
    The result of `coroutine`; raises `StageError` as soon as a process of the stage has ended by itself.
    """
    task: asyncio.Task[T] = spawn(coroutine, name="demo step")
    try:
        await asyncio.wait((task, up.fallen), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            up.fallen.result()
        return await task
    finally:
        task.cancel()
