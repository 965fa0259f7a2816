"""
TLS towards a client, between its socket's transport and its connection.

A layer of our own over memory buffers, and not the loop's: all that is written is encrypted at once, so the write
marks of the socket count as without TLS; `close` lets a slow client take what is written, and doesn't wait up to half a
minute for one that says nothing; and one half can be closed.
"""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from proxy.routing.table import Encryption

# A record holds 16 KiB at most (RFC 8446 §5.1).
RECORD = 16384
# Bytes that may wait for a client while what it sends makes us answer by ourselves (RFC 8446 §4.6.3: key updates).
# Far above the write marks and one piece of an answer.
UNASKED = 1024 * 1024
# Seconds after we have said all, for the client to say that it has, too. Whoever does so into a closed socket is told
# of a reset, and some clients then forget the answer that they have read (asyncio's among them).
LINGER = 2.0

Later = Callable[[float, Callable[[], None]], object]


def listener_context(encryption: Encryption) -> ssl.SSLContext:
    """
    For the handshakes of one table: by the texts in it, and by the files if these are lacking or, read between two
    files of a renewed pair, don't fit. Raises `OSError` (`ssl.SSLError` is one) or `ValueError` when neither can be
    used.
    """
    if encryption.pair and (encryption.authorities or encryption.client_ca is None):
        with suppress(OSError, ValueError):
            return _context(encryption, is_by_texts=True)
    return _context(encryption, is_by_texts=False)


def _context(encryption: Encryption, *, is_by_texts: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    if is_by_texts:
        with _in_memory(encryption.pair) as path:
            context.load_cert_chain(path, password=_no_password)
    else:
        context.load_cert_chain(encryption.certificate, encryption.key, password=_no_password)
    if encryption.client_ca is not None:
        if is_by_texts:
            with _in_memory(encryption.authorities) as path:
                context.load_verify_locations(cafile=path)
        else:
            context.load_verify_locations(cafile=encryption.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """
    A path for OpenSSL, which takes a key only from a file: of one that lies on no disk, and ends with this.
    """
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode("latin-1"))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    # Without this, OpenSSL would ask at the terminal.
    raise ValueError("the key is encrypted")


def reason_of(error: ssl.SSLError) -> str:
    """
    Why a handshake failed, in few and short words of OpenSSL's; nothing that the client sent is among them.
    """
    verified = getattr(error, "verify_message", "")
    return verified or (error.reason or type(error).__name__).replace("_", " ").lower()


class EncryptedTransport(asyncio.Transport):
    """
    What the client's connection writes to. Who gets ciphertext from the socket passes it to `shake` until that is over,
    then to `decrypt`. `ended`: the client has said that it sends nothing more. `later` makes a call after some seconds.
    """

    def __init__(self, raw: asyncio.Transport, context: ssl.SSLContext, later: Later) -> None:
        super().__init__()
        self._raw = raw
        self._later = later
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_shaken = self._has_ended = self._is_closing = False
        self.ended = False

    # What comes from the socket...

    def shake(self, data: bytes) -> bool:
        """
        More of the handshake; whether it is over. Raises `ssl.SSLError`, after the client was told.
        """
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
            self._is_shaken = True
        except ssl.SSLWantReadError:
            pass
        finally:
            self._send()
        return self._is_shaken

    def decrypt(self, data: bytes) -> bytes:
        """
        What is within these records, as far as they are whole. Raises `ssl.SSLError` for what is no TLS.
        """
        incoming, read = self._incoming, self._tls.read
        incoming.write(data)
        pieces = []
        try:
            # As long as there are records, each read takes one whole; to ask for one more than came costs an exception.
            while incoming.pending and not self.ended:
                if piece := read(RECORD):
                    pieces.append(piece)
                else:
                    self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        finally:
            if self._outgoing.pending:
                self._send()
                if self._raw.get_write_buffer_size() > UNASKED:
                    self._raw.abort()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _send(self) -> None:
        if self._outgoing.pending:
            data = self._outgoing.read()
            if not self._has_ended and not self._raw.is_closing():
                self._raw.write(data)

    # What the client's connection does...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Encrypt and send.
        """
        if self._has_ended or self.is_closing():
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError:
            # Nothing that a client may do leads here; if something does, it is the end of this connection alone.
            self._raw.abort()
            return
        self._send()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """
        The same for many pieces, in as few records as possible.
        """
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """
        TLS has halves too, since 1.3 officially (RFC 8446 §6.1).
        """
        return True

    def write_eof(self) -> None:
        """
        Say that nothing more comes, and close our half of the socket.
        """
        if not self._has_ended and not self._raw.is_closing():
            if self._is_shaken:
                # It would like to hear the same from the client, which it need not wait for.
                with suppress(ssl.SSLError):
                    self._tls.unwrap()
                self._send()
            self._raw.write_eof()
            # From here on, not even OpenSSL's own words go out, such as an answer to a key update.
            self._has_ended = True

    def close(self) -> None:
        """
        Send what is written, say that nothing more comes, and close once the client has said the same, or soon.
        """
        if self.is_closing():
            return
        self.write_eof()
        self._is_closing = True
        if self.ended:
            self._raw.close()
            return
        self._later(LINGER, self._raw.close)
        if not self._raw.is_reading():
            self._raw.resume_reading()

    def discard(self, data: bytes) -> None:
        """
        More from a client after `close`: only its end is of interest.
        """
        try:
            self.decrypt(data)
        except ssl.SSLError:
            self._raw.abort()
        if self.ended:
            self._raw.close()

    def abort(self) -> None:
        """
        Close at once.
        """
        self._raw.abort()

    def is_closing(self) -> bool:
        """
        The end has begun.
        """
        return self._is_closing or self._raw.is_closing()

    def is_reading(self) -> bool:
        """
        Not paused, not at the end.
        """
        return self._raw.is_reading()

    def pause_reading(self) -> None:
        """
        Stop. What has been read was passed on whole, so nothing is left to come.
        """
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """
        Go on.
        """
        self._raw.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """
        In bytes of ciphertext.
        """
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """
        In bytes of ciphertext.
        """
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """
        The socket's.
        """
        return self._raw.get_extra_info(name, default)
