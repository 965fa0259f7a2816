"""
How the admin port writes an answer: JSON, errors as one sentence, and the fields that every answer carries.
"""

from typing import Any, Final

import orjson
from aiohttp import web

# Of everything that is answered, errors included: not stored, not sniffed, and inert in a browser.
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "parallax",
}


def reply(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """
    An answer with this JSON object.
    """
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", headers={**HEADERS, **(headers or {})}
    )


def refuse(status: int, said: str, headers: dict[str, str] | None = None, **more: Any) -> web.Response:
    """
    An error: one sentence that never repeats what was sent, and perhaps more that a program would read.
    """
    return reply({"error": said, **more}, status, headers)
