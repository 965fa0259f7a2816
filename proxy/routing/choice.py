"""
Who answers a request when neither side answers all: by its sticky key, by chance, or old because it writes. Pure.
"""

from collections.abc import Callable

from proxy.routing.buckets import bucket, reached
from proxy.routing.keys import compile_keys
from proxy.routing.table import NEW, OLD, Table
from proxy.wire.request import SAFE, RequestHead


class Choice:
    """
    The choice that one table makes, request by request.
    """

    __slots__ = ("_draws", "_find", "_reached", "_salt", "_split", "_weight")

    def __init__(self, table: Table) -> None:
        self._weight = table.weight
        self._reached = reached(table.weight)
        self._salt = table.sticky.salt.encode()
        self._split = table.split
        self._find, self._draws = compile_keys(table.sticky.keys)

    def live(self, head: RequestHead, address: bytes, roll: Callable[[], float]) -> int:
        """
        The live side for a request from this address; `roll` in [0, 1) is only called where chance decides.
        """
        if self._weight <= 0.0 or (self._split and (head.method not in SAFE or head.upgrade)):
            # While old and new keep data of their own, what may write (a WebSocket too) stays with the old.
            return OLD
        if self._weight >= 100.0:
            return NEW
        if self._find is not None:
            if key := self._find(head, address):
                return NEW if bucket(self._salt, key) < self._reached else OLD
            if not self._draws:
                return OLD
        return NEW if roll() * 100.0 < self._weight else OLD


def made_by_chance(table: Table) -> bool:
    """
    Whether nothing of a request matters for the choice.
    """
    return not table.split and compile_keys(table.sticky.keys)[0] is None
