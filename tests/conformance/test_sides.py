"""
How sides are addressed: Host, base path, https, names, ports that don't answer.

One worker goes by one configuration after the other: what it does with a side is in its table.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme

from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import LOOPBACK, OK, Connection, Origin, Received, always
from tests.parts.parallax import Configuration

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[Alone]:
    """
    One for all tests.
    """
    async with alone() as made:
        yield made


@pytest.mark.parametrize(
    ("host", "forwarded"), [("preserve", b"shop.test"), ("upstream", b"127.0.0.1:%d"), ("inner.test", b"inner.test")]
)
async def test_host_is_as_configured(worker: Alone, tmp_path: Path, host: str, forwarded: bytes) -> None:
    """
    A side gets the client's Host, its own, or a name; the client's is in X-Forwarded-Host in any case.
    """
    async with Origin(always(OK)) as old, Origin(always(OK)) as new:
        await worker.goes_by(
            {"old": {"url": old.url, "host": host}, "new": {"url": new.url, "host": "other.test"}}, tmp_path
        )
        await ask(worker)
        received = await old.request()
        copy = await new.request()
        port = old.port

    assert received.value(b"host") == (forwarded % port if b"%" in forwarded else forwarded)
    assert copy.value(b"host") == b"other.test"
    assert received.value(b"x-forwarded-host") == copy.value(b"x-forwarded-host") == b"shop.test"


async def test_a_base_path_goes_in_front(worker: Alone, tmp_path: Path) -> None:
    """
    A path in a side's URL is put before each target, once.
    """
    async with Origin(always(OK)) as old, Origin(always(OK)) as new:
        await worker.goes_by({"old": {"url": old.url + "/base/v1"}, "new": {"url": new.url}}, tmp_path)
        await ask(worker, b"/a?b")
        received = await old.request()
        copy = await new.request()

    assert received.target == b"/base/v1/a?b"
    assert copy.target == b"/a?b"


class Encrypted(Origin):
    """
    An origin that speaks TLS, and remembers the name that it was asked for.
    """

    def __init__(self, certificate: trustme.LeafCert) -> None:
        super().__init__(always(OK))
        self.names: list[str | None] = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.tls)
        self.tls.sni_callback = self._asked

    def _asked(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.names.append(name)


@asynccontextmanager
async def encrypted(
    worker: Alone, folder: Path, certified: str, tls: Configuration, *, known: bool = True
) -> AsyncIterator[Encrypted]:
    """
    Old behind TLS with a certificate for `certified`, whose authority the worker knows, if `known`.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    async with Encrypted(authority.issue_cert(certified)) as old, Origin(always(OK)) as new:
        side: Configuration = {"url": f"https://localhost:{old.port}", "tls": {"ca": "ca.pem", **tls} if known else tls}
        await worker.goes_by({"old": side, "new": {"url": new.url}}, folder)
        yield old


async def ask(worker: Alone, target: bytes = b"/") -> tuple[int, bytes | None]:
    """
    Status and Proxy-Status of one request.
    """
    client = await worker.client()
    got = await client.ask(get(target))
    client.close()
    return got.status, got.value(b"proxy-status")


async def test_an_https_side_is_verified_and_named(worker: Alone, tmp_path: Path) -> None:
    """
    With its authority known an https side is used, by the name in its URL, and its connection kept.
    """
    async with encrypted(worker, tmp_path, "localhost", {}) as old:
        statuses = [(await ask(worker))[0] for _ in range(3)]

        assert statuses == [200] * 3
        assert old.names == ["localhost"]
        assert len(old.connections) == 1


async def test_a_server_name_can_be_given(worker: Alone, tmp_path: Path) -> None:
    """
    `tls.server_name` is what is asked for and verified.
    """
    async with encrypted(worker, tmp_path, "inner.test", {"server_name": "inner.test"}) as old:
        assert (await ask(worker))[0] == 200
        assert old.names == ["inner.test"]


@pytest.mark.parametrize(("certified", "known"), [("other.test", True), ("localhost", False)])
async def test_a_certificate_that_does_not_fit_is_502(
    worker: Alone, tmp_path: Path, certified: str, known: bool
) -> None:
    """
    A certificate for another name, or of an unknown authority, is 502 and says so; no byte of the request goes out.
    """
    async with encrypted(worker, tmp_path, certified, {}, known=known) as old:
        assert await ask(worker) == (502, b"parallax; error=tls_certificate_error")
        assert not old.requests


