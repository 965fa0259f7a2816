"""
One end of a link on an event loop: frames in by callback, frames out without waiting.

Works on asyncio's own loop (supervisor, control) and on uvloop (workers). What the frames mean is for their readers.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from proxy.errors import LinkError
from proxy.link.frames import Frame, FrameReader, Kind, pack

# Above this many unsent bytes the peer isn't reading: what can be spared is dropped and counted, so a stuck process
# costs its peers 8 MiB and no more.
FULL = 8 * 1024 * 1024
SPARED = frozenset({Kind.SNAPSHOT, Kind.REPORT, Kind.SAMPLE, Kind.CANDIDATE, Kind.JUDGED, Kind.RECHECKED})


class Channel(asyncio.Protocol):
    """
    A link's end.

    `on_frame` gets every frame in order; it may raise `LinkError` for a payload that makes no sense, which loses the
    link as an unreadable frame does. `on_lost` is called once, with None at the peer's EOF or after `close`, else
    with what went wrong; no frame comes after it.
    """

    def __init__(self, on_frame: Callable[[Frame], None], on_lost: Callable[[Exception | None], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._closed = False
        self._lost = asyncio.Event()
        # What comes before `begin`: uvloop reads before the caller of `open_channel` has the channel to answer on.
        self._early: bytearray | None = bytearray()
        self.dropped = 0

    @property
    def is_open(self) -> bool:
        """
        True while frames can be sent.
        """
        return self._transport is not None and not self._transport.is_closing()

    def send(self, kind: Kind, payload: bytes = b"", incarnation: int = 0, *, always: bool = False) -> bool:
        """
        Queue one frame. Never waits and never raises; False when it was dropped (`dropped` counts) or the link is lost.

        Only kinds in `SPARED` are dropped for lack of room, and not with `always`: for a frame that no later one
        makes up for, such as a last snapshot.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if kind in SPARED and not always and transport.get_write_buffer_size() > FULL:
            self.dropped += 1
            return False
        transport.write(pack(kind, payload, incarnation))
        return True

    def begin(self) -> None:
        """
        Call back from now on, for what came before too; `open_channel` sees to it.
        """
        early, self._early = self._early, None
        if early:
            self.data_received(bytes(early))
        if self._transport is None:
            self._on_lost(self._error)

    def close(self) -> None:
        """
        Send what is queued, then close; no further frame is delivered.
        """
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """
        Close at once; what is queued is lost.
        """
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    async def finish(self, seconds: float) -> None:
        """
        `close`, and wait until everything is written, at most `seconds`.
        """
        self.close()
        try:
            await asyncio.wait_for(self._lost.wait(), seconds)
        except TimeoutError:
            self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        # uvloop's transports have the methods but not the base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        if self._early is not None:
            self._early += data
            return
        try:
            for frame in self._reader.feed(data):
                if self._closed:
                    return
                self._on_frame(frame)
        except LinkError as error:
            self._error = error
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self._transport = None
        # Who goes while something is on its way to it resets the connection, and has done nothing wrong.
        self._error = self._error or (None if isinstance(exc, ConnectionError) else exc)
        self._lost.set()
        if self._early is None:
            self._on_lost(self._error)


async def open_channel(
    fd: int, on_frame: Callable[[Frame], None], on_lost: Callable[[Exception | None], None]
) -> Channel:
    """
    The channel on the Unix stream socket `fd`, which it owns from now on. No callback comes before this has returned.
    """
    link = socket.socket(fileno=fd)
    link.settimeout(0)
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(lambda: Channel(on_frame, on_lost), sock=link)
    loop.call_soon(channel.begin)
    return channel
