"""
The health answers: `/healthz` and `/readyz` for probes, on a listener of their own, in the supervisor's loop.

Just enough HTTP/1.1 for a prober: one request a connection, any Host, a small head, no body.
"""

import asyncio
import socket
from collections.abc import Callable
from email.utils import formatdate
from typing import cast

from proxy.clock import time

CONNECTIONS = 64
SECONDS = 2.0
LARGEST_HEAD = 8192  # bytes

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Health:
    """
    Serves the answers; `not_ready` says why Parallax is not ready, or None when it is, `killed` whether the kill latch
    is set: `parallax kill` has nobody else to ask when control is away.
    """

    def __init__(self, not_ready: Callable[[], str | None], killed: Callable[[], bool]) -> None:
        self._not_ready = not_ready
        self._killed = killed
        self._server: asyncio.Server | None = None
        # In the order they came. The oldest gives way when all places are taken, so that idle connections can't keep
        # a probe from its answer.
        self._open: dict[Connection, None] = {}

    async def start(self, listener: socket.socket) -> None:
        """
        Begin to answer on `listener`.
        """
        self._server = await asyncio.get_running_loop().create_server(lambda: Connection(self), sock=listener)

    def close(self) -> None:
        """
        Stop listening and drop what is open.
        """
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.abort()

    def opened(self, connection: "Connection") -> None:
        """
        Called by a connection when it begins.
        """
        if len(self._open) >= CONNECTIONS:
            next(iter(self._open)).abort()
        self._open[connection] = None

    def closed(self, connection: "Connection") -> None:
        """
        Called by a connection when it ends.
        """
        self._open.pop(connection, None)

    def answer(self, head: bytes) -> bytes:
        """
        The whole answer to a request's head.
        """
        parts = head.split(b"\n", 1)[0].strip(b"\r").split(b" ")
        if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
            return render(400, "not an HTTP/1.1 request")
        method, target, _ = parts
        if method not in {b"GET", b"HEAD"}:
            return render(405, "only GET and HEAD", extra="Allow: GET, HEAD\r\n")
        status, body = self._look_up(target.split(b"?", 1)[0])
        return render(status, body, with_body=method == b"GET")

    def _look_up(self, path: bytes) -> tuple[int, str]:
        if path == b"/healthz":
            return 200, "ok"
        if path == b"/readyz":
            reason = self._not_ready()
            killed = ", killed" if self._killed() else ""
            return (200, f"ready{killed}") if reason is None else (503, f"{reason}{killed}")
        return 404, "only /healthz and /readyz are here"


class Connection(asyncio.Protocol):
    """
    One prober's connection.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """
        Drop the connection at once.
        """
        self._health.closed(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        self._transport = cast("asyncio.Transport", transport)
        # Covers the answer too: a prober that doesn't read it is dropped as well.
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self.abort)
        self._health.opened(self)

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        if self._transport is None or self._transport.is_closing():
            return
        self._head += data
        if len(self._head) > LARGEST_HEAD:
            self._finish(render(431, f"the head is over {LARGEST_HEAD} bytes"))
        elif b"\r\n\r\n" in self._head or b"\n\n" in self._head:
            self._finish(self._health.answer(self._head))

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self._transport = None
        self._health.closed(self)
        if self._timer is not None:
            self._timer.cancel()

    def _finish(self, answer: bytes) -> None:
        assert self._transport is not None
        self._transport.write(answer)
        self._transport.close()


def render(status: int, body: str, *, with_body: bool = True, extra: str = "") -> bytes:
    """
    An answer as bytes; without the body for HEAD.
    """
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\n"
        f"Date: {formatdate(time(), usegmt=True)}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body.encode())}\r\n"
        "Cache-Control: no-store\r\n"
        f"{extra}"
        "Connection: close\r\n\r\n"
    )
    return (head + (body if with_body else "")).encode()
