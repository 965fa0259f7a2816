"""
Request targets and authorities (RFC 9112 §3.2, RFC 9110 §4.2): checked, never rewritten except from absolute-form.
"""

import re
from typing import TYPE_CHECKING

from proxy.errors import BadMessage

if TYPE_CHECKING:
    from proxy.wire.request import RequestHead

# reg-name, IPv4 or bracketed IP literal, optionally a port (RFC 3986 §3.2.2); no userinfo (RFC 9110 §4.2.4).
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.vV]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]+)(?::[0-9]{1,5})?")
_good: set[bytes] = set()


def check_host(value: bytes) -> None:
    """
    Raises `BadMessage` (400) unless `value` is one host with an optional port. Good values are remembered (≤ 1,024).
    """
    if value in _good:
        return
    if _HOST.fullmatch(value) is None:
        raise BadMessage(400, "malformed Host")
    if b":" in value and not value.endswith(b"]") and int(value.rpartition(b":")[2]) > 65535:
        raise BadMessage(400, "malformed Host")
    if len(_good) < 1024 and len(value) <= 260:
        _good.add(value)


def parse_target(head: "RequestHead") -> None:
    """
    Check `head.target` and bring absolute-form to origin-form, with Host replaced by the target's authority.

    A fragment, which no client should send, is forwarded as it came: what a side makes of it is the side's affair, and
    worth comparing. Raises `BadMessage`: 400 for a form that doesn't fit the method, 405 for CONNECT and TRACE.
    """
    target, method = head.target, head.method
    if method in (b"CONNECT", b"TRACE"):
        raise BadMessage(405, "method not allowed here")
    if target[:1] == b"/":
        return
    if target == b"*":
        if method != b"OPTIONS":
            raise BadMessage(400, "asterisk-form is for OPTIONS")
        return
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise BadMessage(400, "malformed request target")
    cut = min((at for at in (rest.find(b"/"), rest.find(b"?"), rest.find(b"#")) if at >= 0), default=len(rest))
    authority, path = rest[:cut], rest[cut:]
    check_host(authority)
    head.authority = authority
    if head.host_at >= 0:
        head.lines[head.host_at] = b"Host: " + authority
    if not path:
        head.target = b"*" if method == b"OPTIONS" else b"/"
    else:
        head.target = path if path[:1] == b"/" else b"/" + path
