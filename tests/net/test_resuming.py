"""
A side is shown who we are, and its handshakes go on where an earlier one ended.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.net.resuming import Resuming, tls_context
from tests.net.test_pool import a_pool, connected, emptied
from tests.parts.values import a_table

AUTHORITY, CLIENTS = trustme.CA(), trustme.CA()


@asynccontextmanager
async def side(known: trustme.CA | None = None) -> AsyncIterator[int]:
    """
    A TLS side that says the name of who asks, and asks for a certificate if it knows an authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    if known is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        known.configure_trust(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        certificate: Any = writer.get_extra_info("peercert") or {}
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
        writer.write(" ".join(names).encode() + b"\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, context: Resuming) -> tuple[bytes, bool]:
    """
    What the side says, and whether the handshake was a resumed one.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(b"who am I?\n")
    said = await reader.readline()
    connected = writer.get_extra_info("ssl_object")
    context.remember(connected)
    writer.close()
    return said, connected.session_reused


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., Resuming]:
    """
    Made for a side with these `tls` settings.
    """
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = CLIENTS.issue_cert("parallax.test")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "us.pem")
    ours.private_key_pem.write_to_path(tmp_path / "us.key")

    def make(**tls: str) -> Resuming:
        settings = {name: str(tmp_path / value) for name, value in {"ca": "ca.pem", **tls}.items()}
        return Resuming(tls_context(a_table(old={"url": "https://localhost", "tls": settings}).sides[0]))

    return make


async def test_a_handshake_goes_on_where_the_last_one_ended(context: Callable[..., Resuming]) -> None:
    """
    Towards the same address; another one starts anew.
    """
    async with side() as port:
        one = context()
        reused = [(await ask(port, one))[1] for _ in range(3)]
        other = Resuming(one.shared)

        assert reused == [False, True, True]
        assert not (await ask(port, other))[1]


async def test_a_side_that_forgot_a_session_makes_another(context: Callable[..., Resuming]) -> None:
    """
    As after it was started again.
    """
    one = context()
    async with side() as port:
        await ask(port, one)
    async with side() as port:
        assert await ask(port, one) == (b"\n", False)
        assert await ask(port, one) == (b"\n", True)


async def test_a_side_that_asks_is_shown_our_certificate(context: Callable[..., Resuming]) -> None:
    """
    In resumed handshakes too.
    """
    async with side(CLIENTS) as port:
        one = context(certificate="us.pem", key="us.key")

        assert [await ask(port, one) for _ in range(2)] == [(b"parallax.test\n", False), (b"parallax.test\n", True)]


async def test_a_side_that_asks_refuses_who_has_none(context: Callable[..., Resuming]) -> None:
    """
    Or one that it doesn't know.
    """
    async with side(AUTHORITY) as port:
        for one in (context(), context(certificate="us.pem", key="us.key")):
            try:
                said = (await ask(port, one))[0]
            except (ssl.SSLError, ConnectionError):
                # In TLS 1.3 our half of the handshake is over before the side has looked: it may also just close.
                said = b""
            assert said == b""


async def test_what_a_side_shows_is_verified_also_when_it_resumes(context: Callable[..., Resuming]) -> None:
    """
    The shared context's rules hold.
    """
    one = context()

    assert one.shared.verify_mode == ssl.CERT_REQUIRED
    async with side() as port:
        await ask(port, one)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=Resuming(one.shared), server_hostname="else.test")


# Sides that break off where they should just not resume...

# The extension in a ClientHello that offers a session (RFC 8446 §4.2.11), and a fatal alert.
PRE_SHARED_KEY = b"\x00\x29"
ALERT = b"\x15\x03\x03\x00\x02\x02\x50"


def offers_session(hello: bytes) -> bool:
    """
    That extension is the last one, so it ends where the ClientHello does.
    """
    starts = [at for at in range(len(hello)) if hello.startswith(PRE_SHARED_KEY, at)]
    return any(at + 4 + int.from_bytes(hello[at + 2 : at + 4]) == len(hello) for at in starts)


@asynccontextmanager
async def touchy(behind: int) -> AsyncIterator[tuple[int, list[bool]]]:
    """
    In front of a side: refuses whoever offers a session. Remembers who did.
    """
    offered: list[bool] = []
    ended: list[bool] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        offered.append(offers_session(hello))
        if offered[-1]:
            writer.write(ALERT)
            writer.close()
        else:
            there, back = await asyncio.open_connection("127.0.0.1", behind)
            back.write(hello)
            await asyncio.gather(pump(reader, back), pump(there, writer))
        ended.append(True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], offered
        async with asyncio.timeout(10):
            while len(ended) < len(offered):  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0)


async def test_a_side_that_will_not_resume_costs_nobody_a_request(
    context: Callable[..., Resuming], tmp_path: Path
) -> None:
    """
    The same connection is tried again with a whole handshake.
    """
    async with side() as behind, touchy(behind) as (port, offered):
        one = context()
        await ask(port, one)
        assert one.session is not None
        pool = a_pool(f"https://localhost:{port}", f"127.0.0.1:{port}", ca=str(tmp_path / "ca.pem"))
        pool.places.all[0].tls = one
        made = await connected(pool)
        assert offered == [False, True, False]
        assert made.place.pause == 0.0
        assert not one.forget()
        made.transport.abort()
        await emptied(pool)
