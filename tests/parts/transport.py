"""
A transport that goes nowhere and holds its user to the rules of real ones.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class FakeTransport(asyncio.Transport):
    """
    Remembers what was written; the test plays the network: `feed`, `end`, `lose`, `clog`, `drain`.

    As with real transports nothing may be written after `close`, `abort` or `write_eof`, reading is paused and resumed
    in turns, and `connection_lost` comes once, later, and ends everything.
    """

    def __init__(self, protocol: asyncio.Protocol, near: socket.socket, far: socket.socket) -> None:
        super().__init__()
        self.protocol = protocol
        self.near = near
        self.far = far
        self.written = b""
        self.writes = 0
        self.closed = self.aborted = self.lost = self.ended = self.paused = False
        self._marks = (65536, 16384)
        self._clogged = self._full = False
        self._unsent = 0
        protocol.connection_made(self)

    # What the protocol does...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Bytes for the peer.
        """
        assert not self.closed, "written after close"
        assert not self.ended, "written after write_eof"
        self.written += data
        self.writes += 1
        if self._clogged:
            self._unsent += len(data)
            if not self._full and self._unsent > self._marks[0]:
                self._full = True
                self.protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """
        The same in one call.
        """
        self.write(b"".join(list_of_data))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """
        Another one takes over.
        """
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def write_eof(self) -> None:
        """
        Half-close.
        """
        assert not self.closed, "write_eof after close"
        self.ended = True

    def can_write_eof(self) -> bool:
        """
        As with TCP.
        """
        return True

    def close(self) -> None:
        """
        Once or more; `lose` follows.
        """
        self.closed = True

    def abort(self) -> None:
        """
        The same, at once.
        """
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        """
        The end has begun.
        """
        return self.closed

    def is_reading(self) -> bool:
        """
        Not paused, not at the end.
        """
        return not self.paused and not self.closed

    def pause_reading(self) -> None:
        """
        Never twice.
        """
        assert not self.paused, "paused twice"
        assert not self.closed, "paused after close"
        self.paused = True

    def resume_reading(self) -> None:
        """
        Never without a pause.
        """
        assert self.paused, "resumed without a pause"
        assert not self.closed, "resumed after close"
        self.paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """
        Both marks are given in this project.
        """
        assert high is not None
        assert low is not None
        self._marks = (high, low)

    def get_write_buffer_size(self) -> int:
        """
        What waits while clogged.
        """
        return self._unsent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """
        A real socket, and an address from the documentation range.
        """
        return {"socket": self.near, "peername": ("192.0.2.7", 1234)}.get(name, default)

    # What the network does...

    def feed(self, *data: bytes) -> None:
        """
        Bytes come, each piece in a read of its own; nothing is read while paused or after the end.
        """
        for piece in data:
            assert not self.paused, "the protocol doesn't read now"
            if not self.closed:
                self.protocol.data_received(piece)

    def end(self) -> None:
        """
        The peer's half is closed; unless the protocol wants to go on, so is the transport.
        """
        if not self.protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None = None) -> None:
        """
        The connection is gone.
        """
        assert not self.lost, "lost twice"
        self.closed = self.lost = True
        self.protocol.connection_lost(error)

    def clog(self) -> None:
        """
        The peer takes nothing from now on.
        """
        self._clogged = True

    def take(self, size: int) -> None:
        """
        The peer takes some of what waits.
        """
        self._unsent = max(0, self._unsent - size)
        if self._full and self._unsent <= self._marks[1]:
            self._full = False
            self.protocol.resume_writing()

    def taken(self) -> bytes:
        """
        What was written since the last time.
        """
        written, self.written = self.written, b""
        return written


@contextmanager
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    A pair of them, closed in the end.
    """
    near, far = socket.socketpair()
    with near, far:
        yield near, far
