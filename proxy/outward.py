"""
One HTTP request of ours to somebody outside: a receiver of notices, a gate's webhook, Prometheus.

Whatever is there, it costs no more than `seconds` and `limit`: no redirect is followed, no compression undone, nothing
beyond the limit read. What went wrong is told in fixed words: addresses and fields can be secrets.
"""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from proxy import __version__
from proxy.references import Unreadable, resolve
from proxy.threads import on_thread

SECONDS: Final = 10.0
# Of these, at most so many to be connected.
CONNECT_SECONDS: Final = 5.0
# Bytes of an answer.
LIMIT: Final = 1 << 20
PIECE: Final = 1 << 16

# A line with a header field (RFC 9110 §5.1, §5.5).
FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*")

Trouble = Literal["unusable", "unreachable", "untrusted", "late", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is asked, of whom. `url`, `bearer` and values of `headers` may be `env:NAME` or `file:PATH`, which are read
    anew each time: tokens are renewed. `bearer` becomes an Authorization field. `ca` is a file with the authorities
    that are believed instead of the machine's. Files are relative to `folder`. `seconds` are for all of it, `limit` in
    bytes for the body of the answer.
    """

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    bearer: str = ""
    body: bytes = b""
    ca: str = ""
    folder: Path = Path()
    seconds: float = SECONDS
    limit: int = LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What came. `missing` says why the body isn't whole, "" if it is.
    """

    status: int
    body: bytes
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """
    No answer came. `is_heard`: the other side may have got the question.
    """

    trouble: Trouble
    said: str
    is_heard: bool


class Threads(AbstractResolver):
    """
    Looks names up on threads of their own: one that hangs holds up nobody, nor the end of the process.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """
        The addresses of a name. Raises OSError.
        """
        found = await on_thread(
            "look a name up", lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """
        Nothing is held.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """
    A question with what was elsewhere. Holds secrets, so it shows nothing of itself.
    """

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    context: ssl.SSLContext | bool = field(repr=False)


async def ask(question: Question) -> Answer | Silence:
    """
    What is answered, or that nothing is. Raises nothing.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + question.seconds
    try:
        prepared = await asyncio.wait_for(on_thread("prepare", lambda: _prepare(question)), question.seconds)
    except Unreadable as error:
        return Silence(trouble="unusable", said=str(error), is_heard=False)
    except TimeoutError:
        return Silence(trouble="unusable", said="the disk with its secrets does not answer", is_heard=False)
    # With less time than that, all of it is for all of it.
    connect = CONNECT_SECONDS if question.seconds > CONNECT_SECONDS else None
    timeout = aiohttp.ClientTimeout(total=max(0.001, deadline - loop.time()), sock_connect=connect)
    connector = aiohttp.TCPConnector(ssl=prepared.context, resolver=Threads(), force_close=True, use_dns_cache=False)
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"parallax/{__version__}", "Accept-Encoding": "identity"},
        ) as session:
            return await _ask(session, question, prepared)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _silence(error, question)


async def ask_whole(question: Question) -> Answer | Silence:
    """
    As `ask`, where an answer without all of its body is none.
    """
    got = await ask(question)
    if isinstance(got, Answer) and got.missing:
        return Silence(trouble="broken", said=f"its answer can't be used: {got.missing}", is_heard=True)
    return got


async def _ask(session: aiohttp.ClientSession, question: Question, prepared: Prepared) -> Answer:
    async with session.request(
        question.method,
        prepared.url,
        data=question.body or None,
        headers=prepared.headers,
        allow_redirects=False,
    ) as response:
        # From here on there is an answer, whole or not.
        body = bytearray()
        missing = ""
        try:
            while piece := await response.content.read(PIECE):
                body += piece
                if len(body) > question.limit:
                    missing = f"it is larger than {question.limit:,} bytes"
                    break
        except TimeoutError:
            missing = f"it did not end within {question.seconds:g} s"
        except (aiohttp.ClientError, OSError):
            missing = "it was cut short"
        return Answer(status=response.status, body=bytes(body[: question.limit]), missing=missing)


def _prepare(question: Question) -> Prepared:
    folder = question.folder
    # Names are the same in any case: of two that are, the last counts.
    fields = {name.lower(): (name, resolve(said, folder, os.environ)) for name, said in question.headers.items()}
    if question.bearer:
        fields["authorization"] = ("Authorization", f"Bearer {resolve(question.bearer, folder, os.environ)}")
    headers = dict(fields.values())
    for name, value in headers.items():
        if FIELD.fullmatch(f"{name}: {value}") is None:
            raise Unreadable(f"{name}: there are characters in it that can't stand in a header field")
    try:
        context = ssl.create_default_context(cafile=str(folder / question.ca)) if question.ca else True
    except OSError as error:
        raise Unreadable(f"{question.ca}: can't be used as authorities ({type(error).__name__})") from None
    return Prepared(url=resolve(question.url, folder, os.environ), headers=headers, context=context)


def _silence(error: Exception, question: Question) -> Silence:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Silence(trouble="late", said=f"no connection within {CONNECT_SECONDS:g} s", is_heard=False)
        case TimeoutError():
            return Silence(trouble="late", said=f"no answer within {question.seconds:g} s", is_heard=True)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return Silence(trouble="untrusted", said="its certificate or its TLS can't be trusted", is_heard=False)
        case aiohttp.ClientConnectorDNSError():
            return Silence(trouble="unreachable", said="its name has no address", is_heard=False)
        case aiohttp.ClientConnectorError():
            # Not its words, which name the address.
            reason = os.strerror(error.os_error.errno) if error.os_error.errno else "No connection could be made"
            return Silence(trouble="unreachable", said=reason.lower(), is_heard=False)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Silence(trouble="unusable", said="its address is no http or https URL", is_heard=False)
        case aiohttp.ClientResponseError():
            return Silence(trouble="broken", said="what it answered is no HTTP", is_heard=True)
        case ValueError():
            return Silence(
                trouble="unusable", said="a header field has characters that can't stand there", is_heard=False
            )
    return Silence(trouble="broken", said="it closed the connection without an answer", is_heard=True)
