"""
The kill latch as a value: everything to old and nothing copied, from the moment it is set until somebody restores.

Who sets it, who is told and where it is kept is for the hub and its keeper. No epoch, reload or restart touches it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """
    `by`, `reason` and `at` (ISO 8601, UTC) tell of the last change, which is the `number`th; 0 is "never changed".
    """

    killed: bool = False
    by: str = ""
    reason: str = ""
    at: str = ""
    number: int = 0

    def set(self, by: str, reason: str, at: str) -> "Latch":
        """
        Killed. Who comes second changes nothing: the reason for which clients are on old is the first one's.
        """
        if self.killed:
            return self
        return Latch(killed=True, by=by, reason=reason, at=at, number=self.number + 1)

    def lift(self, by: str, reason: str, at: str) -> "Latch":
        """
        Restored; unchanged if it wasn't killed.
        """
        if not self.killed:
            return self
        return Latch(killed=False, by=by, reason=reason, at=at, number=self.number + 1)

    def values(self) -> dict[str, Any]:
        """
        As STATUS and the file have it.
        """
        return asdict(self)


def encode(latch: Latch) -> bytes:
    """
    The latch as it lies on disk.
    """
    return orjson.dumps(latch.values())


def decode(data: bytes) -> Latch:
    """
    The latch that `encode` made these bytes of. Raises ValueError for anything else.
    """
    raw = orjson.loads(data)
    kinds = {"killed": bool, "by": str, "reason": str, "at": str, "number": int}
    if not isinstance(raw, dict) or {name: type(value) for name, value in raw.items()} != kinds:
        raise ValueError("no latch")
    return Latch(**raw)
