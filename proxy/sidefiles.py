"""
The PEM files of sides, read off the loop before a table that names them is in force: authorities, and what we show.

A worker that serves refuses a table whose files can't be used. One that has just been started has nothing else to go
by, and the files of one side must not keep it from the other: that side is out of its reach until they can be used.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from ssl import SSLContext

from proxy.net.resuming import Awaited, UnusableFile, tls_context
from proxy.routing.table import SIDES, Side, Table
from proxy.tasks import spawn
from proxy.threads import Thread

# Seconds from one look at files that can't be used to the next.
AGAIN = 1.0
# The keys of the configuration that `Table.addresses` come from.
NAMES = (*SIDES, "noise.twin")

Tell = Callable[[str, str, str], None]


class SideFiles:
    """
    `contexts` has one for every side over TLS that was read. `tell` gets an event of the log, its level and a sentence.
    """

    def __init__(self, tell: Tell) -> None:
        self.contexts: dict[Side, SSLContext] = {}
        self._tell = tell
        self._thread = Thread("certificates of sides")

    def lacks(self, table: Table) -> bool:
        """
        Whether something is to be read first.
        """
        return any(side.scheme == "https" and side not in self.contexts for side in table.addresses)

    async def read(self, table: Table, *, is_first: bool) -> str | None:
        """
        Have all that a table needs: the system's authorities alone take 40 ms, which no client should wait for. Returns
        a sentence why it can't be in force; never for the first table of a worker.
        """
        refused = None
        for name, side in zip(NAMES, table.addresses, strict=False):
            if side.scheme != "https" or side in self.contexts:
                continue
            try:
                self.contexts[side] = await self._thread.run(partial(tls_context, side))
            except UnusableFile as error:
                said = f"{name}.tls.{error.key}: {error}"
                if is_first:
                    self._do_without(name, side, said)
                else:
                    refused = said
        return refused

    def forget(self, table: Table) -> None:
        """
        Only this table is in force from now on.
        """
        self.contexts = {side: context for side, context in self.contexts.items() if side in table.addresses}

    def _do_without(self, name: str, side: Side, said: str) -> None:
        self.contexts[side] = awaited = Awaited(said)
        until = f"until then {name} is out of reach of this worker, which looks again each second"
        self._tell("side_unread", "error", f"{said}; {until}")
        spawn(self._await(name, side, awaited), name=f"certificates of {name}")

    async def _await(self, name: str, side: Side, awaited: Awaited) -> None:
        """
        Look at the files until they can be used, or another table has others.
        """
        while self.contexts.get(side) is awaited:
            await asyncio.sleep(AGAIN)
            try:
                context = await self._thread.run(partial(tls_context, side))
            except UnusableFile:
                continue
            awaited.come(context)
            self._tell("side_read", "info", f"{name}.tls: the files can be used now, and {name} is within reach again")
            return
