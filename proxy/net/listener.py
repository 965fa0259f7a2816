"""
The listening socket of one worker slot: accepting, and emptying it before it is closed so that no client is lost.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable

from proxy.tasks import spawn

# asm-generic/socket.h; Python's socket module has no name for it.
SO_ATTACH_FILTER = 26
BACKLOG = 1024
# Seconds for handshakes that have begun: a slow round trip.
HANDSHAKE = 0.3
# ldb [13]; jset #SYN, drop, pass; drop: ret #0; pass: ret #-1 (linux/filter.h: code, jt, jf, k).
DROP_SYNS = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


class Listener:
    """
    `open` starts accepting, `close` stops without losing a connection that the kernel has completed.
    """

    def __init__(self, listening: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._socket = listening
        self._socket.setblocking(False)
        self._make = make
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """
        Accept from now on.
        """
        # A copy keeps the queue alive when the server closes its own.
        server = await asyncio.get_running_loop().create_server(self._make, sock=self._socket.dup(), backlog=BACKLOG)
        self._server = server

    def sweep(self, at_most: int) -> None:
        """
        Take what waits, so many at most. The loop itself takes one connection a turn (libuv since 1.45), which leaves
        new clients waiting for seconds where turns are long. Where they aren't, that costs less than a task for each.
        """
        loop = asyncio.get_running_loop()
        for _ in range(at_most):
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            accepted.setblocking(False)
            # Whoever has gone already is missed by nobody.
            spawn(loop.connect_accepted_socket(self._make, accepted), name="accept", on_error=lambda error: None)

    async def close(self) -> None:
        """
        Refuse new connections, let handshakes in progress finish, take what is queued, then close.

        A client whose handshake completes between the last accept and the close would be reset. So first a filter is
        attached that drops SYNs, and nothing else, on their way to the listening socket: a client that comes now tries
        again and then finds the port closed, while the others get the time of a round trip to finish.
        """
        _drop_syns(self._socket)
        await asyncio.sleep(HANDSHAKE)
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                break
            accepted.setblocking(False)
            await loop.connect_accepted_socket(self._make, accepted)
        self._socket.close()


def _drop_syns(listening: socket.socket) -> None:
    """
    Attach a classic BPF program: drop what has the SYN flag, pass the rest. At a TCP socket, offset 0 is the TCP header
    and offset 13 its flags. Accepted connections inherit it, to whom no SYN comes. Where the kernel refuses, closing is
    merely less gentle.
    """
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_SYNS)
    program = ctypes.create_string_buffer(code)
    filter_ = struct.pack("HxxxxxxP", len(DROP_SYNS), ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)
