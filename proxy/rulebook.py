"""
What pairs are judged by: put together from what is configured, learned and accepted, and passed on to comparers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from proxy.admin.facts import Facts
from proxy.compare.judging import JudgingTable, encode, with_learned
from proxy.link.frames import Kind


class Rulebook:
    """
    The only one who makes judging tables; each has a version above the one before. The supervisor keeps the latest.
    """

    def __init__(self, facts: Facts, send: Callable[[Kind, bytes], object]) -> None:
        self._facts = facts
        self._send = send

    @property
    def table(self) -> JudgingTable:
        """
        What is in force.
        """
        return self._facts.judging or JudgingTable(version=0)

    def follow(self, configured: JudgingTable) -> None:
        """
        Another configuration is in force; what else there is stays.
        """
        self._put(with_learned(configured, self.table))

    def change(self, **changes: Any) -> None:
        """
        Put other `noise` or `waived` in force.
        """
        self._put(replace(self.table, **changes))

    def _put(self, table: JudgingTable) -> None:
        version = self.table.version
        if encode(replace(table, version=version)) == encode(self.table):
            return
        self._facts.judging = replace(table, version=version + 1)
        self._send(Kind.JUDGING, encode(self._facts.judging))
