"""
One HTTP call to an admin address: bounded in time and size, nothing followed, no proxy in between, and what can go
wrong as a sentence that says what, where, and what to do.
"""

import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from proxy.errors import ConfigurationError, RemoteError
from proxy.remote.find import Target
from proxy.remote.private import read_own

# Control answers reads from memory; what takes longer is not coming.
PATIENCE = 5.0
LARGEST = 16 * 1024 * 1024
# What a TLS server sends to a client that doesn't speak it: an alert, of TLS 1.something.
TLS_ALERT = "\x15\x03"
# Bad usage, whoever noticed: a value that can't be, a body that can't be read.
USAGE = (400, 413, 415, 422)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    One whole answer.
    """

    status: int
    text: str


def call(
    target: Target, method: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = PATIENCE
) -> Answer:
    """
    The answer to one call, whatever its status. Raises `RemoteError` when none came within `seconds`.
    """
    came: SimpleQueue[Answer | Exception] = SimpleQueue()

    def run() -> None:
        try:
            came.put(_exchange(target, method, path, body, seconds))
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            came.put(error)

    # In a thread, because looking a name up has no time limit and a socket's counts anew with every byte.
    Thread(target=run, name="call", daemon=True).start()
    try:
        found = came.get(timeout=seconds)
    except Empty:
        found = TimeoutError()
    if isinstance(found, Answer):
        return found
    if isinstance(found, OSError | HTTPException | ValueError):
        raise RemoteError(_trouble(target, found, seconds)) from None
    raise found


def ask(
    target: Target, method: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = PATIENCE
) -> tuple[int, dict[str, Any]]:
    """
    Status (200 to 299) and JSON object of a call that succeeded. Raises `RemoteError` for every other.
    """
    answer = call(target, method, path, body, seconds=seconds)
    try:
        value = json.loads(answer.text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RemoteError(stranger(target))
    if 200 <= answer.status < 300:
        return answer.status, value
    said = _refusal(target, answer.status, str(value.get("error", "")))
    raise RemoteError(said, status=answer.status, usage=answer.status in USAGE)


def _exchange(target: Target, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Answer:
    # Neither a redirect nor an http_proxy of the environment is heeded: the token is for this address alone.
    connection = _connection(target, seconds)
    try:
        headers = {"Accept": "application/json", "Connection": "close"}
        if target.token is not None:
            headers["Authorization"] = f"Bearer {target.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        data = answer.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError("too large")
        return Answer(status=answer.status, text=data.decode(errors="replace"))
    finally:
        connection.close()


def _connection(target: Target, seconds: float) -> HTTPConnection:
    parts = urlsplit(target.url)
    assert parts.hostname is not None
    if parts.scheme == "http":
        return HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        context = _context(target)
    except ssl.SSLError:
        raise RemoteError(f"{target.ca} holds no certificate; name a PEM file with --ca", usage=True) from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise RemoteError(f"{target.ca} can't be read ({reason}); name a PEM file with --ca", usage=True) from None
    return HTTPSConnection(parts.hostname, parts.port, timeout=seconds, context=context)


def _context(target: Target) -> ssl.SSLContext:
    if not target.pinned:
        return ssl.create_default_context(cafile=target.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # These certificates and no others, so what names are in them doesn't matter.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    is_shown = False
    if target.shown is not None:
        # Of an earlier version there is none, and of another user it isn't believed.
        with suppress(ConfigurationError, ssl.SSLError):
            context.load_verify_locations(cadata=read_own(target.shown))
            is_shown = True
    try:
        context.load_verify_locations(cafile=target.ca)
    except (OSError, ssl.SSLError):
        # What the port shows is enough, whatever became of the files.
        if not is_shown:
            raise
    return context


def _trouble(target: Target, error: Exception, seconds: float) -> str:
    url = target.url
    said = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
    match error:
        case TimeoutError():
            return f"{url} didn't answer within {seconds:g} s; clients are served all the same"
        case ssl.SSLCertVerificationError() if target.pinned:
            return (
                f"{url} shows another certificate than {target.ca} holds; a renewed one is taken within a minute, "
                "and if that goes on, somebody else answers there"
            )
        case ssl.SSLCertVerificationError():
            reason = error.verify_message.rstrip(".").lower()
            return f"{url} isn't trusted ({reason}); name the CA of its certificate with --ca FILE"
        case ssl.SSLError():
            return f"{url} doesn't speak TLS as it should ({(error.reason or said).lower()}); http:// is without"
        case BadStatusLine() if str(error).startswith(TLS_ALERT):
            return f"the admin port at {url} has TLS; write https:// in its address"
        case OSError() if not isinstance(error, HTTPException):
            return f"nothing answers at {url} ({said}); start `parallax serve`, or name its address with --admin"
        case _:
            return stranger(target)


def stranger(target: Target) -> str:
    """
    The sentence for an answer that no Parallax gives.
    """
    return f"what answers at {target.url} is no Parallax; name its admin address with --admin"


def _refusal(target: Target, status: int, error: str) -> str:
    url = target.url
    if status == 401 and target.token is None:
        return f"{url} wants a token; set PARALLAX_ADMIN_TOKEN, or name a file that holds it with --token-file"
    if status == 401:
        return f"{url} doesn't know the token from {target.token_from}; use one that it was configured with"
    return f"{url} refuses ({status}): {error}" if error else f"{url} refuses ({status})"
