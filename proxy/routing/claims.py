"""
What the token of a request says of its client: the claims of a JWT (RFC 7519) in `Authorization: Bearer …`. Pure.

Without a key nobody has verified them. With one, a token that is forged, over, or not valid yet says nothing at all.
The key says which signatures count (never the token, which would let anybody take a public key for a secret): a secret
HS256, a public key in PEM RS256 or ES256, whichever it is for. What a token says is remembered.
"""

import binascii
import hmac
from collections.abc import Callable
from math import inf
from typing import Any, Final, NamedTuple

import orjson

from proxy.wire.head import OWS
from proxy.wire.request import RequestHead

AUTHORIZATION: Final = b"\nauthorization:"
# Tokens are rarely over 2 KiB; 8 KiB is what most servers take in one field line.
LONGEST_TOKEN: Final = 8192
# Bytes, roughly, of tokens and what they say that are remembered; then the memory starts anew.
REMEMBERED: Final = 4 * 1024 * 1024
PEM: Final = "-----BEGIN"
# From base64url without padding (RFC 7515 §2) to base64; what only the latter has becomes something that neither has.
_BASE64 = bytes.maketrans(b"-_+/=", b"+/!!!")

Json = dict[str, Any]
# Whether what is signed (the first two parts of a token) has this signature; raises ValueError for what can't be read.
Verify = Callable[[bytes, bytes, Json], bool]


class Known(NamedTuple):
    """
    What a token says, and from when until when it does; seconds since 1970.
    """

    claims: Json
    since: float
    until: float


NOTHING: Final = Known({}, inf, -inf)


class Claims:
    """
    Reads tokens; with a `key`, only those that it has signed, at the time that `now` says.
    """

    __slots__ = ("_held", "_known", "_now", "_verify")

    def __init__(self, key: str = "", now: Callable[[], float] | None = None) -> None:
        if key and now is None:
            raise ValueError("who verifies tokens has to know the time")
        self._verify = None if not key else _verifier(key)
        self._now = now
        self._known: dict[bytes, Known] = {}
        self._held = 0

    def of(self, head: RequestHead) -> Json:
        """
        The claims of a request's first bearer token, {} if it has none that counts.
        """
        for value in head.values(AUTHORIZATION):
            if value[:7].lower() == b"bearer ":
                return self._read(value[7:].strip(OWS))
        return {}

    def _read(self, token: bytes) -> Json:
        known = self._known.get(token)
        if known is None:
            if len(token) > LONGEST_TOKEN:
                return {}
            known = self._look(token)
            self._held += 4 * len(token) + 512
            if self._held > REMEMBERED:
                self._known.clear()
                self._held = 0
            self._known[token] = known
        if self._now is not None and self._verify is not None and not known.since <= self._now() < known.until:
            return {}
        return known.claims

    def _look(self, token: bytes) -> Known:
        parts = token.split(b".", 3)
        if len(parts) != 3:
            return NOTHING
        try:
            claims = _json(parts[1])
            if self._verify is None:
                return Known(claims, -inf, inf)
            header = _json(parts[0])
            # RFC 7515 §4.1.11: who doesn't know what must be understood must not believe, and we know nothing of it.
            if "crit" in header or not self._verify(token[: token.rindex(b".")], _bytes(parts[2]), header):
                return NOTHING
            return Known(claims, _time(claims, "nbf", -inf), _time(claims, "exp", inf))
        except ValueError:
            return NOTHING


def _bytes(part: bytes) -> bytes:
    return binascii.a2b_base64(part.translate(_BASE64) + b"=" * (-len(part) % 4), strict_mode=True)


def _json(part: bytes) -> Json:
    found = orjson.loads(_bytes(part))
    return found if isinstance(found, dict) else {}


def _time(claims: Json, name: str, missing: float) -> float:
    """
    Seconds since 1970 (RFC 7519 §2); what is no number makes a token that says nothing.
    """
    value = claims.get(name, missing)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number")
    return float(value)


def _verifier(key: str) -> Verify:
    return _by_public_key(key) if key.startswith(PEM) else _by_secret(key.encode())


def _by_secret(key: bytes) -> Verify:
    def verify(signed: bytes, signature: bytes, header: Json) -> bool:
        return header.get("alg") == "HS256" and hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature)

    return verify


def _by_public_key(key: str) -> Verify:
    # Of the extra `claims`; 0.1 s to import, so a worker has done that off its loop (`keyfiles`).
    from jwt import InvalidKeyError
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    for name, algorithm in (("RS256", RSAAlgorithm(RSAAlgorithm.SHA256)), ("ES256", ECAlgorithm(ECAlgorithm.SHA256))):
        try:
            return _by(name, algorithm, algorithm.prepare_key(key))
        except (InvalidKeyError, TypeError, ValueError):
            continue
    raise ValueError("is no public key for RS256 or ES256")


def _by(name: str, algorithm: Any, public: Any) -> Verify:
    return lambda signed, signature, header: (
        header.get("alg") == name and bool(algorithm.verify(signed, public, signature))
    )


def texts(value: object) -> list[bytes]:
    """
    A claim's value as a cohort's pattern meets it: text, a number in its shortest form, true or false; of a list, each.
    """
    if isinstance(value, list):
        return [text for one in value if not isinstance(one, list) for text in texts(one)]
    if isinstance(value, bool):
        return [b"true" if value else b"false"]
    text = identity(value)
    return [text] if text else []


def identity(value: object) -> bytes:
    """
    A claim's value as a sticky key: text, or a number in its shortest form; true, false, null, lists and objects
    identify nobody.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).encode("ascii")
    return b""
