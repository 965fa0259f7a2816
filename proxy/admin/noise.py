"""
What the admin API needs of whoever knows of noise. No HTTP here; `proxy/learning.py` is the real one.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from proxy.admin.steering import Who


class Noise(Protocol):
    """
    Where old is known to differ from itself. All calls may raise `steering.Refusal`.
    """

    def listing(self) -> dict[str, Any]:
        """
        All `places`, whether they are still being learned, and whether every comparer judges by them. Raises `NotYet`.
        """

    async def change(self, action: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        `freeze`, `learn`, `accept` or `forget`. Returns the listing. Raises `Invalid`, `Unknown`, `Unsaved`, `NotYet`.
        """
