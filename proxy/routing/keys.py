"""
Sticky keys: what a client is known by, as the bytes that its bucket is made of.

Looked for only where it decides something, so the parser knows nothing of it: the lines of a head are gone through,
which takes a microsecond or so. Pure.
"""

import re
from collections.abc import Callable

from proxy.routing.claims import Claims, identity
from proxy.wire.head import OWS
from proxy.wire.request import RequestHead

# The key of a request from this address (without its port), or b"" if it has none.
Find = Callable[[RequestHead, bytes], bytes]

# A cookie in its line, and its value.
_COOKIE = rb"(?:^|;)[ \t]*%b[ \t]*(%b)"
COOKIE = b"\ncookie:"


def compile_keys(keys: tuple[str, ...], claims: Claims | None = None) -> tuple[Find | None, bool]:
    """
    Finds the first of `keys` that a request has (None if no request has to be looked at), and whether a request without
    one is drawn by itself. What is named after "request" is never come to. Tokens are read by `claims`, any if None.
    """
    draws = "request" in keys
    claims = Claims() if claims is None else claims
    finds = [_compile(key, claims) for key in (keys[: keys.index("request")] if draws else keys)]
    if not finds:
        return None, draws
    return finds[0] if len(finds) == 1 else _first(finds), draws


def _compile(key: str, claims: Claims) -> Find:
    kind, _, name = key.partition(":")
    match kind:
        case "header":
            return _header(name)
        case "cookie":
            return _cookie(name)
        case "claim":
            return _claim(name, claims)
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


def field_start(name: str) -> bytes:
    """
    A field's name as `RequestHead.values` looks for it.
    """
    return b"\n%b:" % name.lower().encode("ascii")


def _header(name: str) -> Find:
    """
    The first value of a field that isn't empty.
    """
    start = field_start(name)

    def find(head: RequestHead, _: bytes) -> bytes:
        return next(filter(None, head.values(start)), b"")

    return find


def cookie_start(name: str) -> bytes:
    """
    How a cookie begins in its line.
    """
    return name.encode("ascii") + b"="


def cookie_values(name: str) -> Callable[[RequestHead], list[bytes]]:
    """
    Finds the values of all cookies of this name, quotes and all (RFC 6265 §4.2.1: the name's case matters).
    """
    start = cookie_start(name)
    pattern = re.compile(_COOKIE % (re.escape(start), rb"[^;]*"))

    def find(head: RequestHead) -> list[bytes]:
        lines = head.values(COOKIE)
        return [found.rstrip(OWS) for line in lines if start in line for found in pattern.findall(line)]

    return find


def _cookie(name: str) -> Find:
    """
    The first cookie of this name that isn't empty.
    """
    start = cookie_start(name)
    pattern = re.compile(_COOKIE % (re.escape(start), rb"[^; \t][^;]*"))

    def find(head: RequestHead, _: bytes) -> bytes:
        for line in head.values(COOKIE):
            if start in line and (found := pattern.search(line)) is not None:
                return found[1].rstrip(OWS)
        return b""

    return find


def _claim(name: str, claims: Claims) -> Find:
    """
    A claim of the first bearer token: text, or a number in its shortest form.
    """
    return lambda head, _: identity(claims.of(head).get(name))
