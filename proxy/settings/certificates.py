"""
A certificate chain and its private key, in PEM files: can they be used together, and are they of today?

Reads files; sends nothing. What is said never quotes what a file holds.
"""

import re
import ssl
from binascii import Error
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from proxy.settings.sentences import Finding

CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Tags of DER (X.690), as far as they lie on the way to a certificate's validity (RFC 5280 §4.1).
SEQUENCE, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def check_pair(
    section: tuple[str, ...], certificate: str | None, key: str | None, folder: Path, now: float
) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with the two files that `section` names as `certificate` and `key`, relative to
    `folder`; both or neither have to be there. `now` is Unix time.
    """
    if certificate is None or key is None:
        for name, given, other in (("certificate", certificate, "key"), ("key", key, "certificate")):
            if given is not None:
                alone = f"has no effect without {'.'.join(section)}.{other}; write both, or neither"
                yield Finding(key=(*section, name), said=alone)
        return
    public, private = folder / certificate, folder / key
    found = [
        Finding(key=(*section, name), said=said)
        for name, path, mark, what in (
            ("certificate", public, b"-----BEGIN CERTIFICATE-----", "a certificate"),
            ("key", private, b"PRIVATE KEY-----", "a private key"),
        )
        if (said := _unreadable(path, mark, what)) is not None
    ]
    yield from found
    if found:
        return
    if (unusable := _unusable(public, private)) is not None:
        yield Finding(key=(*section, "key"), said=unusable)
    elif (doubtful := _out_of_date(public, datetime.fromtimestamp(now, UTC))) is not None:
        yield Finding(key=(*section, "certificate"), said=doubtful, warning=True)


def _unreadable(path: Path, mark: bytes, what: str) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        return f"{path} can't be read ({reason}); write the path of a PEM file with {what}"
    return None if mark in content else f"{path} holds no {what[2:]}; write the path of a PEM file with {what}"


def _unusable(certificate: Path, key: Path) -> str | None:
    def no_password() -> str:
        # Without this, OpenSSL would ask at the terminal.
        raise ValueError

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key} is not the key of {certificate}; write the two that belong together"
        reason = (error.reason or "unreadable").replace("_", " ").lower()
        return f"{key} and {certificate} can't be used ({reason}); write a PEM certificate chain and its private key"
    except ValueError:
        return f"{key} is encrypted, and nobody is there to type its password; write a key without one"
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        return f"{key} and {certificate} can't be read ({reason}); write the paths of two PEM files"
    return None


# When it is valid...


def _out_of_date(certificate: Path, now: datetime) -> str | None:
    """
    A warning, since a clock may be wrong and a renewed file is taken over while Parallax runs.
    """
    try:
        pem = CERTIFICATE.search(certificate.read_bytes())
        since, until = validity(ssl.PEM_cert_to_DER_cert(pem[0].decode("ascii")) if pem else b"")
    except (OSError, ValueError, Error):
        # OpenSSL has read it; what it makes of the dates shows in the first handshake.
        return None
    if now > until:
        return f"{certificate} has expired on {until:%Y-%m-%d %H:%M} UTC, so peers refuse it; renew it"
    if now < since:
        return f"{certificate} is valid from {since:%Y-%m-%d %H:%M} UTC on, so peers refuse it; look at the clock"
    return None


def validity(der: bytes) -> tuple[datetime, datetime]:
    """
    From when until when a certificate is valid (RFC 5280 §4.1.2.5). Raises `ValueError` for what is no certificate.
    """
    whole, _ = _value(der, SEQUENCE)
    rest, _ = _value(whole, SEQUENCE)
    if rest[:1] == bytes([VERSION]):
        rest = _value(rest, VERSION)[1]
    for _ in ("serial number", "signature", "issuer"):
        rest = _value(rest, rest[0] if rest else SEQUENCE)[1]
    dates, _ = _value(rest, SEQUENCE)
    since, dates = _time(dates)
    return since, _time(dates)[0]


def _time(data: bytes) -> tuple[datetime, bytes]:
    tag = data[0] if data else 0
    if tag not in (UTC_TIME, GENERALIZED_TIME):
        raise ValueError("no time")
    text, rest = _value(data, tag)
    # Python reads a year of two digits as RFC 5280 does, but for 1950 to 1968, when nobody had certificates.
    form = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC), rest


def _value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """
    The content of the first DER element, which has this `tag`, and what follows it.
    """
    if len(data) < 2 or data[0] != tag:
        raise ValueError("another element")
    size, start = data[1], 2
    if size >= 0x80:
        start += size - 0x80
        size = int.from_bytes(data[2:start])
    if start > len(data) or len(data) < start + size:
        raise ValueError("cut short")
    return data[start : start + size], data[start + size :]
