"""
What the admin API needs of whoever keeps evidence. No HTTP here; `proxy/dossier.py` is the real one.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from proxy.admin.steering import Who


class Evidence(Protocol):
    """
    Signatures, samples, waivers. All calls may raise `steering.Refusal`; none waits for a disk longer than seconds.
    """

    async def signatures(self, endpoint: str | None, severity: str | None) -> dict[str, Any]:
        """
        `signatures`, the worst first, of one endpoint or severity or of all; rows `dropped`, and what is the `trouble`.
        Raises `NotYet`.
        """

    def rules(self) -> dict[str, Any]:
        """
        The `rules` in force, and what each has met and hidden `since` they are, in a sample of the `pairs`.
        """

    async def signature(self, number: str, limit: int) -> dict[str, Any]:
        """
        One signature, and its newest samples. Raises `Unknown`, `NotYet`.
        """

    async def affected(self, number: str, limit: int) -> dict[str, Any]:
        """
        Whom a signature has hit. Raises `NotYet`.
        """

    def waivers(self) -> dict[str, Any]:
        """
        Waivers, the newest first.
        """

    async def waive(self, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        A new waiver. Raises `Invalid`, `Unknown`, `Unsaved`, `NotYet`.
        """

    async def remove_waiver(self, number: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        The waiver of this number, which is over. Raises as `waive`.
        """
