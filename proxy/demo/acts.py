"""
What the demo's operator does through the admin API: starts the plan, approves that users come to new, brings a bad
release to new and takes it out again once the plan has rolled back; and in the end a kill, and back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson

from proxy.clock import monotonic
from proxy.demo.client import Client, Reply
from proxy.demo.course import BAD_AT, NOWHERE, Place, parse_place, plan_text
from proxy.demo.load import Load
from proxy.demo.shop import RELEASE
from proxy.demo.stage import Stage, StageError

START_DEADLINE = 15.0  # seconds; control may still be starting when a short demo begins to act
PLAN_DEADLINE = 60.0  # seconds for any one thing that the plan does by itself
RETRY = 0.1  # seconds
LOOK = 0.2  # seconds between two looks at the plan
LEAST = 0.3  # seconds between two acts, however short the demo
OK, NOT_YET = 200, 503
IN_FORCE = ("settling", "observing", "ready")
# Shares of the demo's time: before the plan is started, before the kill and from there to the restore, and after it.
BEFORE, PAUSE = 0.1, 0.07


class Operator:
    """
    Signs in with the token that Parallax made, and acts. `says` tells what is in force, `place` where the plan is;
    `tripped_after` are the seconds from the bad release to the rollback.
    """

    def __init__(self, up: Stage, admin: Client, load: Load) -> None:
        self.says = "everybody is on old; new gets copies, and old some, to learn its noise"
        self.place = NOWHERE
        self.tripped_after: float | None = None
        self._up = up
        self._admin = admin
        self._load = load

    async def act(self, seconds: float) -> None:
        """
        All that is done in a demo of about so many seconds. Raises `StageError` when Parallax refuses, or when its plan
        doesn't get on.
        """
        await asyncio.sleep(BEFORE * seconds)
        await self._call("POST", "/admin/plan/start", {"text": plan_text(seconds), "reason": "the demo begins"})
        await self._until(lambda place: (place.stage, place.step) == ("copies", "ready"), "is ready for users")
        await self._approve()
        await self._until(lambda place: place.stage == BAD_AT and place.step in IN_FORCE, "is at half")
        await self._break_new()
        await self._until(lambda place: place.is_over, "is finished", meanwhile=self._approve_again)
        if self.place.phase != "finished":
            raise StageError(f"the plan ended as {self.place.phase}: {self.place.why}")
        self.says = "the plan is finished: new answers everybody"
        await asyncio.sleep(max(LEAST, PAUSE * seconds))
        await self._kill()
        await asyncio.sleep(max(LEAST, PAUSE * seconds))
        await self._restore()
        await asyncio.sleep(max(LEAST, PAUSE * seconds))

    async def _approve(self) -> None:
        # From here on, the plan may bring others than staff to new.
        self._load.new_serves = True
        await self._call("POST", "/admin/plan/approve", {"reason": "only known differences", "seq": self.place.seq})
        await self._until(lambda place: (place.stage, place.step) == ("staff", "ready"), "has the staff on new")
        self._load.tally.users.others(monotonic())
        await self._call("POST", "/admin/plan/approve", {"reason": "the staff are content", "seq": self.place.seq})

    async def _break_new(self) -> None:
        """
        A bad release comes to new, and goes when the plan has rolled back for it.
        """
        load, users = self._load, self._load.tally.users
        await asyncio.sleep(LEAST)
        load.is_bad = True
        users.roll_back()
        before = self.place.rollbacks
        await self._release("bad")
        since = monotonic()
        await self._until(lambda place: place.rollbacks > before, "rolls back")
        self.tripped_after = monotonic() - since
        await asyncio.sleep(LEAST)
        await self._release("good")
        await load.landed()
        load.is_bad = False
        # Until then it may go back further, if the guard finds enough of it there too.
        await self._until(lambda place: place.step == "observing", "gathers evidence again")
        await load.landed()
        users.rolled_back(monotonic())

    async def _approve_again(self) -> None:
        if self.place.step == "ready" and self.place.stage in ("copies", "staff"):
            await self._call("POST", "/admin/plan/approve", {"reason": "the release is mended", "seq": self.place.seq})

    async def _release(self, which: str) -> None:
        shop = Client(self._up.new)
        try:
            await shop.request("POST", RELEASE, which.encode())
        finally:
            shop.close()

    async def _kill(self) -> None:
        """
        Everybody back on old, nothing copied.
        """
        tally = self._load.tally
        tally.users.kill(monotonic())
        # Of 202, "not yet everywhere", nothing exact can be said.
        tally.killed = (await self._call("POST", "/admin/kill", {"reason": "the demo shows how"})).status == 200
        self.says = "killed: everybody is on old, nothing is copied"

    async def _restore(self) -> None:
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
        self.says = "restored: new answers everybody again"

    async def _until(
        self, wanted: Callable[[Place], bool], what: str, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """
        Look at the plan until it is where it is `wanted`.
        """
        end = monotonic() + PLAN_DEADLINE
        while not wanted(self.place):
            if monotonic() > end:
                raise StageError(f"the plan never {what}; it is at {self.place.stage}: {self.place.why}")
            await asyncio.sleep(LOOK)
            # Control may be away for a moment.
            with suppress(OSError):
                reply = await self._admin.request("GET", "/admin/plan", fields=self._up.signed_in())
                if reply.status == OK:
                    self.place = parse_place(orjson.loads(reply.body))
            if meanwhile is not None:
                await meanwhile()

    async def _call(self, method: str, target: str, body: dict[str, Any]) -> Reply:
        end = monotonic() + START_DEADLINE
        while True:
            try:
                signed_in = self._up.signed_in()
                reply = await self._admin.request(method, target, orjson.dumps(body), signed_in)
                said = f"answered {reply.status}: {reply.body[:200].decode(errors='replace')}"
                if reply.status in (200, 202):
                    return reply
                again = reply.status == NOT_YET
            except OSError as error:
                said, again = f"was not answered ({error})", True
            if not again or monotonic() > end:
                raise StageError(f"{method} {target} {said}")
            await asyncio.sleep(RETRY)
