"""
Writes the answers of one client connection: in the client's framing, gathered, with as few system calls as possible.
"""

import asyncio
import socket
import struct

from proxy.wire.answer import AnswerHead
from proxy.wire.body import last_chunk
from proxy.wire.forward import CHUNKS, CLOSE, answer_bytes, interim_bytes

# Up to this many bytes, copying pieces together costs less than a vectored write.
JOINED = 32768


class AnswerWriter:
    """
    `framing` is how the current answer's end is told (`wire.forward`).
    """

    __slots__ = ("_out", "_transport", "framing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._out: list[bytes] = []
        self.framing = 0

    def head(
        self,
        head: AnswerHead,
        framing: int,
        *,
        close: bool,
        old_client: bool,
        date: bytes,
        added: tuple[bytes, ...] = (),
    ) -> None:
        """
        The final answer's head.
        """
        self.framing = framing
        self._out.append(answer_bytes(head, framing, close, old_client, date, added))

    def switch(self, head: AnswerHead, added: tuple[bytes, ...] = ()) -> None:
        """
        The 101 that begins a tunnel.
        """
        self.framing = 0
        self._out.append(interim_bytes(head, head.upgrade, added))

    def data(self, data: bytes) -> None:
        """
        A piece of content; in a tunnel, any bytes.
        """
        if self.framing == CHUNKS:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def end(self, trailers: list[bytes]) -> None:
        """
        The end of the content.
        """
        if self.framing == CHUNKS:
            self._out.append(last_chunk(trailers))
        self.framing = 0
        self.flush()

    def now(self, data: bytes) -> None:
        """
        Bytes that don't wait: an interim answer, or a whole answer of our own.
        """
        self._out.append(data)
        self.flush()

    def flush(self) -> None:
        """
        Hand what was gathered to the kernel, in one system call: each costs more than all of our parsing.
        """
        out = self._out
        if len(out) == 1:
            self._transport.write(out[0])
        elif not out:
            return
        elif sum(map(len, out)) <= JOINED:
            self._transport.write(b"".join(out))
        else:
            self._transport.writelines(out)
        self._out = []

    def half_close(self) -> None:
        """
        Nothing more will be written.
        """
        self.flush()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def break_off(self) -> None:
        """
        End an answer so that the client can see that it is cut short (RFC 9112 §8).
        """
        self.flush()
        if self.framing == CLOSE:
            # Only a reset tells content without framing from its end.
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()
