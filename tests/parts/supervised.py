"""
A real supervisor in a process of its own, with fake children, and all that it and they say as one stream of events.

As a program (`python -m tests.parts.supervised JSON`) it is that process.
"""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy.errors import ConfigurationError
from proxy.routing.table import (
    Judging,
    Limits,
    Mirror,
    Noise,
    Overload,
    Recheck,
    Side,
    Sticky,
    Table,
    Timeouts,
    decode,
    encode,
)
from proxy.supervisor import Launch, serve
from proxy.tasks import spawn

PROJECT = Path(__file__).parents[2]
PATIENCE = 20.0
Event = dict[str, Any]


def side(port: int) -> Side:
    """
    A side on loopback where nobody needs to listen.
    """
    return Side(
        scheme="http", address="127.0.0.1", port=port, base="", host=None, server_name="127.0.0.1", ca=None, verify=True
    )


def a_table() -> Table:
    """
    A table that means nothing: fake workers only hand back its epoch and digest.
    """
    return Table(
        epoch=4,
        digest="d1",
        sides=(side(9001), side(9002)),
        weight=0.0,
        mirror=Mirror(
            percent=100.0,
            memory_budget=1 << 26,
            max_body=1 << 20,
            concurrency=64,
            credentials=True,
            connect_timeout=1.0,
            head_timeout=30.0,
            body_timeout=30.0,
            breaker=True,
        ),
        sticky=Sticky(keys=("request",), salt="parallax"),
        split=False,
        recheck=Recheck(per_second=0, in_flight=1),
        noise=Noise(sample=0.0, per_second=20, learn_for=0.0, expires=1.0, twin=None),
        overload=Overload(memory=0, lag=0.0),
        judging=Judging(queue=4096),
        limits=Limits(methods=(), **dict.fromkeys(set(Limits.__slots__) - {"methods"}, 0)),
        timeouts=Timeouts(**dict.fromkeys(Timeouts.__slots__, 0)),
        headers=(),
        via=True,
        pseudonym="parallax",
        forwarded=True,
        add_date=True,
    )


class Supervised:
    """
    A running supervisor, as a test sees it.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[Event] = []
        self.addresses: dict[str, tuple[str, int]] = {}
        self._news = asyncio.Condition()
        self._reading = spawn(self._read(), name="read stderr")

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                event = {"event": "text", "text": line.decode()}
            async with self._news:
                self.events.append(event)
                self._news.notify_all()

    @property
    def mark(self) -> int:
        """
        The present end of the stream, for `see(after=…)`.
        """
        return len(self.events)

    def all(self, event: str, **fields: Any) -> list[Event]:
        """
        Every such event so far.
        """
        return [line for line in self.events if {**line, "event": event, **fields} == line]

    async def see(self, event: str, *, after: int = 0, **fields: Any) -> Event:
        """
        The first such event from position `after` on, waited for.
        """

        def found() -> Event | None:
            return next((line for line in self.events[after:] if {**line, "event": event, **fields} == line), None)

        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            told = "\n".join(str(line) for line in self.events if line.get("kind") != "SNAPSHOT")
            raise AssertionError(f"{event} {fields} did not happen; what did:\n{told}") from None
        seen = found()
        assert seen is not None
        return seen

    async def ready(self) -> Event:
        """
        The ready line; afterwards `addresses` are known.
        """
        line = await self.see("ready")
        for name in ("listen", "health", "admin"):
            host, _, port = line[name].rpartition(":")
            self.addresses[name] = (host, int(port))
        return line

    async def ask(self, name: str, target: str) -> tuple[int, str]:
        """
        Status and body of `GET target` at one of the three addresses.
        """
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(*self.addresses[name])
            try:
                writer.write(f"GET {target} HTTP/1.1\r\nHost: any.example\r\n\r\n".encode())
                answer = (await reader.read()).decode()
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split(" ")[1]), body

    def signal(self, number: signal.Signals) -> None:
        """
        Send one to the supervisor.
        """
        self.process.send_signal(number)

    async def end(self) -> int:
        """
        Its exit code, once it and everybody that holds its stderr is gone.
        """
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reading
        return code

    def left(self) -> list[int]:
        """
        Children that were started and still run; one that is just ending gets a second for it.
        """
        return [line["pid"] for line in self.all("child_started") if not ended(line["pid"])]


def ended(pid: int, seconds: float = 1.0) -> bool:
    """
    Whether a process ends within `seconds`, or has; whoever has to reap it may take longer.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


