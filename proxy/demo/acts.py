"""
What the demo's operator does in its second half, through the admin API: the shop's staff to new, some users, more of
them, a kill, and back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.clock import monotonic
from proxy.demo.client import Client
from proxy.demo.load import Load
from proxy.demo.stage import Stage, StageError

START_DEADLINE = 15.0  # seconds; control may still be starting when a short demo begins to act
RETRY = 0.1  # seconds
LEAST = 0.3  # seconds between two acts, however short the demo
NOT_YET = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """
    One thing to do, `after` that share of the demo's time, and what is to be said while it lasts.
    """

    after: float
    says: str
    do: "Callable[[Operator], Awaitable[None]]"


class Operator:
    """
    Signs in with the token that Parallax made, and acts. `says` tells what is in force.
    """

    def __init__(self, up: Stage, admin: Client, load: Load) -> None:
        self.says = FIRST
        self._up = up
        self._admin = admin
        self._load = load

    async def act(self, seconds: float) -> None:
        """
        All acts of a demo that lasts `seconds`. Raises `StageError` when Parallax refuses one.
        """
        start = monotonic()
        for act in ACTS:
            due = max(start + act.after * seconds, monotonic() + LEAST)
            await asyncio.sleep(max(0.0, due - monotonic()))
            await act.do(self)
            self.says = act.says
        await asyncio.sleep(LEAST)

    async def staff(self) -> None:
        """
        The cohort of those who work for the shop on new.
        """
        self._load.new_serves = True
        await self._call("PUT", "/admin/weights", {"cohorts": {"staff": 100}, "reason": "they know whom to tell"})

    async def weight(self, new: float) -> None:
        """
        So many percent of users on new.
        """
        self._load.tally.users.others(monotonic())
        await self._call("PUT", "/admin/weights", {"new": new, "reason": "the demo goes on"})

    async def kill(self) -> None:
        """
        Everybody back on old, nothing copied.
        """
        tally = self._load.tally
        tally.users.kill(monotonic())
        # Of 202, "not yet everywhere", nothing exact can be said.
        tally.killed = await self._call("POST", "/admin/kill", {"reason": "the demo shows how"}) == 200

    async def restore(self) -> None:
        """
        As it was before the kill.
        """
        tally = self._load.tally
        tally.killed = False
        # What was sent while killed must not arrive after that.
        await self._load.landed()
        tally.users.restore(monotonic())
        await self._call("POST", "/admin/restore", {"reason": "the demo goes on"})
        tally.users.restored(monotonic())

    async def _call(self, method: str, target: str, body: dict[str, Any]) -> int:
        end = monotonic() + START_DEADLINE
        while True:
            try:
                signed_in = self._up.signed_in()
                reply = await self._admin.request(method, target, orjson.dumps(body), signed_in)
                said = f"answered {reply.status}: {reply.body[:200].decode(errors='replace')}"
                if reply.status in (200, 202):
                    return reply.status
                again = reply.status == NOT_YET
            except OSError as error:
                said, again = f"was not answered ({error})", True
            if not again or monotonic() > end:
                raise StageError(f"{method} {target} {said}")
            await asyncio.sleep(RETRY)


FIRST = "everybody is on old; new gets copies, and old some, to learn its noise"
ACTS = (
    Act(after=0.42, says="the shop's staff are on new", do=lambda operator: operator.staff()),
    Act(after=0.5, says="5 % of users and staff are on new", do=lambda operator: operator.weight(5)),
    Act(after=0.62, says="25 % of users and staff are on new", do=lambda operator: operator.weight(25)),
    Act(after=0.78, says="killed: everybody is on old, nothing is copied", do=lambda operator: operator.kill()),
    Act(after=0.88, says="restored: 25 % of users and staff are on new", do=lambda operator: operator.restore()),
)
