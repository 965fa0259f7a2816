"""
What clients bring back and only this deployment can have made: a text, until when it holds, and a signature. Pure.

`TEXT.UNTIL.MAC`: UNTIL in whole seconds since 1970, MAC the first half of an HMAC-SHA256 (RFC 2104 §5 allows that) over
`KIND:TEXT.UNTIL`, base64url. The kind isn't in it: what was signed as one thing is never taken for another.
"""

import hmac
from binascii import b2a_base64
from typing import Final

MAC: Final = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def pack(key: bytes, kind: bytes, text: bytes, until: int) -> bytes:
    """
    `text` (any characters but those that end a cookie's value), signed as a `kind`, until a time in seconds.
    """
    said = b"%b.%d" % (text, until)
    return said + b"." + _mac(key, kind, said)


def verify(key: bytes, kind: bytes, value: bytes, now: float) -> bytes | None:
    """
    The text in a value that `pack` made as this kind and with this key; None for anything else, and when it is over.
    """
    said, _, mac = value.rpartition(b".")
    text, dot, until = said.rpartition(b".")
    if not dot or not hmac.compare_digest(mac, _mac(key, kind, said)):
        return None
    # Only what we have signed is read as a number.
    return text if now < int(until) else None


def _mac(key: bytes, kind: bytes, said: bytes) -> bytes:
    digest = hmac.digest(key, kind + b":" + said, "sha256")[:MAC]
    return b2a_base64(digest, newline=False).rstrip(b"=").translate(_URL_SAFE)
