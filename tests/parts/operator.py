"""
Somebody with a token who asks the admin port, and remembers what was acknowledged.
"""

import asyncio
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from proxy.clock import monotonic
from tests.parts.client import Address, Client, get
from tests.parts.strict import PATIENCE, Cut

Value = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    What the admin port answered, asked at `began` and read at `ended` (monotonic seconds).
    """

    status: int
    value: Value
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """
    A change that somebody asked for at `began`; `reason` is its name. `status` 0: the connection ended first.
    `unsaved`: the answer said that it was in force and not saved yet.
    """

    reason: str
    began: float
    ended: float
    status: int
    values: Value = field(default_factory=dict)
    unsaved: bool = False

    @property
    def acknowledged(self) -> bool:
        """
        Whether it was said to be done, for good.
        """
        return self.status in (200, 202) and not self.unsaved


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """
    A person or a script of this name.
    """

    name: str
    address: Address
    role: str = "operator"
    # Changes that got a 200 or 202, in order.
    acknowledged: list[Reply] = field(default_factory=list)

    @property
    def secret(self) -> str:
        """
        The bearer token.
        """
        return f"plx_{self.name}_{'0' * 32}"

    def token(self) -> Value:
        """
        The token's line in a configuration.
        """
        return {"name": self.name, "role": self.role, "sha256": hashlib.sha256(self.secret.encode()).hexdigest()}

    async def ask(self, method: str, target: str, value: Value | None = None) -> Reply:
        """
        One call on a connection of its own. Raises `Cut`, OSError or TimeoutError when it gets no answer.
        """
        body = b"" if value is None else json.dumps(value).encode()
        fields = [b"Authorization: Bearer " + self.secret.encode(), b"Connection: close"]
        if value is not None:
            fields += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
        began = monotonic()
        client = await Client.connect(self.address)
        try:
            raw = get(target.encode(), *fields, method=method.encode(), host=b"localhost") + body
            got = await client.ask(raw, method.encode())
        finally:
            client.close()
        said = json.loads(bytes(got.body)) if got.body else {}
        return Reply(status=got.status, value=said, began=began, ended=monotonic())

    async def insist(self, method: str, target: str, value: Value | None = None) -> Reply:
        """
        The same, again and again while the answer is to ask again: a store takes a moment to open.
        """
        end = monotonic() + PATIENCE
        while (reply := await self.ask(method, target, value)).status == 503 and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return reply

    async def change(self, reason: str, **values: object) -> Reply:
        """
        PUT /admin/weights.
        """
        reply = await self.insist("PUT", "/admin/weights", {**values, "reason": reason})
        if reply.status in (200, 202):
            self.acknowledged.append(reply)
        return reply

    async def try_change(self, reason: str, **values: object) -> Tried:
        """
        The same, whatever comes of it: status 0 when somebody is killed over it.
        """
        began, status, warnings = monotonic(), 0, ""
        with suppress(Cut, OSError):
            reply = await self.change(reason, **values)
            status, warnings = reply.status, " ".join(reply.value.get("warnings", ()))
        return Tried(
            reason=reason,
            began=began,
            ended=monotonic(),
            status=status,
            values=values,
            unsaved="not saved yet" in warnings,
        )

    async def weights(self) -> Value:
        """
        GET /admin/weights.
        """
        reply = await self.insist("GET", "/admin/weights")
        assert reply.status == 200, reply
        return reply.value

    async def audit(self) -> list[Value]:
        """
        The whole audit, oldest line first.
        """
        lines: list[Value] = []
        before = ""
        while True:
            reply = await self.insist("GET", f"/admin/audit?limit=100{before}")
            assert reply.status == 200, reply
            page: list[Value] = reply.value["entries"]
            lines += page
            if len(page) < 100:
                return lines[::-1]
            before = f"&before={page[-1]['id']}"
