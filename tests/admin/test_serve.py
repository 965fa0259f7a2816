"""
The admin port's connections: bounded from the first byte of a handshake on, whatever those who hold them do.
"""

import asyncio
import ssl
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import trustme

from proxy.admin.certificate import Encryption
from proxy.admin.serve import CONNECTIONS
from proxy.errors import ConfigurationError
from proxy.link.setup import Certificate
from tests.parts.client import Client, get
from tests.parts.served import OPERATOR, PATIENCE, VIEWER, Admin, admin, bearer


async def told_to_wait(served: Admin, stack: AsyncExitStack, raw: bytes, times: int) -> list[asyncio.StreamReader]:
    """
    So many connections that have sent these bytes.
    """
    readers = []
    for _ in range(times):
        reader, writer = await asyncio.open_connection(*served.where)
        stack.callback(writer.close)
        writer.write(raw)
        readers.append(reader)
    return readers


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GET /admin/we",
        b"GET /admin/weights HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST /admin/kill HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    ],
)
async def test_slow_clients_lock_nobody_out(raw: bytes) -> None:
    """
    Twice as many as there are places, each in the middle of something.
    """
    async with admin() as served, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        served.know()
        await told_to_wait(served, stack, raw, CONNECTIONS * 2)
        weights = await served.ask("/admin/weights")
        killed = await served.change("/admin/kill", reason="now")

        assert (weights.status, killed.status) == (200, 200)


async def test_the_oldest_stranger_gives_way() -> None:
    """
    Its connection ends, all others stay.
    """
    async with admin() as served, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        readers = await told_to_wait(served, stack, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", CONNECTIONS)
        for reader in readers:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        (late,) = await told_to_wait(served, stack, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 1)
        assert (await late.readline()).startswith(b"HTTP/1.1 200")
        # Ends only because the connection does.
        with suppress(ConnectionError):
            await readers[0].read()
        assert not readers[1].at_eof()


async def test_who_signed_in_stays_when_strangers_come() -> None:
    """
    An operator's connection isn't the one that gives way, however old it is.
    """
    async with admin() as served, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        served.know()
        known = await Client.connect(served.where)
        ask = get(b"/admin/weights", bearer(VIEWER), host=b"localhost")
        assert (await known.ask(ask)).status == 200
        for _ in range(2):
            await told_to_wait(served, stack, b"GET /", CONNECTIONS)
            assert (await served.ask("/healthz")).status == 200
            assert (await known.ask(ask)).status == 200
        known.close()


async def test_many_signed_in_are_bounded_as_well() -> None:
    """
    Then the oldest of them gives way.
    """
    async with admin() as served, asyncio.timeout(PATIENCE):
        served.know()
        clients = []
        for _ in range(CONNECTIONS):
            clients.append(await Client.connect(served.where))
            assert (await clients[-1].ask(get(b"/admin/weights", bearer(VIEWER), host=b"localhost"))).status == 200
        assert (await served.ask("/healthz")).status == 200
        with suppress(ConnectionError):
            await clients[0].over()
        for client in clients:
            client.close()


class Authority:
    """
    Certificates in a folder, and a client that trusts them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.files = Certificate(certificate=str(folder / "c.pem"), key=str(folder / "k.pem"))
        self.trusted = ssl.create_default_context()
        self._ca.configure_trust(self.trusted)
        self.issue("first.test")

    def issue(self, name: str) -> None:
        """
        A certificate for 127.0.0.1 and this name, put in place of the one before.
        """
        made = self._ca.issue_cert("127.0.0.1", name)
        (self._folder / "chain").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        (self._folder / "chain").replace(self.files.certificate)
        made.private_key_pem.write_to_path(self.files.key)

    def tear(self) -> None:
        """
        A key that can't be used.
        """
        Path(self.files.key).write_text("torn")


async def name_served(where: tuple[str, int], trusted: ssl.SSLContext) -> str:
    """
    The name in the certificate that a new connection gets.
    """
    _, writer = await asyncio.open_connection(*where, ssl=trusted, server_hostname="127.0.0.1")
    try:
        names = writer.get_extra_info("peercert")["subjectAltName"]
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return str(dict(names)["DNS"])


async def test_it_speaks_tls_with_own_origins_and_no_plaintext(tmp_path: Path) -> None:
    """
    Everything works as it does in plaintext; plaintext gets nothing at all.
    """
    authority = Authority(tmp_path)
    async with admin(encryption=Encryption(authority.files), trusted=authority.trusted) as served:
        served.know()
        own = f"127.0.0.1:{served.where[1]}"
        assert (await served.ask("/admin/weights")).status == 200
        assert (await served.ask("/admin/weights", Origin=f"https://{own}")).status == 200
        assert (await served.ask("/admin/weights", Origin=f"http://{own}")).status == 403
        assert (await served.change("/admin/kill", reason="now")).status == 200
        reader, writer = await asyncio.open_connection(*served.where)
        writer.write(get(b"/healthz"))
        with suppress(ConnectionError):
            assert b"HTTP" not in await reader.read()
        writer.close()


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    """
    1.2 is the least.
    """
    authority = Authority(tmp_path)
    encryption = Encryption(authority.files)
    async with admin(encryption=encryption, trusted=authority.trusted) as served:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            authority.trusted.minimum_version = authority.trusted.maximum_version = version
            assert await name_served(served.where, authority.trusted) == "first.test"
    assert encryption.context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_handshakes_that_never_end_lock_nobody_out(tmp_path: Path) -> None:
    """
    They count as connections from the moment they are accepted.
    """
    authority = Authority(tmp_path)
    async with (
        admin(encryption=Encryption(authority.files), trusted=authority.trusted) as served,
        asyncio.timeout(PATIENCE),
        AsyncExitStack() as stack,
    ):
        served.know()
        readers = await told_to_wait(served, stack, b"\x16\x03\x01", CONNECTIONS * 2)
        assert (await served.ask("/admin/weights")).status == 200
        with suppress(ConnectionError):
            await readers[0].read()


async def test_a_renewed_certificate_is_taken_by_new_handshakes(tmp_path: Path) -> None:
    """
    Connections go on; one that can't be used leaves the last good one in place, and is told once.
    """
    authority = Authority(tmp_path)
    encryption = Encryption(authority.files)
    async with admin(encryption=encryption, trusted=authority.trusted) as served:
        served.know()
        assert await name_served(served.where, authority.trusted) == "first.test"
        assert not encryption.refresh()
        authority.issue("second.test")
        assert encryption.refresh()
        assert await name_served(served.where, authority.trusted) == "second.test"
        authority.tear()
        with pytest.raises(ConfigurationError, match=r"admin\.tls: .* can't be used"):
            encryption.refresh()
        assert not encryption.refresh()
        assert await name_served(served.where, authority.trusted) == "second.test"
        assert (await served.ask("/admin/weights")).status == 200


async def test_a_body_that_is_sent_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    408, and the connection ends.
    """
    monkeypatch.setattr("proxy.admin.apply.BODY_SECONDS", 0.05)
    async with admin() as served:
        served.know()
        client = await Client.connect(served.where)
        head = get(b"/admin/kill", bearer(OPERATOR), b"Content-Type: application/json", b"Content-Length: 20",
                   method=b"POST", host=b"localhost")  # fmt: skip
        client.send(head, b'{"reason"')
        assert (await client.answer()).status == 408
        await client.over()
        client.close()

        assert served.steering.done() == []


async def test_nobody_is_served_after_the_end() -> None:
    """
    The socket is closed with the block.
    """
    async with admin() as served:
        assert (await served.ask("/healthz")).status == 200
        where = served.where
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*where)
