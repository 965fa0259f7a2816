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


class Listener:
    """
    `open` starts accepting, `close` stops without losing a connection that the kernel has completed.
    """

    def __init__(self, listening: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._socket = listening
        self._make = make
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """
        Accept from now on.
        """
        self._socket.setblocking(False)
        # A copy keeps the queue alive when the server closes its own.
        server = await asyncio.get_running_loop().create_server(self._make, sock=self._socket.dup(), backlog=BACKLOG)
        self._server = server

    async def close(self) -> None:
        """
        Refuse new connections, take what is queued, then close.

        Between the last accept and the close a client could complete a handshake and be reset. So first a filter is
        attached that drops every packet for the listening socket itself: a client that comes now retries its SYN
        and then finds the port closed, while what is queued already is accepted below.
        """
        _drop_packets(self._socket)
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                break
            accepted.setblocking(False)
            await spawn(loop.connect_accepted_socket(self._make, accepted), name="accept")
        self._socket.close()


def _drop_packets(listening: socket.socket) -> None:
    """
    Attach the classic BPF program `ret #0`. Where the kernel refuses it, closing is merely less gentle.
    """
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    filter_ = struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)
