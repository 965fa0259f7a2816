"""
The admin port over real HTTP, with a memory version of steering behind it.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry

from proxy.admin.app import build_app
from proxy.admin.calls import MOVES
from proxy.admin.certificate import Encryption
from proxy.admin.changes import read_change, read_reason, read_reason_of
from proxy.admin.facts import Facts
from proxy.admin.gate import Access
from proxy.admin.plan import Asked
from proxy.admin.port import AdminPort
from proxy.admin.serve import serving
from proxy.admin.steering import Outcome, Refusal, Unknown, Who
from proxy.admin.token import held
from proxy.compare.judging import JudgingTable
from proxy.compare.rules import Rule
from proxy.evidence.usage import Usage
from proxy.evidence.waivers import Waiver
from proxy.metrics.exposition import BooksCollector
from proxy.store.audit import BEGINNING, Entry, chain
from tests.parts.payloads import SIGNATURE, judged, sample, status, table, worker
from tests.parts.shown import a_status

PATIENCE = 10.0
OPERATOR = "plx_" + "o" * 43
VIEWER = "plx_" + "v" * 43
WRONG = "plx_" + "w" * 43
TOKENS = (held(OPERATOR, name="ops", role="operator"), held(VIEWER, name="dash", role="viewer"))
JSON = {"Content-Type": "application/json"}


NOISE = ("noise_freeze", "noise_learn", "noise_accept", "noise_forget")
PLAN = tuple(f"plan {name}" for name in MOVES)
# What the audit calls changes.
DONE = ("weights", "mirror", "kill", "restore", "reload", "waive", "remove waiver", *NOISE, *PLAN)


class MemoryNoise:
    """
    Nothing is known, and what is decided is only written down.
    """

    def __init__(self, steering: "MemorySteering") -> None:
        self._steering = steering

    def listing(self) -> dict[str, Any]:
        """
        As `Noise.listing`.
        """
        if self._steering.refusal is not None:
            raise self._steering.refusal
        return {
            "learning": False,
            "open_until": 0.0,
            "frozen": False,
            "sample": 0.0,
            "in_force": True,
            "places": [],
            "trouble": None,
        }

    async def change(self, action: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        As `Noise.change`.
        """
        listing = self.listing()
        self._steering.note(who, f"noise_{action}", read_reason_of(body))
        return listing


class MemoryPlan:
    """
    A plan that never moves; what is asked of it is only written down.
    """

    def __init__(self, steering: "MemorySteering") -> None:
        self._steering = steering
        self.asked: list[Asked] = []

    def status(self) -> dict[str, Any]:
        """
        As `Planned.status`.
        """
        return a_status()

    async def whole(self) -> dict[str, Any]:
        """
        As `Planned.whole`.
        """
        return {**a_status(), "history": []}

    def shown(self) -> dict[str, Any] | None:
        """
        As `Planned.shown`.
        """
        return None

    async def obey(self, asked: Asked, who: Who) -> dict[str, Any]:
        """
        As `Planned.obey`.
        """
        if self._steering.refusal is not None:
            raise self._steering.refusal
        self.asked.append(asked)
        self._steering.note(who, f"plan {asked.name}", asked.reason)
        return self.status()


