"""
Everything that control knows of divergences, behind one door: signatures, their samples, waivers.
"""

from collections.abc import Mapping
from typing import Any

from proxy.admin.answers import judged
from proxy.admin.facts import Facts
from proxy.admin.steering import NotYet, Unknown, Who
from proxy.archive import Archive, Unread
from proxy.clock import time
from proxy.compare.judging import JudgingTable
from proxy.evidence.signatures import Known, Signatures
from proxy.waiving import Waiving


class Dossier:
    """
    What `admin.evidence.Evidence` asks for.
    """

    def __init__(self, facts: Facts, signatures: Signatures, archive: Archive, waiving: Waiving) -> None:
        self._facts = facts
        self._signatures = signatures
        self._archive = archive
        self._waiving = waiving

    async def signatures(self, endpoint: str | None, severity: str | None) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        trouble = await self._missing()
        pairs, waived = judged(self._facts), self._waiving.until
        return {
            "signatures": self._signatures.listed(pairs, waived, endpoint=endpoint, severity=severity),
            "dropped": self._archive.dropped,
            "trouble": trouble,
        }

    async def _missing(self) -> str | None:
        """
        Why something that was found before may not be known. Raises `NotYet` where that will be known in a moment.
        """
        if await self._archive.is_read():
            return self._archive.trouble
        if self._archive.trouble is None:
            raise NotYet("what was found before is being read; ask again in a second")
        return f"what was found before this start isn't known: {self._archive.trouble}"

    def rules(self) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        table = self._facts.judging or JudgingTable(version=0)
        self._facts.usage.follow(table, time(), self._facts.asked)
        return self._facts.usage.listing(table, self._facts.asked())

    def told(self, known: Known) -> dict[str, Any]:
        """
        One signature as listeners are told of it.
        """
        return self._signatures.told(known, judged(self._facts), self._waiving.until)

    async def signature(self, number: str, limit: int) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        trouble = await self._missing()
        known = self._signatures.known.get(number)
        if known is None:
            raise Unknown("no pair has had this signature; GET /admin/divergences lists those that are known")
        samples = self._signatures.samples_of(number)[:limit]
        try:
            samples = await self._archive.samples(number, limit)
        except Unread as error:
            trouble = str(error)
        return {**self.told(known), "samples": samples, "trouble": trouble}

    async def affected(self, number: str, limit: int) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        try:
            return {"affected": await self._archive.affected(number, limit)}
        except Unread as error:
            raise NotYet(str(error)) from error

    def waivers(self) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        return self._waiving.told()

    async def waive(self, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        return await self._waiving.waive(who, body)

    async def remove_waiver(self, number: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        See `admin.evidence`.
        """
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            raise Unknown("a waiver is named by its number; GET /admin/waivers lists them")
        return await self._waiving.remove(int(number), who, body)
