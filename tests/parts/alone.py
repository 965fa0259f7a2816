"""
One real worker and nothing else of Parallax: the test is its supervisor, and reads the configuration for it.

For what only the data plane does. It is there in a fraction of the time that a whole Parallax takes, and goes by
another configuration at once.
"""

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.routing.table import encode
from proxy.settings.load import load
from proxy.settings.table import build_table
from tests.parts.client import Address, Client
from tests.parts.origin import LOOPBACK
from tests.parts.parallax import PROJECT, Configuration, write
from tests.parts.strict import PATIENCE


class Alone:
    """
    A running worker. `reports` are the log events that it has asked for.
    """

    def __init__(self, process: asyncio.subprocess.Process, address: Address) -> None:
        self.process = process
        self.address = address
        self.reports: list[dict[str, Any]] = []
        self._channel: Channel
        self._epoch = 0
        self._obeyed = 0
        self._is_killed = False
        self._drained = False
        self._news = asyncio.Event()

    async def join(self, link: socket.socket) -> None:
        """
        Take the supervisor's end of its link.
        """
        self._channel = await open_channel(link.detach(), self._take, lambda _: self._news.set())

    async def goes_by(self, configuration: Configuration, folder: Path) -> None:
        """
        Have it go by a configuration file in `folder`. Returns once it does: from the next request on.
        """
        loaded = load(write(configuration, folder), environment={})
        self._epoch += 1
        table = build_table(loaded.settings, loaded.folder, loaded.authorities, loaded.values)
        table = replace(table, epoch=self._epoch)
        self._channel.send(Kind.TABLE, encode(table))
        async with asyncio.timeout(PATIENCE):
            while self._obeyed < self._epoch:
                assert self._channel.is_open, "the worker has ended"
                self._news.clear()
                await self._news.wait()

    async def latch(self, killed: bool) -> None:
        """
        Set the kill latch, or lift it. Returns once it is obeyed.
        """
        self._channel.send(Kind.LATCH, json.dumps({"killed": killed}).encode())
        async with asyncio.timeout(PATIENCE):
            while self._is_killed is not killed:
                assert self._channel.is_open, "the worker has ended"
                self._news.clear()
                await self._news.wait()

    async def client(self, trusted: ssl.SSLContext | None = None) -> Client:
        """
        A new connection to it; with `trusted`, over TLS.
        """
        return await Client.connect(self.address, trusted=trusted)

    async def report(self, event: str, **fields: object) -> dict[str, Any]:
        """
        The first report of this event with these fields, waited for.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                for report in self.reports:
                    if {**report, "event": event, **fields} == report:
                        return report
                self._news.clear()
                await self._news.wait()

    def told(self, event: str) -> list[dict[str, Any]]:
        """
        The reports of one event.
        """
        return [report for report in self.reports if report["event"] == event]

    async def stop(self) -> None:
        """
        Have it drain and end, and check the way it went: exit 0, nothing on stderr, no report of an error.
        """
        self._channel.send(Kind.DRAIN, b'{"seconds": 10}')
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            said = await self.process.stderr.read()
            code = await self.process.wait()
        errors = [report for report in self.reports if report["level"] == "error"]

        assert (code, said, errors) == (0, b"", [])
        assert self._drained

    async def destroy(self) -> None:
        """
        Leave nothing behind.
        """
        self._channel.abort()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.READY:
                said = json.loads(frame.payload)
                self._obeyed, self._is_killed = said["epoch"], said["killed"]
            case Kind.REPORT:
                self.reports.append(json.loads(frame.payload))
            case Kind.DRAINED:
                self._drained = True
        self._news.set()


@asynccontextmanager
async def alone() -> AsyncIterator[Alone]:
    """
    A worker without a table, which accepts with the first one; stopped and checked at the end.
    """
    ours, theirs = socket.socketpair()
    with socket.create_server((LOOPBACK, 0), backlog=1024) as listener, theirs:
        address = listener.getsockname()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy.worker", str(theirs.fileno()), str(listener.fileno())),
            pass_fds=(theirs.fileno(), listener.fileno()),
            cwd=PROJECT,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    worker = Alone(process, address)
    await worker.join(ours)
    try:
        yield worker
        await worker.stop()
    finally:
        await worker.destroy()
