"""
The admin application on its listening socket: connections bounded, a library's complaints without request data.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

CONNECTIONS = 64
KEEP_ALIVE_SECONDS = 75.0  # above the usual scrape interval, so that a scraper keeps its connection
LINGERING_SECONDS = 1.0
SHUTDOWN_SECONDS = 0.3  # the supervisor waits 1 s for all of control


@asynccontextmanager
async def serving(app: web.Application, listener: socket.socket, logger: logging.Logger) -> AsyncIterator[None]:
    """
    Serve `app` on `listener` (which it owns from now on) while the block runs.
    """
    listener.settimeout(0)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=logger,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    handlers = runner.server
    assert handlers is not None

    def admit() -> RequestHandler:
        _make_room(handlers.connections)
        return handlers()

    server = await asyncio.get_running_loop().create_server(admit, sock=listener)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


def _make_room(connections: list[RequestHandler]) -> None:
    """
    The oldest connection gives way when all places are taken, so that slow and idle ones can't lock others out.
    """
    transports = [connection.transport for connection in connections if connection.transport is not None]
    busy = [transport for transport in transports if not transport.is_closing()]
    if len(busy) >= CONNECTIONS:
        busy[0].abort()
