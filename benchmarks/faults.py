"""
A new system that misbehaves, one way per port, all in one process.

    python -m benchmarks.faults      (prints {"ports": {fault: port}} once it listens)
"""

import asyncio
import json
import os
import socket
import struct
from contextlib import ExitStack
from typing import cast

import uvloop

HOST = "127.0.0.1"
END_OF_HEAD = b"\r\n\r\n"
GARBAGE = bytes(range(256)) * 16
BODY = b'{"error": "broken"}'
ANSWER_500 = b"HTTP/1.1 500 Broken\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
ANSWER_200 = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
LATE = 2.0
# New is well, and says other things than old.
DIFFERING = "differing"


class Silent(asyncio.Protocol):
    """
    Reads requests and never answers; the faults below do something instead of nothing in `asked`.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Keep the way to answer.
        """
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Nothing to answer to any more.
        """
        self.transport = None

    def data_received(self, data: bytes) -> None:
        """
        Count heads that end here: copies are safe requests, so they have no bodies.
        """
        seen = self._tail + data
        self._tail = seen[-3:]
        for _ in range(seen.count(END_OF_HEAD)):
            if self.transport is not None:
                self.asked(self.transport)

    def asked(self, transport: asyncio.Transport) -> None:
        """
        One request is complete.
        """


class NeverReads(Silent):
    """
    Accepts and leaves everything in the kernel.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Stop before the first byte.
        """
        super().connection_made(transport)
        cast("asyncio.Transport", transport).pause_reading()


class Late(Silent):
    """
    Answers well, 2 s later.
    """

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Put the answer off.
        """
        asyncio.get_running_loop().call_later(LATE, self._answer, transport)

    def _answer(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.write(ANSWER_200)


class Resets(Silent):
    """
    Answers with RST.
    """

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Close with nothing lingering, which sends RST.
        """
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class Garbage(Silent):
    """
    Answers with bytes that are no HTTP.
    """

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Write every byte there is.
        """
        transport.write(GARBAGE)


class Broken(Silent):
    """
    Answers 500, fast.
    """

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Answer.
        """
        transport.write(ANSWER_500)


class Differs(Silent):
    """
    Answers something else than old, at once: every pair has to be judged.
    """

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Answer.
        """
        transport.write(ANSWER_200)


class Endless(Silent):
    """
    Writes `piece` after `start` for as long as the other side takes it.
    """

    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    piece = CHUNK

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._paused = False

    def asked(self, transport: asyncio.Transport) -> None:
        """
        Begin what never ends.
        """
        if not self._started:
            self._started = True
            transport.write(self.start)
            self._pour()

    def pause_writing(self) -> None:
        """
        The other side is slower than we are.
        """
        self._paused = True

    def resume_writing(self) -> None:
        """
        Go on.
        """
        self._paused = False
        self._pour()

    def _pour(self) -> None:
        while not self._paused and self.transport is not None and not self.transport.is_closing():
            self.transport.write(self.piece)


class EndlessHead(Endless):
    """
    A head that never ends.
    """

    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    piece = b"X-Filler: " + b"y" * 80 + b"\r\n"


SPEAKING: dict[str, type[Silent]] = {
    "silent": Silent,
    "never reads": NeverReads,
    "2 s late": Late,
    "resets": Resets,
    "garbage": Garbage,
    "endless body": Endless,
    "endless head": EndlessHead,
    "500s": Broken,
    DIFFERING: Differs,
}
FAULTS = ("refused", "connect hangs", *SPEAKING)


def _refusing(stack: ExitStack) -> int:
    # Bound and not listening: the kernel answers every SYN with RST, and nobody else gets the port.
    bound = stack.enter_context(socket.socket())
    bound.bind((HOST, 0))
    return _port(bound)


def _hanging(stack: ExitStack) -> int:
    # An accept queue of one that is full: the kernel drops every further SYN.
    listening = stack.enter_context(socket.socket())
    listening.bind((HOST, 0))
    listening.listen(0)
    for _ in range(3):
        filler = stack.enter_context(socket.socket())
        filler.settimeout(0)
        filler.connect_ex((HOST, _port(listening)))
    return _port(listening)


def _port(bound: socket.socket) -> int:
    number: int = bound.getsockname()[1]
    return number


async def serve() -> None:
    """
    Offer every fault until the process is ended.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        ports = {"refused": _refusing(stack), "connect hangs": _hanging(stack)}
        for name, protocol in SPEAKING.items():
            server = await loop.create_server(protocol, HOST, 0, backlog=4096)
            ports[name] = server.sockets[0].getsockname()[1]
        print(json.dumps({"ports": ports}), flush=True)
        await loop.create_future()


if __name__ == "__main__":
    # What the fault itself burns must not be taken from the proxy and the clients on a small machine.
    os.nice(19)
    uvloop.run(serve())
