"""
How clients connect, from outside: TLS and its certificates, PROXY headers. One worker goes by one configuration after
the other; whether there is TLS is settled when it begins.
"""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme

from proxy.threads import on_thread
from tests.parts.alone import Alone, alone
from tests.parts.client import NAME, Client, get, post
from tests.parts.origin import LOOPBACK, OK, Origin, always, answer
from tests.parts.strict import PATIENCE, Cut
from tests.parts.tls import client_context, write_authority, write_pair

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

AUTHORITY = trustme.CA()
SERVER = {"certificate": "server.pem", "key": "server.key"}
BALANCED = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([203, 0, 113, 5, 10, 0, 0, 1, 1, 2, 3, 4])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Certificates of the listener and of clients, good and bad ones.
    """
    made = tmp_path_factory.mktemp("pem")
    write_authority(made, AUTHORITY)
    write_pair(made, AUTHORITY)
    write_pair(made, AUTHORITY, "late", expired=True)
    write_pair(made, AUTHORITY, "elsewhere", "elsewhere.test")
    write_pair(made, AUTHORITY, "rsa", rsa=True)
    write_pair(made, trustme.CA(), "unknown")
    return made


class Behind:
    """
    A worker that clients reach over TLS, and the side that answers.
    """

    def __init__(self, worker: Alone, old: Origin, folder: Path) -> None:
        self.worker = worker
        self.old = old
        self._folder = folder

    async def goes_by(self, **settings: Any) -> None:
        """
        Have it go by these settings.
        """
        sides = {"old": {"url": self.old.url}, "new": {"url": self.old.url}, "mirror": {"percent": 0}}
        self.worker.reports.clear()
        await self.worker.goes_by({**sides, "tls": SERVER, **settings}, self._folder)

    async def ask(self, trusted: ssl.SSLContext, raw: bytes = get()) -> bytes:
        """
        The SHA-256 of the certificate that was shown for one request, which is answered.
        """
        client = await self.worker.client(trusted)
        assert (await client.ask(raw)).status == 200
        shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        client.close()
        return hashlib.sha256(shown).digest()

    async def refused(self, trusted: ssl.SSLContext) -> str:
        """
        What a client says whose handshake fails, at the latest when it reads. A blocking one: asyncio's goes away
        without telling the other side why.
        """

        def shake() -> None:
            with (
                socket.create_connection(self.worker.address, PATIENCE) as plain,
                trusted.wrap_socket(plain, server_hostname=NAME) as client,
            ):
                client.recv(1)

        with pytest.raises((ssl.SSLError, ConnectionError)) as caught:
            await on_thread("a client", shake)
        return str(caught.value)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def encrypted(folder: Path) -> AsyncIterator[Behind]:
    """
    One for all tests.
    """
    async with Origin(always(OK)) as old, alone() as worker:
        yield Behind(worker, old, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def balanced(folder: Path) -> AsyncIterator[Behind]:
    """
    The same behind a balancer that sends PROXY headers.
    """
    async with Origin(always(OK)) as old, alone() as worker:
        behind = Behind(worker, old, folder)
        await behind.goes_by(proxy_protocol=True, trusted_proxies=[LOOPBACK])
        yield behind


# TLS...


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("pair", ["server", "rsa"])
async def test_clients_are_answered(encrypted: Behind, version: ssl.TLSVersion, pair: str) -> None:
    """
    Many requests on one connection; the side is told what the client spoke.
    """
    await encrypted.goes_by(tls={"certificate": f"{pair}.pem", "key": f"{pair}.key"})
    trusted = client_context(AUTHORITY)
    trusted.maximum_version = version
    client = await encrypted.worker.client(trusted)
    await encrypted.old.forget()
    for _ in range(20):
        assert (await client.ask(get())).status == 200
    received = await encrypted.old.request()
    client.close()

    assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    assert received.value(b"x-forwarded-proto") == b"https"
    assert received.value(b"x-forwarded-for") == LOOPBACK.encode()


async def test_large_messages_pass_both_ways(encrypted: Behind) -> None:
    """
    Eight megabytes, byte for byte, with the client and the side each at its own pace.
    """
    await encrypted.goes_by()
    body = bytes(range(256)) * (32 * 1024)
    encrypted.old.script = None
    try:
        client = await encrypted.worker.client(client_context(AUTHORITY))
        await encrypted.old.forget()
        client.send(post(body))
        received = await encrypted.old.request()
        received.answer(answer(body))
        got = await client.answer()
    finally:
        encrypted.old.script = always(OK)
    client.close()

    assert received.body == body
    assert got.body == body


async def test_an_answer_that_is_cut_short_looks_so(encrypted: Behind) -> None:
    """
    And one that ends with the connection is told from one that was cut.
    """
    await encrypted.goes_by()
    encrypted.old.script = None
    try:
        for fields, whole in ((b"", True), (b"Content-Length: 9\r\n", False)):
            client = await encrypted.worker.client(client_context(AUTHORITY))
            await encrypted.old.forget()
            client.send(get().replace(b"HTTP/1.1", b"HTTP/1.0"))
            received = await encrypted.old.request()
            received.answer(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nall")
            received.connection.close()
            if whole:
                assert (await client.answer()).body == b"all"
            else:
                with pytest.raises((Cut, ConnectionError)):
                    await client.answer()
            client.close()
    finally:
        encrypted.old.script = always(OK)


async def test_a_tunnel_goes_through(encrypted: Behind) -> None:
    """
    A megabyte each way at the same time, then the end of the side's half, which the client hears of.
    """
    await encrypted.goes_by()
    encrypted.old.script = None
    data = bytes(range(256)) * 4096
    try:
        client = await encrypted.worker.client(client_context(AUTHORITY))
        await encrypted.old.forget()
        client.send(get(b"/", b"Connection: Upgrade", b"Upgrade: websocket"))
        received = await encrypted.old.request()
        received.answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert (await client.answer()).status == 101
        client.send(data)
        received.connection.send(data)
        there, back = await asyncio.gather(
            received.connection.source.exactly(len(data)), client.source.exactly(len(data))
        )
        received.connection.finish()
        await client.over()
        client.close()
        await received.connection.closed()
    finally:
        encrypted.old.script = always(OK)

    assert there == back == data


async def test_a_refused_request_is_answered_and_the_connection_closed(encrypted: Behind) -> None:
    """
    The client sees why, and the end.
    """
    await encrypted.goes_by()
    client = await encrypted.worker.client(client_context(AUTHORITY))
    assert (await client.ask(b"GET / HTTP/1.1\r\n\r\n")).status == 400
    await client.over()
    client.close()


@pytest.mark.parametrize(
    ("pair", "trusts", "said", "reason"),
    [
        ("late", AUTHORITY, "certificate has expired", "sslv3 alert certificate expired"),
        ("elsewhere", AUTHORITY, "Hostname mismatch", "sslv3 alert bad certificate"),
        ("server", trustme.CA(), "unable to get local issuer", "tlsv1 alert unknown ca"),
    ],
)
async def test_a_certificate_that_clients_do_not_accept_is_told_in_the_log(
    encrypted: Behind, pair: str, trusts: trustme.CA, said: str, reason: str
) -> None:
    """
    Expired, for another name, of an authority that they don't know: the client says so, and nobody need guess.
    """
    await encrypted.goes_by(tls={"certificate": f"{pair}.pem", "key": f"{pair}.key"})

    assert said in await encrypted.refused(client_context(trusts))
    report = await encrypted.worker.report("handshakes_failing", reason=reason)
    assert (report["level"], report["count"]) == ("warning", 1)


async def test_clients_show_certificates_where_they_must(encrypted: Behind, folder: Path) -> None:
    """
    None, an expired one, one of another authority: refused, with a reason in the log. A good one gets in.
    """
    await encrypted.goes_by(tls={**SERVER, "client_ca": "ca.pem"})
    for name, reason in (
        (None, "peer did not return a certificate"),
        ("late", "certificate has expired"),
        ("unknown", "unable to get local issuer certificate"),
    ):
        await encrypted.refused(client_context(AUTHORITY, shows=None if name is None else (folder, name)))
        await encrypted.worker.report("handshakes_failing", reason=reason)

    await encrypted.ask(client_context(AUTHORITY, shows=(folder, "server")))


async def test_plaintext_is_told_so(encrypted: Behind) -> None:
    """
    In plaintext, by which everybody understands it.
    """
    await encrypted.goes_by()
    client = await encrypted.worker.client()
    got = await client.ask(get())
    await client.over()
    client.close()

    assert got.status == 400
    assert got.body.endswith(b"https://\n")


async def test_many_come_at_once_and_all_get_in(encrypted: Behind) -> None:
    """
    A hundred with two handshakes at once: nobody is refused. Those who say nothing take nobody's place.
    """
    await encrypted.goes_by(tls={**SERVER, "handshakes": 2})
    silent = [await encrypted.worker.client() for _ in range(20)]
    trusted = client_context(AUTHORITY)

    await asyncio.gather(*(encrypted.ask(trusted) for _ in range(100)))

    for client in silent:
        client.close()


async def test_another_certificate_is_for_the_next_handshake(encrypted: Behind) -> None:
    """
    Who is connected stays.
    """
    await encrypted.goes_by()
    trusted = client_context(AUTHORITY)
    before = await encrypted.ask(trusted)
    connected = await encrypted.worker.client(trusted)
    await encrypted.goes_by(tls={"certificate": "rsa.pem", "key": "rsa.key"})

    assert await encrypted.ask(trusted) != before
    assert (await connected.ask(get())).status == 200
    connected.close()


# Behind a balancer...


async def test_the_client_is_whom_the_balancer_names(balanced: Behind) -> None:
    """
    In front of TLS, in whatever pieces; and nobody gets in without.
    """
    for cut in (0, 5, 20, len(BALANCED)):
        reader, writer = await asyncio.open_connection(*balanced.worker.address)
        writer.write(BALANCED[:cut])
        await asyncio.sleep(0)
        writer.write(BALANCED[cut:])
        await writer.start_tls(client_context(AUTHORITY), server_hostname=NAME)
        client = Client(reader, writer)
        await balanced.old.forget()
        assert (await client.ask(get())).status == 200
        received = await balanced.old.request()
        client.close()

        assert received.value(b"x-forwarded-for") == b"203.0.113.5"

    with suppress(ssl.SSLError):
        assert await balanced.refused(client_context(AUTHORITY))


async def test_without_tls_the_header_is_all_that_is_different(folder: Path) -> None:
    """
    Large messages, one after the other, on one connection.
    """
    body = bytes(range(256)) * 4096
    async with Origin() as old, alone() as worker:
        behind = Behind(worker, old, folder)
        await behind.goes_by(tls={}, proxy_protocol=True, trusted_proxies=[LOOPBACK])
        client = await worker.client()
        client.send(BALANCED)
        for _ in range(3):
            client.send(post(body))
            received = await old.request()
            await received.whole()
            received.answer(answer(body))
            got = await client.answer()

            assert received.body == got.body == body
            assert received.value(b"x-forwarded-for") == b"203.0.113.5"
            assert received.value(b"x-forwarded-proto") == b"http"
        client.close()
        bare = await worker.client()
        bare.send(get())
        await bare.over()
        bare.close()