async def kinds_heard(run: Supervised, pid: int, until: str) -> list[str]:
    """
    The kinds of frames that the child `pid` heard, up to the first `until`.
    """
    await run.see("heard", pid=pid, kind=until)
    kinds = [line["kind"] for line in run.all("heard", pid=pid)]
    return kinds[: kinds.index(until) + 1]


async def status_where(run: Supervised, holds: Callable[[dict[str, Any]], bool], after: int = 0) -> dict[str, Any]:
    """
    The first STATUS that control heard from position `after` on for which that holds.
    """
    at = after
    while True:
        line = await run.see("heard", after=at, role="control", kind="STATUS")
        while run.events[at] is not line:
            at += 1
        at += 1
        status: dict[str, Any] = json.loads(line["payload"])
        if holds(status):
            return status


async def status_heard(run: Supervised, after: int = 0, **wanted: Any) -> dict[str, Any]:
    """
    The first STATUS with these fields.
    """
    return await status_where(run, lambda status: {**status, **wanted} == status, after)


async def workers_heard(run: Supervised, after: int = 0, **wanted: Any) -> dict[str, Any]:
    """
    The first STATUS in which every living worker has these fields.
    """

    def holds(status: dict[str, Any]) -> bool:
        alive = [worker for worker in status["workers"] if worker["alive"]]
        return bool(alive) and all({**worker, **wanted} == worker for worker in alive)

    return await status_where(run, holds, after)


async def latch_heard(run: Supervised, after: int = 0, **wanted: Any) -> dict[str, Any]:
    """
    The first STATUS whose latch has these fields.
    """
    return await status_where(run, lambda status: {**status["latch"], **wanted} == status["latch"], after)


async def saved_heard(run: Supervised, epoch: int) -> dict[str, Any]:
    """
    The first STATUS in which a table of this epoch or a later one is on disk.
    """
    return await status_where(run, lambda status: (status["saved"]["epoch"] or 0) >= epoch)


async def crash(run: Supervised) -> tuple[Event, Event]:
    """
    One worker crashes: what the supervisor says of it, and of its successor.
    """
    mark = run.mark
    status, body = await run.ask("listen", "/crash")
    assert status == 200
    death = await run.see("child_ended", after=mark, pid=int(body))
    return death, await run.see("worker_ready", after=mark)


@asynccontextmanager
async def supervised(*, worker: str = "well", control: str = "well", **launch: Any) -> AsyncIterator[Supervised]:
    """
    A supervisor whose fake children begin as `worker` and `control` say; other arguments are fields of `Launch`, or
    `changes` to its table, or `runtime`, the folder for what its user runs.
    """
    table = replace(a_table(), **launch.pop("changes", {}))
    environment = {**os.environ, "XDG_RUNTIME_DIR": launch.pop("runtime", "")}
    fields = {"worker": worker, "control": control, "table": encode(table).decode(), **launch}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.parts.supervised",
        json.dumps(fields),
        cwd=PROJECT,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    run = Supervised(process)
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        # Its children end by the end of their links, which also ends the stream; one that a test made deaf is killed.
        for pid in run.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await run.end()


def main() -> int:
    """
    The supervisor's process.
    """
    fields = json.loads(sys.argv[1])
    commands = {
        f"{role}_command": (sys.executable, "-m", "tests.parts.fake_child", role, fields.pop(role))
        for role in ("worker", "control")
    }
    addresses = {name: tuple(fields.pop(name, ("127.0.0.1", 0))) for name in ("listen", "health", "admin")}
    table = decode(fields.pop("table").encode())
    fields["setup"] = fields.pop("setup", "").encode()
    for name in ("state", "kill_file", "token_file"):
        fields[name] = Path(fields[name]) if name in fields else None
    try:
        return serve(Launch(table=table, **{**commands, **addresses, **fields}))
    except ConfigurationError as error:
        os.write(2, f"{error}\n".encode())
        return 2


if __name__ == "__main__":
    sys.exit(main())