async def test_verification_can_be_switched_off(worker: Alone, tmp_path: Path) -> None:
    """
    For trials any certificate will do.
    """
    async with encrypted(worker, tmp_path, "other.test", {"verify": False}, known=False):
        assert (await ask(worker))[0] == 200


async def test_a_side_that_speaks_no_tls_is_502(worker: Alone, tmp_path: Path) -> None:
    """
    A plain port that is asked for TLS is 502, with the reason.
    """

    async def complain(connection: Connection) -> None:
        await connection.source.some()
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    async with Origin() as old, Origin(always(OK)) as new:
        old.behaviour = complain
        sides = {"old": {"url": f"https://{LOOPBACK}:{old.port}"}, "new": {"url": new.url}}
        await worker.goes_by(sides, tmp_path)
        status, reason = await ask(worker)

    assert (status, reason) == (502, b"parallax; error=tls_protocol_error")


async def test_a_name_that_does_not_resolve_is_502(worker: Alone, tmp_path: Path) -> None:
    """
    A side whose name nobody knows is 502 with the reason.
    """
    async with Origin(always(OK)) as new:
        sides = {"old": {"url": "http://nobody.invalid:80"}, "new": {"url": new.url}}
        await worker.goes_by(sides, tmp_path)
        status, reason = await ask(worker)

    assert (status, reason) == (502, b"parallax; error=dns_error")


# Client certificates...


class Asking(Encrypted):
    """
    An origin that lets in who has a certificate of `clients`, and remembers whom it answered.
    """

    def __init__(self, certificate: trustme.LeafCert, clients: trustme.CA) -> None:
        super().__init__(certificate)
        assert self.tls is not None
        self.tls.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(self.tls)
        self.visitors: list[str] = []
        self.script = self._welcome

    def _welcome(self, received: Received) -> None:
        shown = received.connection.writer.get_extra_info("peercert")["subjectAltName"]
        self.visitors += [name for kind, name in shown if kind == "DNS"]
        received.answer(OK)


async def test_a_side_that_asks_is_shown_our_certificate(worker: Alone, tmp_path: Path) -> None:
    """
    The one in the file, and the one that is there at the next reload; none, and its handshake fails.
    """
    authority, clients = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with Asking(authority.issue_cert("localhost"), clients) as old, Origin(always(OK)) as new:
        tls = {"ca": "ca.pem", "certificate": "us.pem", "key": "us.key"}
        side: Configuration = {"url": f"https://localhost:{old.port}", "tls": tls}
        for name in ("parallax.test", "renewed.test"):
            ours = clients.issue_cert(name)
            ours.cert_chain_pems[0].write_to_path(str(tmp_path / "us.pem"))
            ours.private_key_pem.write_to_path(str(tmp_path / "us.key"))
            await worker.goes_by({"old": side, "new": {"url": new.url}}, tmp_path)
            assert [(await ask(worker))[0] for _ in range(2)] == [200, 200]
        assert old.visitors == ["parallax.test"] * 2 + ["renewed.test"] * 2

        await worker.goes_by({"old": {**side, "tls": {"ca": "ca.pem"}}, "new": {"url": new.url}}, tmp_path)
        assert (await ask(worker))[0] == 502


