"""
Answers of Parallax's own, marked with `Proxy-Status` (RFC 9209) so that errors it adds can be counted from outside.

The bodies are fixed phrases: nothing that a client or a side sent is ever quoted.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple


class Cause(NamedTuple):
    """
    Why there is no answer from the side: the status for it, the RFC 9209 §2.3 error type, and words for people.
    """

    status: int
    error: str
    words: str


CAUSES: dict[str, Cause] = {
    "refused": Cause(502, "connection_refused", "the side refused the connection"),
    "unreachable": Cause(502, "destination_ip_unroutable", "the side could not be reached"),
    "connect_timeout": Cause(504, "connection_timeout", "the side did not accept the connection in time"),
    "dns": Cause(502, "dns_error", "the side's name could not be resolved"),
    "tls": Cause(502, "tls_protocol_error", "the TLS handshake with the side failed"),
    "certificate": Cause(502, "tls_certificate_error", "the side's certificate was not accepted"),
    "terminated": Cause(502, "connection_terminated", "the side closed the connection before answering"),
    "incomplete": Cause(502, "http_response_incomplete", "the side's answer was cut short"),
    "malformed": Cause(502, "http_protocol_error", "the side's answer was not valid HTTP/1.1"),
    "timeout": Cause(504, "http_response_timeout", "the side did not answer in time"),
    "upgrade": Cause(502, "http_upgrade_failed", "the side switched protocols without being asked"),
    "limit": Cause(503, "connection_limit_reached", "too many connections to the side"),
    "loop": Cause(508, "proxy_loop_detected", "the request has been here before"),
    "descriptors": Cause(503, "connection_limit_reached", "no file descriptor was left for a connection to the side"),
    "reload": Cause(503, "connection_terminated", "the configuration changed and this request took too long to end"),
    "left": Cause(503, "connection_terminated", "the side is not in use any more and this took too long to end"),
    "overload": Cause(503, "proxy_internal_response", "there is too much to do at the moment"),
    "internal": Cause(500, "proxy_internal_error", "the request could not be handled"),
}


# Why a client's request was refused, by the status it got: short and stable, since people alarm on them.
REFUSALS = {
    400: "malformed",
    405: "method",
    408: "too_slow",
    413: "content_too_large",
    414: "head_too_large",
    417: "expectation",
    431: "head_too_large",
    501: "not_implemented",
    505: "version",
}


# A second has one date: what is answered a thousand times in it is written once.
@lru_cache(maxsize=64)
def own_answer(
    status: int, error: str, words: str, pseudonym: str, date: bytes, *, close: bool, to_head: bool
) -> bytes:
    """
    A whole answer made by Parallax. `date` is a Date line without CRLF.
    """
    phrase = HTTPStatus(status).phrase
    body = f"{status} {phrase}: {words}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {phrase}".encode(),
        date,
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Cache-Control: no-store",
        f"Proxy-Status: {pseudonym}; error={error}".encode(),
    ]
    if status == 405:
        lines.append(b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    if status == 503:
        lines.append(b"Retry-After: 1")
    if close:
        lines.append(b"Connection: close")
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    return head if to_head else head + body
