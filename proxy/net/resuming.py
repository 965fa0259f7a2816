"""
TLS towards a side: what is verified, what it is shown, and handshakes that go on where an earlier one ended. A side
whose files can't be used yet is out of reach, and nobody waits for it.

A resumed handshake saves the side its signature and us the verification of its chain: measured on loopback with
RSA-2048, 1.28 ms of CPU for both ends together instead of 1.47. asyncio has no place for a session, so each
address has a context of its own, which leaves all but that to the one of its side.
"""

import ssl
from pathlib import Path
from typing import Self

from proxy.routing.table import Side


class Resuming(ssl.SSLContext):
    """
    The context of one address: as `shared`, and resuming `session`.
    """

    shared: ssl.SSLContext
    session: ssl.SSLSession | None

    def __new__(cls, shared: ssl.SSLContext) -> Self:
        """
        Loads nothing, so it costs microseconds.
        """
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.shared = shared
        made.session = None
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """
        Called by the loop.
        """
        return self.shared.wrap_bio(incoming, outgoing, server_side, server_hostname, session or self.session)

    def remember(self, connected: object) -> None:
        """
        Keep the session of a connection that has brought an answer: in TLS 1.3 its ticket comes after the handshake.
        """
        if isinstance(connected, ssl.SSLObject):
            self.session = connected.session

    def forget(self) -> bool:
        """
        The next handshake is a whole one. False if this one was already.
        """
        had, self.session = self.session is not None, None
        return had


class Awaited(ssl.SSLContext):
    """
    The context of a side whose files can't be used yet. `lacking` says why, "" once they have come.
    """

    shared: ssl.SSLContext | None
    lacking: str

    def __new__(cls, lacking: str) -> Self:
        """
        Loads nothing.
        """
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.shared = None
        made.lacking = lacking
        return made

    def come(self, context: ssl.SSLContext) -> None:
        """
        The files can be used: handshakes are those of `context` from now on.
        """
        self.shared, self.lacking = context, ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """
        Called by the loop, by way of `Resuming`. Pools don't connect while something is lacking.
        """
        if self.shared is None:
            raise ssl.SSLError(self.lacking)
        return self.shared.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class UnusableFile(ValueError):
    """
    A PEM file can't be used: which key under `tls` names it, what is wrong and what to write.
    """

    def __init__(self, key: str, said: str) -> None:
        super().__init__(said)
        self.key = key


def tls_context(side: Side) -> ssl.SSLContext:
    """
    For the pools of one side. Reads files; raises `UnusableFile`. Verification is on unless the operator switched it
    off; `ca` replaces the system's authorities, and a side that asks who we are gets `certificate`.
    """
    try:
        context = ssl.create_default_context(cafile=side.ca)
    except (OSError, ValueError) as error:
        said = _unusable(error, [side.ca or "the system's authorities"])
        raise UnusableFile("ca", f"{said}; write the path of a PEM file with CA certificates") from None
    if side.certificate is not None and side.key is not None:
        try:
            # Without a password's source, OpenSSL would ask at the terminal.
            context.load_cert_chain(side.certificate, side.key, password=lambda: b"")
        except (OSError, ValueError) as error:
            said = _unusable(error, [side.certificate, side.key])
            raise UnusableFile("certificate", f"{said}; put a PEM certificate chain and its own key there") from None
    if not side.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unusable(error: Exception, paths: list[str]) -> str:
    """
    What is wrong with these files. OpenSSL doesn't say which one of two is missing.
    """
    for path in paths:
        try:
            Path(path).open("rb").close()
        except OSError as unread:
            return f"{path} can't be read ({(unread.strerror or 'unreadable').lower()})"
    reason = getattr(error, "reason", None) or type(error).__name__
    if reason == "KEY_VALUES_MISMATCH":
        return f"{paths[-1]} is not the key of {paths[0]}"
    return f"{' and '.join(paths)} can't be used ({reason.replace('_', ' ').lower()})"
