"""
Certificates for tests, as PEM files, and a client of TLS without a network.
"""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from tests.parts.client import NAME
from tests.parts.transport import FakeTransport


def write_pair(
    folder: Path,
    authority: trustme.CA,
    name: str = "server",
    identity: str = NAME,
    *,
    expired: bool = False,
    rsa: bool = False,
) -> None:
    """
    `name`.pem with a certificate chain of this authority, and `name`.key.
    """
    made = authority.issue_cert(
        identity,
        not_after=datetime.now(UTC) - timedelta(days=1) if expired else None,
        key_type=trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA,
    )
    # Whole at once, as those who renew certificates do it.
    for suffix, content in (
        ("pem", b"".join(blob.bytes() for blob in made.cert_chain_pems)),
        ("key", made.private_key_pem.bytes()),
    ):
        new = folder / f"{name}.{suffix}.new"
        new.write_bytes(content)
        new.rename(folder / f"{name}.{suffix}")


def write_authority(folder: Path, authority: trustme.CA, name: str = "ca") -> None:
    """
    `name`.pem with the authority itself.
    """
    (folder / f"{name}.pem").write_bytes(authority.cert_pem.bytes())


def client_context(authority: trustme.CA, *, shows: tuple[Path, str] | None = None) -> ssl.SSLContext:
    """
    A client's that trusts this authority, and shows the pair of that name in that folder.
    """
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    context.set_alpn_protocols(["http/1.1"])
    if shows is not None:
        folder, name = shows
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


class Peer:
    """
    A client at the other end of a fake transport, in memory. `ended`: it was told that nothing more comes.
    """

    def __init__(self, context: ssl.SSLContext, name: str = NAME) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.ended = False

    def hello(self) -> bytes:
        """
        The first bytes of a handshake.
        """
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def answer(self, data: bytes) -> bytes:
        """
        What it says to what it is told during a handshake. Raises `ssl.SSLError`.
        """
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def shake(self, transport: FakeTransport) -> None:
        """
        The rest of a handshake, after `hello` was answered.
        """
        while data := self.answer(transport.taken()):
            transport.feed(data)

    def sends(self, data: bytes) -> bytes:
        """
        Content as records.
        """
        self.tls.write(data)
        return self._outgoing.read()

    def says_end(self) -> bytes:
        """
        That it sends nothing more.
        """
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        return self._outgoing.read()

    def reads(self, data: bytes) -> bytes:
        """
        The content of records.
        """
        self._incoming.write(data)
        found = b""
        try:
            while piece := self.tls.read(65536):
                found += piece
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return found
