"""
What outlives the supervisor: the table and the kill latch, each in a file of its own that is whole at any instant.
"""

from typing import Any

from proxy.supervise.latch import Latch


class Nowhere:
    """
    Without a folder nothing is kept, and STATUS says so.
    """

    def keep_table(self, _table: bytes) -> None:
        """
        Forget it.
        """

    def keep_latch(self, _latch: Latch) -> None:
        """
        Forget it.
        """

    def saved(self) -> dict[str, Any]:
        """
        Nothing.
        """
        return {"epoch": None, "digest": None, "error": "there is no folder for state"}