async def test_certificates_are_renewed_under_load_and_nobody_notices(worker: Alone, tmp_path: Path) -> None:
    """
    Ours and the side's authorities, five times, while eight clients ask all the time: requests under way end on the
    connections that they began on.
    """
    authority, clients = trustme.CA(), trustme.CA()
    statuses: Counter[int] = Counter()
    done = asyncio.Event()

    async def go_on() -> None:
        client = await worker.client()
        while not done.is_set():
            statuses[(await client.ask(get())).status] += 1
        client.close()

    async with Asking(authority.issue_cert("localhost"), clients) as old, Origin(always(OK)) as new:
        tls = {"ca": "ca.pem", "certificate": "us.pem", "key": "us.key"}
        sides: Configuration = {
            "old": {"url": f"https://localhost:{old.port}", "tls": tls},
            "new": {"url": new.url},
        }
        async with asyncio.TaskGroup() as group:
            for turn in range(5):
                ours = clients.issue_cert(f"{turn}.test")
                ours.cert_chain_pems[0].write_to_path(str(tmp_path / "us.pem"))
                ours.private_key_pem.write_to_path(str(tmp_path / "us.key"))
                authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
                (tmp_path / "ca.pem").write_bytes((tmp_path / "ca.pem").read_bytes() * (turn + 1))
                await worker.goes_by(sides, tmp_path)
                if turn == 0:
                    for _ in range(8):
                        group.create_task(go_on())
                seen = statuses.total()
                while statuses.total() < seen + 100:  # noqa: ASYNC110 nobody tells when
                    await asyncio.sleep(0)
            done.set()

        assert statuses.keys() == {200}
        assert set(old.visitors) == {f"{turn}.test" for turn in range(5)}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"identity": "localhost", "not_after": datetime(2020, 1, 1, tzinfo=UTC)}, "certificate has expired"),
        ({"identity": "other.test"}, "Hostname mismatch, certificate is not valid for 'localhost'."),
        (None, "unable to get local issuer certificate"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_told(
    worker: Alone, tmp_path: Path, made: dict[str, Any] | None, said: str
) -> None:
    """
    Expired, for another name, of an authority that nobody knows: the log says which, and no byte of a request goes out.
    """
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    wanted = dict(made or {"identity": "localhost"})
    shown = (other if made is None else authority).issue_cert(wanted.pop("identity"), **wanted)
    async with Encrypted(shown) as old, Origin(always(OK)) as new:
        url = f"https://localhost:{old.port}"
        await worker.goes_by({"old": {"url": url, "tls": {"ca": "ca.pem"}}, "new": {"url": new.url}}, tmp_path)
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not told:
                assert await ask(worker) == (502, b"parallax; error=tls_certificate_error")
                told = [each for each in worker.reports if each["event"] == "side_failing" and each["url"] == url]
        assert not old.requests

    assert (told[0]["cause"], told[0]["detail"]) == ("certificate", said)


# Several addresses, and Unix sockets...


class Local(Origin):
    """
    An origin on a Unix socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(always(OK))
        self.path = path

    async def listen(self) -> None:
        """
        On its path.
        """
        self._server = await asyncio.start_unix_server(self._connected, self.path)

    @property
    def url(self) -> str:
        """
        As nginx would write it.
        """
        return f"http://unix:{self.path}"


async def test_a_side_may_be_a_unix_socket(worker: Alone, tmp_path: Path) -> None:
    """
    Live and copied to; `upstream` is localhost there.
    """
    async with Local(tmp_path / "old.sock") as old, Local(tmp_path / "new.sock") as new:
        sides = {"old": {"url": old.url, "host": "upstream"}, "new": {"url": f"{new.url}:/v2"}}
        await worker.goes_by(sides, tmp_path)
        assert (await ask(worker, b"/a"))[0] == 200
        received, copy = await old.request(), await new.request()

    assert (received.target, received.value(b"host")) == (b"/a", b"localhost")
    assert (copy.target, copy.value(b"host")) == (b"/v2/a", b"shop.test")


async def test_a_side_of_several_addresses_is_one_side(worker: Alone, tmp_path: Path) -> None:
    """
    A dead address costs nobody a request, and two requests at once go to two of them.
    """
    async with Origin() as one, Local(tmp_path / "two.sock") as two, Origin(always(OK)) as new:
        two.script = None
        addresses = [f"{LOOPBACK}:1", f"{LOOPBACK}:{one.port}", f"unix:{two.path}"]
        sides = {"old": {"url": "http://shop.internal", "addresses": addresses}, "new": {"url": new.url}}
        await worker.goes_by(sides, tmp_path)
        clients = [await worker.client() for _ in range(4)]
        for client in clients:
            client.send(get())
        received = [await origin.begin() for origin in (one, two) for _ in range(2)]
        for each in received:
            each.answer(OK)
        statuses = [(await client.answer()).status for client in clients]
        for client in clients:
            client.close()

    assert statuses == [200] * 4
