"""
The admin API over real HTTP: who may ask, how errors look, what every answer carries.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import orjson
import pytest
from prometheus_client import CollectorRegistry

from proxy.admin.app import LARGEST_BODY, build_app, is_own_host
from proxy.admin.facts import Facts
from proxy.admin.serve import CONNECTIONS, serving
from proxy.metrics.exposition import BooksCollector
from tests.parts.payloads import sample, status, table, worker

PATIENCE = 10.0


class Admin:
    """
    A served application, and a client for it.
    """

    def __init__(self, session: aiohttp.ClientSession, where: tuple[str, int]) -> None:
        self.facts = Facts({"version": "1"})
        self.troubles: list[tuple[str, Exception]] = []
        self.where = where
        self._session = session

    async def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """
        Status, headers and body of one answer.
        """
        url = f"http://{self.where[0]}:{self.where[1]}{path}"
        async with self._session.request(method, url, data=body, headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()


@asynccontextmanager
async def admin() -> AsyncIterator[Admin]:
    """
    Served on a free port of loopback.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)))
        served = Admin(session, listener.getsockname())
        registry = CollectorRegistry()
        registry.register(BooksCollector(served.facts.expose))
        app = build_app(
            served.facts,
            registry,
            bound="127.0.0.1",
            report=lambda route, error: served.troubles.append((route, error)),
        )
        await stack.enter_async_context(serving(app, listener, logging.getLogger("tests.admin")))
        yield served


async def test_answers_come_as_json_that_nobody_stores_or_sniffs() -> None:
    """
    Every answer of the API, errors included.
    """
    async with admin() as served:
        served.facts.take_table(table())
        served.facts.take_status(status(worker(1)))
        served.facts.take_sample(orjson.dumps(sample(1)))
        for path in ("/admin/weights", "/admin/endpoints", "/admin/divergences", "/nowhere"):
            _, headers, body = await served.ask(path)

            assert isinstance(orjson.loads(body), dict)
            assert headers["Content-Type"] == "application/json"
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "aiohttp" not in headers["Server"]


async def test_each_call_gives_its_answer() -> None:
    """
    Status and a token of the body of everything that is served.
    """
    async with admin() as served:
        served.facts.take_table(table())
        served.facts.take_status(status(worker(1)))
        served.facts.take_sample(orjson.dumps(sample(1, "GET /b c")))
        for path, token in (
            ("/", b"/admin/weights"),
            ("/healthz", b"ok"),
            ("/readyz", b"ready"),
            ("/metrics", b"parallax_killed 0.0"),
            ("/admin/weights", b'"epoch":4'),
            ("/admin/endpoints", b'"endpoints":[]'),
            ("/admin/divergences", b'"request_id":"1"'),
            ("/admin/divergences?endpoint=GET%20/b%20c", b'"request_id":"1"'),
            ("/admin/divergences?endpoint=GET%20/a", b'"divergences":[]'),
        ):
            code, _, body = await served.ask(path)

            assert (code, token in body) == (200, True), path
        code, _, body = await served.ask("/healthz", "HEAD")
        assert (code, body) == (200, b"")


async def test_before_the_first_frame_it_is_alive_and_not_ready() -> None:
    """
    Nothing is known yet: said as 503, not as zeros.
    """
    async with admin() as served:
        assert (await served.ask("/healthz"))[0] == 200
        assert (await served.ask("/readyz"))[0] == 503
        assert (await served.ask("/admin/weights"))[0] == 503
        assert (await served.ask("/metrics"))[0] == 200


async def test_what_is_not_there_is_404_and_what_is_not_allowed_405() -> None:
    """
    As JSON, with the allowed methods.
    """
    async with admin() as served:
        code, headers, body = await served.ask("/admin/wéights\u2028")
        assert (code, headers["Content-Type"]) == (404, "application/json")
        assert b"/admin/w%C3%A9ights" in body
        code, headers, body = await served.ask("/admin/weights", "PUT", b"{}")
        assert (code, headers["Allow"]) == (405, "GET, HEAD")
        assert orjson.loads(body) == {"error": "/admin/weights takes GET, HEAD only"}


async def test_a_foreign_host_gets_probes_and_metrics_and_nothing_else() -> None:
    """
    A page whose name was pointed at this address (DNS rebinding) can't read the API.
    """
    async with admin() as served:
        for path in ("/healthz", "/metrics"):
            assert (await served.ask(path, Host="evil.example"))[0] == 200
        for path in ("/admin/weights", "/admin/endpoints", "/admin/divergences", "/", "/nowhere"):
            code, _, body = await served.ask(path, Host="evil.example:9900")

            assert code == 403
            assert b"Host" in body
        assert (await served.ask("/admin/endpoints", Host="localhost:1"))[0] == 200


@pytest.mark.parametrize(
    ("host", "bound", "expected"),
    [
        ("localhost", "127.0.0.1", True),
        ("LocalHost:9900", "127.0.0.1", True),
        ("127.0.0.1:9900", "127.0.0.1", True),
        ("127.9.9.9", "127.0.0.1", True),
        ("[::1]:9900", "127.0.0.1", True),
        ("[::1]", "::1", True),
        ("10.0.0.5:9900", "10.0.0.5", True),
        ("10.0.0.6", "10.0.0.5", False),
        ("", "127.0.0.1", False),
        ("evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost@evil.example", "127.0.0.1", False),
        ("localhost:9900:1", "127.0.0.1", False),
        ("localhost/", "127.0.0.1", False),
        ("[127.0.0.1", "127.0.0.1", False),
        ("2130706433", "127.0.0.1", False),
        ("0.0.0.0", "127.0.0.1", False),
    ],
)
def test_own_hosts_are_loopback_and_the_bound_address(host: str, bound: str, expected: bool) -> None:
    """
    With any port, since tunnels change it; nothing that only looks like one of them.
    """
    assert is_own_host(host, bound) is expected


async def test_a_large_body_is_refused() -> None:
    """
    413, and the connection is not read to the end for it.
    """
    async with admin() as served:
        code, _, body = await served.ask("/admin/weights", "GET", b"x" * (LARGEST_BODY + 1))

        assert code == 413
        assert orjson.loads(body)["error"]


async def test_a_mistake_of_ours_is_told_and_is_a_bare_500() -> None:
    """
    The client learns nothing of it, the log its route.
    """
    async with admin() as served:
        served.facts.merge = None  # type: ignore[assignment]
        code, _, body = await served.ask("/admin/endpoints")

        assert (code, orjson.loads(body)) == (500, {"error": "Parallax failed to answer; its log says why"})
        assert [(route, type(error)) for route, error in served.troubles] == [("/admin/endpoints", AttributeError)]


async def test_connections_are_bounded_and_the_oldest_gives_way() -> None:
    """
    Slow and idle connections can't lock others out.
    """
    async with admin() as served, asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        readers = []
        for _ in range(CONNECTIONS + 1):
            reader, writer = await asyncio.open_connection(*served.where)
            stack.callback(writer.close)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            readers.append(reader)
        # Ends only because the connection does.
        with suppress(ConnectionError):
            await readers[0].read()

        assert (await served.ask("/healthz"))[0] == 200
