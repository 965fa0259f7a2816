"""
One change over HTTP: its body, who steers by it, and each way to be refused as a status.
"""

import asyncio
import select
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from proxy.admin.body import LARGEST, BadBody, parse_change
from proxy.admin.port import AdminPort
from proxy.admin.reply import refuse, reply
from proxy.admin.steering import (
    Forbidden,
    Held,
    Invalid,
    NotLoaded,
    NotYet,
    Outcome,
    Outdated,
    Refusal,
    Stale,
    Unknown,
    Unsaved,
    Who,
)

JSON: Final = "application/json"
GONE: Final = "the connection was closed before this was begun, so it isn't done; ask again"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY_SECONDS = 10.0  # for all of at most 64 KiB
WHO = web.RequestKey("who", Who)

Steer = Callable[[Who, Mapping[str, Any]], Awaitable[Outcome]]

Act = Callable[[Who, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Turned(Exception):
    """
    A request that can't be used as it is: the answer's status and sentence.
    """

    def __init__(self, status: int, said: str, headers: dict[str, str] | None = None, *, close: bool = False) -> None:
        super().__init__(said)
        self.status = status
        self.headers = headers or {}
        self.close = close


async def change(request: web.Request, port: AdminPort, steer: Steer, *, urgent: bool) -> web.Response:
    """
    Read the body, steer by it, answer with the weights as they are then. Raises `Turned` for a body that can't be used.

    A change is not begun for a client that has gone: what waited in the listener's queue while control was down was
    given up on, and nobody expects to be moved by it minutes later. What is `urgent`, a kill, is done all the same.
    """
    body = await _read(request)
    if not urgent and _has_gone(request):
        raise Turned(400, GONE, close=True)
    try:
        outcome = await steer(request[WHO], body)
    except Refusal as error:
        return refusal(error)
    weights = port.weights()
    if weights is None:
        return refusal(NotYet("it is done, but there is no table from the supervisor yet; ask again"))
    return reply({**weights, "lagging": outcome.lagging}, 202) if outcome.lagging else reply(weights)


async def act(request: web.Request, does: Act, *, urgent: bool = False) -> web.Response:
    """
    Read the body, do something by it, answer with what came of it. `urgent` as in `change`.
    """
    body = await _read(request)
    if not urgent and _has_gone(request):
        raise Turned(400, GONE, close=True)
    try:
        return reply(await does(request[WHO], body))
    except Refusal as error:
        return refusal(error)


def _has_gone(request: web.Request) -> bool:
    """
    Has the client closed its end? The loop may not have noticed yet, so the kernel is asked.
    """
    if request.transport is None or request.transport.is_closing():
        return True
    connection = request.transport.get_extra_info("socket")
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


async def _read(request: web.Request) -> dict[str, Any]:
    if request.content_type != JSON or (request.charset or "utf-8").lower() != "utf-8":
        raise Turned(415, f"a change is sent as {JSON}")
    if "Content-Encoding" in request.headers:
        raise Turned(415, "a change is sent without Content-Encoding")
    if (request.content_length or 0) > LARGEST:
        raise too_large()
    if request.headers.get("Expect") and request.version >= HttpVersion11:
        await _go_on(request.writer)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return parse_change(await request.read())
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except TimeoutError:
        raise Turned(408, f"the body did not come within {BODY_SECONDS:g} s", close=True) from None
    except web.RequestPayloadError:
        raise Turned(400, "the body can't be read to its end", close=True) from None
    except BadBody as error:
        raise Turned(400, str(error)) from None


def too_large() -> Turned:
    """
    The refusal of a body of any call, so large that nobody waits for its end.
    """
    return Turned(413, f"the body is over {LARGEST // 1024} KiB", close=True)


async def _go_on(writer: AbstractStreamWriter) -> None:
    """
    Ask for the body only now that it is wanted: who may not change anything gets his refusal first (RFC 9110 §10.1.1).
    """
    await writer.write(CONTINUE)
    # An interim answer is no beginning of the final one.
    writer.output_size = 0


def refusal(error: Refusal) -> web.Response:
    """
    How a refusal is answered.
    """
    said = str(error)
    match error:
        case Invalid():
            return refuse(422, said, key=error.key) if error.key else refuse(422, said)
        case NotLoaded():
            return refuse(422, said, problems=error.problems)
        case Unknown():
            return refuse(404, said)
        case Stale():
            return refuse(409, said, epoch=error.epoch)
        case Outdated():
            return refuse(409, said, seq=error.seq)
        case Held():
            return refuse(409, said)
        case Forbidden():
            return refuse(403, said)
        case Unsaved():
            return refuse(507, said)
        case NotYet():
            return refuse(503, said, {"Retry-After": "1"})
        case _:
            raise error
