"""
A real Parallax with a plan, and somebody who operates it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts.load import Crowd, Load
from tests.parts.operator import Operator, Reply, Value
from tests.parts.parallax import Configuration, Parallax, merged, running, until
from tests.parts.sides import Sides, sides

# Stages take a second each where nothing holds them up.
SMALL = """
plan: small
expect: {rate: 50}
defaults: {settle: 0s, cooldown: 1s}
stages:
  - {name: shadow, success: New answers., weight: 0, observe: 0.5s..1h}
  - {name: live-10, success: New answers., weight: 10, observe: 0.5s..1h, rollback: {to: shadow, within: 30s}}
  - {name: live-100, success: New answers., weight: 100, observe: 0.5s..1h, rollback: {to: live-10, within: 30s}}
"""
PATIENCE = 30.0


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

        async def looked() -> bool:
            nonlocal found
            found = await self.status()
            return bool(holds(found))

        try:
            await until(looked, what, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last was {found}") from None
        return found

    def load(self, crowd: Crowd | None = None) -> Load:
        """
        People at work.
        """
        return Load(self.parallax.address, crowd or Crowd(keepers=4, one_shots=0, pause=0.02, writes=0.0))


@asynccontextmanager
async def planned(folder: Path, configuration: Configuration | None = None) -> AsyncIterator[Planned]:
    """
    A Parallax with two operators, ready, and no plan yet.
    """
    async with sides(0.0) as pair:
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
        async with running(whole, folder) as parallax:
            operators = (Operator(name=name, address=parallax.admin) for name in ("alice", "bob"))
            yield Planned(parallax=parallax, sides=pair, operator=next(operators), other=next(operators))
