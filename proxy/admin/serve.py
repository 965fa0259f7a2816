"""
The admin application on its listening socket: connections bounded from the first byte of a handshake on, a library's
complaints and answers without request data.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from proxy.admin.certificate import Encryption
from proxy.admin.reply import refuse
from proxy.tasks import spawn

CONNECTIONS = 64
KEEP_ALIVE_SECONDS = 75.0  # above the usual scrape interval, so that a scraper keeps its connection
LINGERING_SECONDS = 1.0
HANDSHAKE_SECONDS = 10.0
SHUTDOWN_SECONDS = 0.3  # the supervisor waits 1 s for all of control
# Without descriptors for another connection: this long, then on.
BREATH_SECONDS = 0.1


class Connection(web.RequestHandler):
    """
    One connection. `is_known` once somebody has signed in on it, which keeps it when places are short.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.is_known = False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """
        What can't be read as HTTP: the library's answer would repeat it.
        """
        super().handle_error(request, status, exc, message)
        answer = refuse(status, "this is no HTTP request that can be read" if status < 500 else "Parallax failed")
        answer.force_close()
        return answer


@asynccontextmanager
async def serving(
    app: web.Application, listener: socket.socket, logger: logging.Logger, encryption: Encryption | None = None
) -> AsyncIterator[None]:
    """
    Serve `app` on `listener` (which it owns from now on) while the block runs.
    """
    listener.settimeout(0)
    # A handler ends with its client: streams give their place back at once. Changes are shielded where they are made.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    door = _Door(runner, listener, logger, encryption)
    accepting = spawn(door.stand_open(), name="admin connections")
    try:
        yield
    finally:
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        listener.close()
        door.shut()
        await runner.cleanup()


class _Door:
    """
    Takes connections, those in a handshake included; the oldest gives way when all places are taken.
    """

    def __init__(
        self, runner: web.AppRunner, listener: socket.socket, logger: logging.Logger, encryption: Encryption | None
    ) -> None:
        assert runner.server is not None
        self._server = runner.server
        self._listener = listener
        self._logger = logger
        self._encryption = encryption
        # In the order of their coming; those that are gone are taken out when the next one comes.
        self._inside: dict[Connection, asyncio.Task[None]] = {}

    async def stand_open(self) -> None:
        """
        Take connections until cancelled.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                raw, _ = await loop.sock_accept(self._listener)
            except OSError:
                # Out of descriptors, or a client that was gone before we looked.
                await asyncio.sleep(BREATH_SECONDS)
                continue
            self._make_room()
            connection = Connection(
                self._server,
                loop=loop,
                access_log=None,
                logger=self._logger,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                lingering_time=LINGERING_SECONDS,
                auto_decompress=False,
            )
            self._inside[connection] = spawn(self._enter(connection, raw), name="admin connection")

    def shut(self) -> None:
        """
        Give up handshakes.
        """
        for task in self._inside.values():
            task.cancel()

    async def _enter(self, connection: Connection, raw: socket.socket) -> None:
        context = None if self._encryption is None else self._encryption.context
        loop = asyncio.get_running_loop()
        # Whatever a stranger sends in a handshake is no trouble of ours.
        with suppress(OSError):
            await loop.connect_accepted_socket(
                lambda: connection,
                raw,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_SECONDS,
            )

    def _make_room(self) -> None:
        """
        So that slow and idle connections can't lock others out; those whose users we know go last.
        """
        self._inside = {
            connection: task
            for connection, task in self._inside.items()
            if not task.done() or (connection.transport is not None and not connection.transport.is_closing())
        }
        if len(self._inside) < CONNECTIONS:
            return
        oldest = next((one for one in self._inside if not one.is_known), next(iter(self._inside)))
        task = self._inside.pop(oldest)
        if oldest.transport is None:
            task.cancel()
        else:
            oldest.transport.abort()
