"""
What is to be kept of what was seen, in the rows that the store has for it, and how much of it at most. Values.
"""

from dataclasses import dataclass, field
from typing import Any, Final

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """
    How much evidence is kept: rows of samples (and of signatures), bytes of the file, seconds, samples of one
    signature.
    """

    max_rows: int = 10_000
    max_bytes: int = 256 * 2**20
    max_age: float = 30 * DAY
    per_signature: int = 20


@dataclass(slots=True, kw_only=True)
class Batch:
    """
    Rows for one transaction; counts are of what came since the last one.
    """

    signatures: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.signatures) + len(self.samples) + len(self.keys)

    @property
    def size(self) -> int:
        """
        Bytes of its samples.
        """
        return sum(len(row["data"]) for row in self.samples)
