"""
Waivers, from an operator's word to what pairs are judged by: saved first, with a line in the audit, then in force.

What is in force follows from what is in the store and from the time, and is looked at once a second: so a waiver that
was saved while nobody could be told of it comes into force nonetheless, and one that is over ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.admin.changes import read_reason_of
from proxy.admin.steering import Invalid, NotYet, Unknown, Unsaved, Who
from proxy.clock import time
from proxy.evidence.signatures import Signatures
from proxy.evidence.waivers import SIGNATURE, Waiver, in_force, parse_until, timestamp_of
from proxy.ledger import Ledger, Unkept, line
from proxy.tasks import spawn

# Waivers that ended are told of for so long.
TOLD: Final = 30 * 86_400.0
KEYS: Final = ("signature", "until", "reason")

Publish = Callable[[Mapping[str, Waiver]], None]


class Waiving:
    """
    `publish` puts waivers into force, by signature; `epoch` is for the audit.
    """

    def __init__(
        self,
        ledger: Ledger,
        signatures: Signatures,
        publish: Publish,
        *,
        epoch: Callable[[], int],
        tell: Callable[..., None],
    ) -> None:
        self._ledger = ledger
        self._signatures = signatures
        self._publish = publish
        self._epoch = epoch
        self._tell = tell
        self._waivers: list[Waiver] = []
        # None until it is known: what a predecessor put into force may be over.
        self._holding: dict[str, Waiver] | None = None
        self._is_read = False
        self._is_reading = False

    def opened(self) -> None:
        """
        The store can be used, or another one is there: what it has is what counts.
        """
        self._is_read = False
        self.look()

    def look(self) -> None:
        """
        To be called once a second.
        """
        if not self._is_read:
            if self._ledger.is_open and not self._is_reading:
                spawn(self._read(), name="read the waivers")
            return
        holding = in_force(self._waivers, time())
        if holding == self._holding:
            return
        for waiver in (self._holding or {}).values():
            if waiver.signature not in holding:
                self._tell(
                    "info", "waiver_over", waiver=waiver.id, signature=waiver.signature, endpoint=waiver.endpoint
                )
        self._holding = holding
        self._publish(holding)

    def until(self, signature: str) -> str | None:
        """
        Until when a signature is waived, as text.
        """
        waiver = (self._holding or {}).get(signature)
        return None if waiver is None else timestamp_of(waiver.until)

    def told(self) -> dict[str, Any]:
        """
        `GET /admin/waivers`: those that hold, and those that ended lately; the newest first.
        """
        now = time()
        return {"waivers": [waiver.told(now) for waiver in reversed(self._waivers)]}

    # Changes...

    async def waive(self, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Accept a signature until a date, instead of until when it was accepted before. Raises `Refusal`.
        """
        for key in body:
            if key not in KEYS:
                raise Invalid("", f"there is a key that no waiver has; known are {', '.join(KEYS)}")
        signature, reason = _signature(body), read_reason_of(body)
        try:
            until = parse_until(body.get("until"), time())
        except ValueError as error:
            raise Invalid("until", str(error)) from None
        known = self._signatures.known.get(signature)
        if known is None:
            raise Unknown("no pair has had this signature; `parallax evidence` lists those that are known")
        self._refuse_unread()
        made = Waiver(
            signature=signature,
            endpoint=known.signature.endpoint,
            parts=known.signature.parts,
            until=until,
            reason=reason,
            by=who.name,
        )
        after = {"signature": signature, "endpoint": made.endpoint, "until": timestamp_of(until)}
        entry = line(who, "waive", reason, None, after, epoch=self._epoch())
        number = 0

        def keep(store: Any) -> Any:
            nonlocal number
            kept = store.waive(made, entry)
            number = kept.after["waiver"]
            return kept

        await self._save(keep)
        # Another one of this signature may have been kept meanwhile.
        return next((one for one in self._waivers if one.id == number), replace(made, id=number)).told(time())

    async def remove(self, number: int, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        End a waiver before its time. Raises `Refusal`.
        """
        for key in body:
            if key != "reason":
                raise Invalid("", "there is a key that doesn't belong here; reason is the only one")
        reason = read_reason_of(body)
        self._refuse_unread()
        waiver = self._numbered(number)
        if waiver.holds(time()):
            before = {"waiver": number, "signature": waiver.signature, "endpoint": waiver.endpoint}
            entry = line(who, "remove waiver", reason, before, None, epoch=self._epoch())
            await self._save(lambda store: store.remove_waiver(number, entry))
        return self._numbered(number).told(time())

    def _numbered(self, number: int) -> Waiver:
        found = next((waiver for waiver in self._waivers if waiver.id == number), None)
        if found is None:
            raise Unknown("there is no waiver with this number; GET /admin/waivers lists them")
        return found

    def _refuse_unread(self) -> None:
        if not self._is_read:
            raise NotYet(f"waivers can't be changed: {self._ledger.trouble or 'the store is being opened'}")

    async def _save(self, call: Callable[[Any], Any]) -> None:
        try:
            await self._ledger.write(call)
        except Unkept as error:
            # Perhaps it got there nonetheless: then it counts.
            self._is_read = not error.maybe
            raise Unsaved(f"nothing is changed, because it can't be saved: {error}") from error
        await self._read()
        if not self._is_read:
            raise NotYet("it is saved, and comes into force as soon as the store can be read")

    async def _read(self) -> None:
        self._is_reading = True
        try:
            self._waivers = await self._ledger.read(lambda store: store.waivers(time() - TOLD))
        except Unkept:
            # The ledger has told of it; it is tried again with the next look.
            self._is_read = False
            return
        finally:
            self._is_reading = False
        self._is_read = True
        self.look()


def _signature(body: Mapping[str, Any]) -> str:
    signature = body.get("signature")
    if not isinstance(signature, str) or SIGNATURE.fullmatch(signature) is None:
        raise Invalid("signature", "is no signature; send its 16 digits, as `parallax evidence` shows them")
    return signature
