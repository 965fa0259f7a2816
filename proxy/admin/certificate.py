"""
The certificate of an encrypted admin port, and taking a renewed one while connections go on.

Reads files and blocks for it: not for the event loop, but for before it and for threads.
"""

import ssl
from pathlib import Path

from proxy.errors import ConfigurationError
from proxy.link.setup import Certificate

Seen = tuple[tuple[int, int, int], ...]


class Encryption:
    """
    The TLS context for the next handshake, and the certificate in it (`pem`); `refresh` makes others when the files
    changed.
    """

    def __init__(self, files: Certificate) -> None:
        """
        Raises `ConfigurationError` when the files can't be used.
        """
        self.use(files)

    def use(self, files: Certificate) -> None:
        """
        Take these files from now on. Raises `ConfigurationError`, and changes nothing, when they can't be used.
        """
        seen, (context, pem) = _look(files), _load(files)
        self._files, self._seen, self.context, self.pem = files, seen, context, pem

    def refresh(self) -> bool:
        """
        Take renewed files; whether there were any. Raises `ConfigurationError` when they can't be used: then the
        certificate that was taken last stays, and the files are tried again when they change again.
        """
        seen = _look(self._files)
        if seen == self._seen:
            return False
        self._seen = seen
        self.context, self.pem = _load(self._files)
        return True


def _look(files: Certificate) -> Seen:
    try:
        found = [Path(name).stat() for name in (files.certificate, files.key)]
    except OSError as error:
        raise ConfigurationError(_said(files, error.strerror)) from None
    return tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in found)


def _load(files: Certificate) -> tuple[ssl.SSLContext, bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Renewed in between, it is taken again at the next look.
        pem = Path(files.certificate).read_bytes()
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except ssl.SSLError as error:
        raise ConfigurationError(_said(files, error.reason)) from None
    except ValueError:
        raise ConfigurationError(_said(files, "the key is encrypted")) from None
    except OSError as error:
        raise ConfigurationError(_said(files, error.strerror)) from None
    return context, pem


def _said(files: Certificate, reason: str | None) -> str:
    why = (reason or "unreadable").replace("_", " ").lower()
    both = f"{files.certificate} and {files.key}"
    return f"admin.tls: {both} can't be used ({why}); put a PEM certificate chain and its private key there"


def _no_password() -> str:
    # Without this, OpenSSL would ask at the terminal.
    raise ValueError
