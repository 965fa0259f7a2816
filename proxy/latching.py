"""
The kill latch, as an operator moves it and as it was moved by others: a file, a signal, a predecessor's callers.

The supervisor holds it. What goes into the audit is what the supervisor says has become of it, by number; so no line
is lost with this process, and none is written twice.
"""

from dataclasses import replace

import orjson

from proxy.admin.steering import Held, NotYet, Outcome, Unsaved, Who
from proxy.ledger import PARALLAX, Ledger, line
from proxy.link.frames import Kind
from proxy.publication import Publication, Send


class Latching:
    """
    `kill_file` is the path of the file that kills.
    """

    def __init__(self, publication: Publication, ledger: Ledger, send: Send, kill_file: str) -> None:
        self._publication = publication
        self._ledger = ledger
        self._send = send
        self._kill_file = kill_file
        self._seen = 0
        self._askers: dict[tuple[str, bool], Who] = {}

    async def kill(self, who: Who, reason: str) -> Outcome:
        """
        Everything to old and nothing copied, now: one frame, and nothing that it waits for.
        """
        return await self._move(who, reason, killed=True)

    async def restore(self, who: Who, reason: str) -> Outcome:
        """
        What was before the kill, if nothing forbids it. Raises `Held`, `Unsaved`, `NotYet`.
        """
        publication = self._publication
        if not publication.status.latch.killed:
            return await publication.obeyed(killed=False)
        self._refuse_held()
        await self._ledger.settled()
        self._refuse_unsavable()
        outcome = await self._move(who, reason, killed=False)
        if publication.status.latch.killed:
            self._refuse_held()
        return outcome

    def _refuse_held(self) -> None:
        if self._publication.status.kill_file:
            raise Held(f"{self._kill_file} is there, and kills; remove it, then restore")

    def _refuse_unsavable(self) -> None:
        """
        Restoring moves traffic to new, as a change that waits for the store does; unless there is none to move.
        """
        share = self._publication.intent.new
        if share == 0.0:
            return
        if self._ledger.trouble is not None:
            remedy = "mend that, or lower new to 0 before"
            raise Unsaved(
                f"restoring would move {share:g} % to new, and nothing can be saved: {self._ledger.trouble}; {remedy}"
            )
        if not self._ledger.is_open:
            raise NotYet("the store is being opened; ask again in a second")

    async def _move(self, who: Who, reason: str, *, killed: bool) -> Outcome:
        publication = self._publication
        # What the supervisor doesn't know of who asked.
        self._askers[who.name, killed] = who
        if publication.status.latch.killed is killed:
            # The supervisor leaves the latch as it is, so nothing would be told.
            said = {"killed": killed}
            self._ledger.keep(None, line(who, "kill", reason, said, said, epoch=publication.intent.epoch))
        kind = Kind.KILL if killed else Kind.RESTORE
        self._send(kind, orjson.dumps({"by": who.name, "reason": reason}))
        return await publication.obeyed(killed=killed)

    def told(self) -> None:
        """
        The supervisor has told its status: a change of the latch in it goes into the audit.
        """
        latch = self._publication.status.latch
        if latch.number not in {0, self._seen}:
            nobody = replace(PARALLAX, name=latch.by or PARALLAX.name)
            asker = self._askers.pop((latch.by, latch.killed), nobody)
            action = "kill" if latch.killed else "restore"
            before, after = {"killed": not latch.killed}, {"killed": latch.killed}
            said = line(asker, action, latch.reason, before, after, epoch=self._publication.intent.epoch)
            self._ledger.keep_latch(latch.number, replace(said, at=latch.at or said.at))
        self._seen = latch.number

    def tell_again(self) -> None:
        """
        For a store that was begun anew.
        """
        self._seen = 0
        self.told()
