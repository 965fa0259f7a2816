"""
What a name stands for: looked up off the request path, kept for a time, and kept on when a look-up fails.
"""

import asyncio
import socket

from proxy.tasks import spawn


class Resolver:
    """
    `addresses` are IP literals, best first; empty until the first look-up came back. `ttl` in seconds.
    """

    def __init__(self, host: str, port: int, ttl: float) -> None:
        self.host = host
        self.port = port
        self.ttl = ttl
        self.addresses: list[str] = []
        self.failures = 0
        # What the system said of the last look-up that failed.
        self.detail = ""
        self._due = 0.0
        self._running: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """
        Look up, if there are no addresses yet.
        """
        if not self.addresses and self._running is None:
            self._refresh()

    async def first(self) -> list[str]:
        """
        The addresses, waiting for a look-up when there are none yet. Empty when it failed.
        """
        self.begin()
        if not self.addresses and self._running is not None:
            await asyncio.shield(self._running)
        return self.addresses

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer: start a look-up when the last answer has grown old.
        """
        if now >= self._due and self._running is None:
            self._due = now + self.ttl
            self._refresh()

    def _refresh(self) -> None:
        """
        Look up in the loop's thread pool; one at a time.
        """
        self._running = spawn(self._look_up(), name=f"resolve {self.host}")

    async def _look_up(self) -> None:
        """
        Replace the addresses, unless the answer is empty or an error.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            if addresses:
                self.addresses = addresses
        except (OSError, UnicodeError) as error:
            self.failures += 1
            self.detail = getattr(error, "strerror", None) or str(error)
        finally:
            self._running = None