class MemorySteering:
    """
    Steering that keeps its audit in memory and moves nothing. `refusal` is raised by the next calls, if there is one.
    """

    def __init__(self) -> None:
        self.intact: bool | None = True
        self.refusal: Refusal | None = None
        self.lagging: tuple[str, ...] = ()
        self.entries: list[Entry] = []
        self.noise = MemoryNoise(self)
        self.plan = MemoryPlan(self)

    def done(self, *actions: str) -> list[Entry]:
        """
        The lines of the audit of these actions, or of all changes.
        """
        wanted = actions or DONE
        return [entry for entry in self.entries if entry.action in wanted]

    async def change(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        As `Steering.change`.
        """
        change = read_change(body)
        return self._do(who, change.action, change.reason)

    async def kill(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        As `Steering.kill`.
        """
        return self._do(who, "kill", read_reason(body))

    async def restore(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        As `Steering.restore`.
        """
        return self._do(who, "restore", read_reason(body))

    async def reload(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        As `Steering.reload`.
        """
        return self._do(who, "reload", read_reason(body))

    async def audit(self, limit: int, before: int | None) -> list[dict[str, Any]]:
        """
        As `Steering.audit`.
        """
        if self.refusal is not None:
            raise self.refusal
        found = [entry for entry in reversed(self.entries) if before is None or entry.id < before]
        return [asdict(entry) for entry in found[:limit]]

    def note(self, who: Who, action: str, reason: str) -> None:
        """
        As `Steering.note`.
        """
        entry = Entry(actor=who.name, role=who.role, peer=who.peer, action=action, reason=reason, epoch=4)
        previous = self.entries[-1].hash if self.entries else BEGINNING
        self.entries.append(chain(entry, len(self.entries) + 1, previous))

    def _do(self, who: Who, action: str, reason: str) -> Outcome:
        if self.refusal is not None:
            raise self.refusal
        self.note(who, action, reason)
        return Outcome(lagging=self.lagging)


class MemoryEvidence:
    """
    Evidence of which nothing is stored, and waivers that accept nothing.
    """

    def __init__(self, facts: Facts, steering: MemorySteering) -> None:
        self._signatures = facts.signatures
        self._steering = steering
        self.made: list[Waiver] = []

    async def signatures(self, endpoint: str | None, severity: str | None) -> dict[str, Any]:
        """
        As `Evidence.signatures`.
        """
        found = self._signatures.listed({}, lambda _: None, endpoint=endpoint, severity=severity)
        return {"signatures": found, "dropped": 0, "trouble": None}

    def rules(self) -> dict[str, Any]:
        """
        As `Evidence.rules`.
        """
        rule = Rule(does="ignore", where="$.a")
        usage = Usage()
        usage.follow(JudgingTable(version=1, rules=(rule,)), 1.0, dict)
        return usage.listing(JudgingTable(version=1, rules=(rule,)), {})

    async def signature(self, number: str, limit: int) -> dict[str, Any]:
        """
        As `Evidence.signature`.
        """
        if self._steering.refusal is not None:
            raise self._steering.refusal
        known = self._signatures.known.get(number)
        if known is None:
            raise Unknown("no pair has had this signature")
        samples = self._signatures.samples_of(number)[:limit]
        return {**self._signatures.told(known, {}, lambda _: None), "samples": samples, "trouble": None}

    async def affected(self, number: str, limit: int) -> dict[str, Any]:
        """
        As `Evidence.affected`.
        """
        return {"affected": [{"key": "#a", "by_old": 1, "by_new": 2, "last": 3.0}][:limit]}

    def waivers(self) -> dict[str, Any]:
        """
        As `Evidence.waivers`.
        """
        return {"waivers": [waiver.told(0.0) for waiver in self.made]}

    async def waive(self, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        As `Evidence.waive`.
        """
        if self._steering.refusal is not None:
            raise self._steering.refusal
        self._steering.note(who, "waive", read_reason_of(body))
        waiver = Waiver(id=1, signature=SIGNATURE, endpoint="GET /b c", parts=(), until=9.0, reason="", by=who.name)
        self.made.append(waiver)
        return waiver.told(0.0)

    async def remove_waiver(self, number: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        As `Evidence.remove_waiver`.
        """
        self._steering.note(who, "remove waiver", read_reason_of(body))
        return Waiver(
            id=int(number), signature=SIGNATURE, endpoint="", parts=(), until=9.0, reason="", by="", removed="now"
        ).told(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    One answer, read to its end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """
        The body as JSON.
        """
        return orjson.loads(self.body)


class Admin:
    """
    A served application, and a client for it.
    """

    def __init__(self, session: aiohttp.ClientSession, where: tuple[str, int], access: Access) -> None:
        self.facts = Facts({"version": "1"})
        self.steering = MemorySteering()
        self.evidence = MemoryEvidence(self.facts, self.steering)
        self.port = AdminPort(self.facts, self.steering, self.evidence, access, start=1000)
        self.troubles: list[tuple[str, Exception]] = []
        self.where = where
        self.app: web.Application
        self._session = session
        self._scheme = "https" if access.encrypted else "http"

    def know(self) -> None:
        """
        What control knows after its first frames.
        """
        self.facts.take_table(table())
        self.facts.take_status(status(worker(1)))
        self.facts.take_sample(orjson.dumps(sample(1, "GET /b c")))
        self.facts.signatures.take(judged())

    async def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, *, token: str | None = VIEWER, **headers: str
    ) -> Answer:
        """
        One answer; underscores in names of header fields are dashes.
        """
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            fields.setdefault("Authorization", f"Bearer {token}")
        url = f"{self._scheme}://{self.where[0]}:{self.where[1]}{path}"
        async with self._session.request(method, url, data=body, headers=fields) as answer:
            return Answer(status=answer.status, headers=answer.headers, body=await answer.read())

    async def change(self, path: str, method: str = "POST", *, token: str | None = OPERATOR, **keys: Any) -> Answer:
        """
        The answer to a change with this body.
        """
        return await self.ask(path, method, orjson.dumps(keys), token=token, **JSON)


@asynccontextmanager
async def admin(
    access: Access | None = None, *, encryption: Encryption | None = None, trusted: ssl.SSLContext | bool = True
) -> AsyncIterator[Admin]:
    """
    Served on a free port of loopback.
    """
    access = access or Access(tokens=TOKENS, encrypted=encryption is not None)
    listener = socket.create_server(("127.0.0.1", 0))
    async with AsyncExitStack() as stack:
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(PATIENCE), connector=aiohttp.TCPConnector(ssl=trusted)
        )
        await stack.enter_async_context(session)
        served = Admin(session, listener.getsockname(), access)
        registry = CollectorRegistry()
        registry.register(BooksCollector(served.facts.expose))
        served.app = build_app(
            served.port, registry, report=lambda route, error: served.troubles.append((route, error))
        )
        await stack.enter_async_context(serving(served.app, listener, logging.getLogger("tests.admin"), encryption))
        yield served


def bearer(token: str) -> bytes:
    """
    The field that signs in, for requests written by hand.
    """
    return b"Authorization: Bearer " + token.encode()


async def last_words(where: tuple[str, int], raw: bytes) -> bytes:
    """
    All that is answered to these bytes on a connection of their own, until it is closed.
    """
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*where)
        try:
            writer.write(raw)
            return await reader.read()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
