"""
The demo's processes: two shops and `parallax serve`, started, watched and ended together.

Nothing is left behind. Every child leads a session of its own (a terminal's Ctrl-C reaches the demo alone, which then
ends its children in order); it is asked to end, then made to, with all of its group; and when the demo itself is
killed, the kernel tells every child to end (`leash.py`).
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from proxy.demo.client import Client
from proxy.demo.shop import RECEIVED
from proxy.demo.tally import MIX
from proxy.demo.users import FIELD, STAFF
from proxy.errors import ParallaxError
from proxy.tasks import spawn

START_DEADLINE = 30.0  # seconds until Parallax must be ready; its imports take 1 s on an idle machine
END_DEADLINE = 5.0  # seconds that a child gets to end by itself
LARGEST_LINE = 1024 * 1024


class StageError(ParallaxError):
    """
    A process of the demo didn't start, or ended by itself. `str()` says which, and what it said last.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """
    Everything is up, at these addresses ("host:port"). `fallen` gets a `StageError` once a child ended by itself;
    `token_file` is where Parallax lays the token for its admin port.
    """

    old: str
    new: str
    listen: str
    admin: str
    pids: tuple[int, ...]
    fallen: asyncio.Future[None]
    token_file: Path

    def signed_in(self) -> dict[str, str]:
        """
        The header field that an operator sends. Raises `OSError` as long as control has not made the token.
        """
        return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """
    Both shops and Parallax, ready, until the block ends. Raises `StageError` when one doesn't start.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="parallax-demo-")))
        # Last in, first out: Parallax ends before its sides do.
        old = await stack.enter_async_context(shop_process("old"))
        new = await stack.enter_async_context(shop_process("new"))
        parallax = await stack.enter_async_context(_parallax(old.address, new.address, folder))
        ready = await parallax.ready()
        children = (old, new, parallax)
        fallen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for child in children:
            stack.callback(spawn(child.watch(fallen), name=f"watch {child.name}").cancel)
        yield Stage(
            old=old.address,
            new=new.address,
            listen=ready["listen"],
            admin=ready["admin"],
            pids=tuple(child.pid for child in children),
            fallen=fallen,
            token_file=folder / "admin-token",
        )


@asynccontextmanager
async def shop_process(side: str) -> "AsyncIterator[Child]":
    """
    The shop of one side, answering at its `address`, until the block ends. Raises `StageError` if it doesn't answer.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        fd = listener.fileno()
        async with _child(f"the {side} shop", ("proxy.demo.server", side, str(fd)), pass_fds=(fd,)) as child:
            child.address = f"127.0.0.1:{listener.getsockname()[1]}"
            # The shop has its own hold on the socket now: with the shop gone, connections are refused.
            listener.close()
            client = Client(child.address)
            try:
                await client.request("GET", RECEIVED)
            except OSError as error:
                raise StageError(f"the {side} shop doesn't answer: {error}") from error
            finally:
                client.close()
            yield child


@asynccontextmanager
async def _parallax(old: str, new: str, folder: Path) -> "AsyncIterator[Child]":
    anywhere = {"listen": "127.0.0.1:0"}
    settings = {
        **anywhere,
        "health": anywhere,
        "admin": anywhere,
        "old": {"url": f"http://{old}"},
        "new": {"url": f"http://{new}"},
        "sticky": {"key": [f"header:{FIELD}"]},
        "cohorts": [{"name": "staff", "match": {"header": {FIELD: f"{STAFF}*"}}, "weight": 0}],
        # Two shops, two stores: what is written to one, the other doesn't know.
        "data": "split",
        # Parallax would learn them by itself; named here, not even the first requests are counted as `other`.
        "metrics": {"endpoints": list(MIX)},
        # All that it keeps lies in this folder, which goes when the demo goes.
        "store": "sqlite:///parallax.db",
        # One copied read in four is asked of old twice, and at most 100 a second: what takes minutes at 1 % is known in
        # seconds, at the price of that much more load on old.
        "noise": {"sample": 25, "per_second": 100},
        # A machine that stalls for a moment says nothing about either shop.
        "timeouts": {"connect": 10},
        "mirror": {"connect_timeout": 10},
        "overload": {"lag": 0},
        # No balancer needs time to notice that the demo ends.
        "drain": {"delay": 0},
    }
    file = folder / "parallax.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    # It is not for whoever types `parallax kill` on this machine, so it is entered in no registry of theirs.
    alone = {"XDG_RUNTIME_DIR": str(folder)}
    async with _child("parallax serve", ("proxy", "serve", "-c", str(file)), environment=alone) as child:
        yield child


@asynccontextmanager
async def _child(
    name: str, module: tuple[str, ...], *, pass_fds: tuple[int, ...] = (), environment: Mapping[str, str] | None = None
) -> "AsyncIterator[Child]":
    # The caller's own PARALLAX_* variables are for another Parallax.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PARALLAX_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy.demo.leash", str(os.getpid()), *module),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        env={**inherited, **(environment or {})},
        pass_fds=pass_fds,
        start_new_session=True,
        limit=LARGEST_LINE,
    )
    child = Child(name, process)
    try:
        yield child
    finally:
        await child.end()


class Child:
    """
    One process of the stage. Its stderr is read all the time: a full pipe would stop it.
    """

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.pid = process.pid
        self.address = ""
        self._process = process
        self._said = ""
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._listening = spawn(self._listen(), name=f"stderr of {name}")

    async def ready(self) -> dict[str, Any]:
        """
        The fields of its "ready" line. Raises `StageError` when it ends before, or takes too long.
        """
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), START_DEADLINE)
        except TimeoutError as error:
            raise StageError(f"{self.name} was not ready after {START_DEADLINE:.0f} s{self._last_words()}") from error

    async def watch(self, fallen: asyncio.Future[None]) -> None:
        """
        Wait for its end, and tell `fallen`.
        """
        code = await self._process.wait()
        await self._listening
        if not fallen.done():
            fallen.set_exception(StageError(f"{self.name} ended ({_ending(code)}){self._last_words()}"))
            fallen.exception()  # asyncio need not complain when nobody looks any more

    async def end(self) -> None:
        """
        Ask it to end, and make it after `END_DEADLINE`; then the rest of its group, should there be one.
        """
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_DEADLINE)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        self._listening.cancel()

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        try:
            async for line in self._process.stderr:
                self._said = line.decode(errors="replace").strip()
                if not self._ready.done() and (fields := _ready_line(line)) is not None:
                    self._ready.set_result(fields)
        finally:
            if not self._ready.done():
                self._ready.set_exception(StageError(f"{self.name} didn't start{self._last_words()}"))
                self._ready.exception()  # as in `watch`

    def _last_words(self) -> str:
        return f": {self._said}" if self._said else ""


def _ready_line(line: bytes) -> dict[str, Any] | None:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) and fields.get("event") == "ready" else None


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
