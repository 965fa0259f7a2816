"""
Sticky keys: what a client is known by, as the bytes that its bucket is made of.

Looked for only where it decides something, so the parser knows nothing of it: the lines of a head are gone through,
which takes a microsecond or so. A claim is taken from a token that nobody has verified: whoever forges one chooses a
side, and gets nothing else by it. Pure.
"""

import binascii
import re
from collections.abc import Callable

import orjson

from proxy.wire.head import OWS
from proxy.wire.request import RequestHead

# The key of a request from this address (without its port), or b"" if it has none.
Find = Callable[[RequestHead, bytes], bytes]

# Tokens are rarely over 2 KiB; 8 KiB is what most servers take in one field line.
LONGEST_TOKEN = 8192
# From base64url without padding (RFC 7515 §2) to base64; what only the latter has becomes something that neither has.
_BASE64 = bytes.maketrans(b"-_+/=", b"+/!!!")


def compile_keys(keys: tuple[str, ...]) -> tuple[Find | None, bool]:
    """
    Finds the first of `keys` that a request has (None if no request has to be looked at), and whether a request without
    one is drawn by itself. What is named after "request" is never come to.
    """
    draws = "request" in keys
    finds = [_compile(key) for key in (keys[: keys.index("request")] if draws else keys)]
    if not finds:
        return None, draws
    return finds[0] if len(finds) == 1 else _first(finds), draws


def _compile(key: str) -> Find:
    kind, _, name = key.partition(":")
    match kind:
        case "header":
            return _header(name)
        case "cookie":
            return _cookie(name)
        case "claim":
            return _claim(name)
        case "client":
            return lambda _, address: address
        case _:
            raise ValueError(f"{key} is no sticky key")


def _first(finds: list[Find]) -> Find:
    def find(head: RequestHead, address: bytes) -> bytes:
        for one in finds:
            if key := one(head, address):
                return key
        return b""

    return find


def field_values(head: RequestHead, name: bytes) -> list[bytes]:
    """
    The values of a field, by its lower-case name with the colon.
    """
    size = len(name)
    return [line[size:].strip(OWS) for line in head.lines if line[:size].lower() == name]


def _header(name: str) -> Find:
    """
    The first value of a field that isn't empty.
    """
    start = name.encode("ascii") + b":"

    def find(head: RequestHead, _: bytes) -> bytes:
        return next(filter(None, field_values(head, start)), b"")

    return find


def cookie_values(name: str) -> Callable[[RequestHead], list[bytes]]:
    """
    Finds the values of all cookies of this name, quotes and all (RFC 6265 §4.2.1: the name's case matters).
    """
    pattern = re.compile(rb"(?:^|;)[ \t]*" + re.escape(name.encode("ascii")) + rb"=[ \t]*([^;]*)")

    def find(head: RequestHead) -> list[bytes]:
        return [found.rstrip(OWS) for line in field_values(head, b"cookie:") for found in pattern.findall(line)]

    return find


def _cookie(name: str) -> Find:
    """
    The first cookie of this name that isn't empty.
    """
    values = cookie_values(name)

    def find(head: RequestHead, _: bytes) -> bytes:
        return next(filter(None, values(head)), b"")

    return find


def _claim(name: str) -> Find:
    """
    A claim of the first bearer token, a JWT (RFC 7519) with three parts: text, or a number in its shortest form.
    """

    def find(head: RequestHead, _: bytes) -> bytes:
        for value in field_values(head, b"authorization:"):
            if value[:7].lower() == b"bearer ":
                return _text(_claims(value[7:].strip(OWS)).get(name))
        return b""

    return find


def _claims(token: bytes) -> dict[str, object]:
    """
    What a token says, unverified; nothing if it is none.
    """
    parts = token.split(b".", 3)
    if len(token) > LONGEST_TOKEN or len(parts) != 3:
        return {}
    payload = parts[1].translate(_BASE64)
    try:
        claims = orjson.loads(binascii.a2b_base64(payload + b"=" * (-len(payload) % 4), strict_mode=True))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _text(value: object) -> bytes:
    """
    A claim's value as bytes; true, false, null, lists and objects identify nobody.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).encode("ascii")
    return b""
