"""
Who asks, and whether they may: bearer tokens and roles. Pure.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from proxy.link.setup import Token

VIEWER: Final = "viewer"
OPERATOR: Final = "operator"

# RFC 6750 §2.1, and all other visible characters: the environment's token is whatever its operator thought of.
BEARER = re.compile(r"bearer +([\x21-\x7e]{1,512})", re.ASCII | re.IGNORECASE)
READS: Final = frozenset({"GET", "HEAD"})


def bearer_token(authorization: str | None) -> str | None:
    """
    The token in the value of an `Authorization` field; None when there is none or it is no such value.
    """
    found = BEARER.fullmatch(authorization) if authorization is not None else None
    return found[1] if found else None


def holder(token: str, known: Iterable[Token]) -> Token | None:
    """
    Whose token it is; None for nobody's.

    Hashes are compared, each in constant time and always all of them: how long it takes tells nothing about any.
    """
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    found = None
    for one in known:
        if hmac.compare_digest(digest, bytes.fromhex(one.sha256)):
            found = one
    return found


def may(role: str, method: str) -> bool:
    """
    Whether a role may use a method: viewers read, operators change too, anybody else nothing.
    """
    return role == OPERATOR or (role == VIEWER and method in READS)
