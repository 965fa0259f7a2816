"""
A real Parallax with a plan, and somebody who operates it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts.load import Crowd, Load
from tests.parts.operator import Operator, Reply, Value
from tests.parts.parallax import PROJECT, Configuration, Parallax, merged, running, until
from tests.parts.sides import Sides, sides

# A gate that some clean pairs pass, and stages that take a second each where nothing holds them up.
SMALL = """
plan: small
expect: {rate: 50}
defaults: {settle: 0s, cooldown: 1s}
gates:
  errors: {event: old_ok & new_error, max: 0.5, min: 5}
stages:
  - {name: shadow, success: Well., weight: 0, observe: 0.5s..1h, gates: [errors]}
  - {name: live-10, success: Well., weight: 10, observe: 0.5s..1h, gates: [errors], rollback: {to: shadow}}
  - {name: live-100, success: Well., weight: 100, observe: 0.5s..1h, gates: [errors], rollback: {to: live-10}}
"""
PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """
    What a command said, and its exit code.
    """

    code: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """
    A running Parallax and its operators.
    """

    parallax: Parallax
    sides: Sides
    operator: Operator
    other: Operator

    async def move(self, name: str, **body: Any) -> Reply:
        """
        POST /admin/plan/NAME.
        """
        return await self.operator.insist("POST", f"/admin/plan/{name}", body)

    async def start(self, text: str) -> Value:
        """
        Start a plan with this text; it has to be possible.
        """
        reply = await self.move("start", text=text, file="small.yaml", reason="test")
        assert reply.status == 200, reply
        return reply.value

    async def status(self) -> Value:
        """
        GET /admin/plan.
        """
        reply = await self.operator.insist("GET", "/admin/plan")
        assert reply.status == 200, reply
        return reply.value

    async def until(self, holds: Callable[[Value], object], what: str, patience: float = PATIENCE) -> Value:
        """
        The status, once something holds of it.
        """
        found: Value = {}
        reply: Reply | None = None

        async def looked() -> bool:
            nonlocal found, reply
            reply = await self.operator.insist("GET", "/admin/plan")
            # A control that has just begun knows of no plan yet.
            if reply.status == 200:
                found = reply.value
            return reply.status == 200 and bool(holds(found))

        try:
            await until(looked, what, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last was {found}, and the last answer {reply}") from None
        return found

    async def command(self, *words: str) -> Said:
        """
        `parallax plan WORDS`, as the operator.
        """
        host, port = self.parallax.admin
        environment = {
            **os.environ,
            "PARALLAX_ADMIN_URL": f"http://{host}:{port}",
            "PARALLAX_ADMIN_TOKEN": self.operator.secret,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "proxy", "plan", *words),
            cwd=PROJECT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return Said(code=process.returncode, said=said.decode())

    def load(self, crowd: Crowd | None = None) -> Load:
        """
        People at work.
        """
        return Load(self.parallax.address, crowd or Crowd(keepers=4, one_shots=0, pause=0.02, writes=0.0))


@asynccontextmanager
async def planned(
    folder: Path, configuration: Configuration | None = None, *, plan: str | None = None, spread: float = 0.0
) -> AsyncIterator[Planned]:
    """
    A Parallax with two operators, ready, and no plan yet, or the one in this file. Sides answer within `spread` s.
    """
    async with sides(spread) as pair:
        one, other = (Operator(name=name, address=("", 0)) for name in ("alice", "bob"))
        whole = merged(
            {
                "old": {"url": pair.url("old")},
                "new": {"url": pair.url("new")},
                "data": "stateless",
                "sticky": {"key": ["header:X-User"]},
                "admin": {"tokens": [one.token(), other.token()]},
            },
            configuration or {},
        )
        words = () if plan is None else ("--plan", str(folder / plan))
        async with running(whole, folder, words=words) as parallax:
            operators = (Operator(name=name, address=parallax.admin) for name in ("alice", "bob"))
            yield Planned(parallax=parallax, sides=pair, operator=next(operators), other=next(operators))
