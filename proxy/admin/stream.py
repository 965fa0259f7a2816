"""
`GET /admin/events` over HTTP: one listener from its first event to its last.
"""

import asyncio
from typing import Final

from aiohttp import web

from proxy.admin.calls import EVENTS
from proxy.admin.events import Events, Subscription

KEEP_ALIVE_SECONDS = 15.0  # proxies in between give up on a silent answer after 30 to 60
WRITE_SECONDS = 10.0  # for a listener to take anything, once the kernel's and our buffers are full
RETRY: Final = b"retry: 2000\n\n"
COMMENT: Final = b": keep-alive\n\n"
# The second: nginx in front would hold events back until it has a buffer full of them.
HEADERS: Final = {"Content-Type": EVENTS, "X-Accel-Buffering": "no"}


async def stream(
    request: web.Request,
    events: Events,
    subscription: Subscription,
    *,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    patience: float = WRITE_SECONDS,
) -> web.StreamResponse:
    """
    Send what comes until the subscription ends, or its listener takes nothing for `patience` seconds.
    """
    answer = web.StreamResponse(headers=HEADERS)
    try:
        await answer.prepare(request)
        chunk: bytes | None = RETRY
        while chunk is not None:
            async with asyncio.timeout(patience):
                await answer.write(chunk or COMMENT)
            chunk = await subscription.take(keep_alive)
        async with asyncio.timeout(patience):
            await answer.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # gone while we wrote; the handler's caller closes what is left
    finally:
        events.leave(subscription)
    return answer
