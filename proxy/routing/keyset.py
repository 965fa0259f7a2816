"""
Sticky keys in large numbers: who is in a cohort that a file lists. Pure.

Of each key 8 bytes of its hash are kept, in many short sorted arrays: a million keys take 8 MB, where a set of them
takes 100, and are never moved in one go, which would hold up the loop that a thread builds them beside. Somebody who is
not among a million is taken for one of them once in 2^44 times.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

import mmh3

# Arrays, a power of two, and lines between two breaths.
SHARDS: Final = 4096
LINES: Final = 256
# What editors and spreadsheets put before a text in UTF-8.
BOM: Final = b"\xef\xbb\xbf"


class KeySet:
    """
    Empty at first; `fill` makes it one of many keys.
    """

    __slots__ = ("_shards",)

    def __init__(self) -> None:
        self._shards: list[array[int]] = []

    def __len__(self) -> int:
        """
        How many there are, repeated ones too.
        """
        return sum(map(len, self._shards))

    def __contains__(self, key: bytes) -> bool:
        if not self._shards:
            return False
        hashed = _hash(key)
        shard = self._shards[hashed % SHARDS]
        at = bisect_left(shard, hashed)
        return at < len(shard) and shard[at] == hashed

    def fill(self, data: bytes) -> Iterator[None]:
        """
        The keys of a file, one a line, without the space around them. Goes on a fraction of a millisecond at a time, so
        that others get their turn; the set has them when this is over.
        """
        shards: list[array[int]] = [array("q") for _ in range(SHARDS)]
        start, lines = len(BOM) if data.startswith(BOM) else 0, 0
        while start < len(data):
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if key := data[start:end].strip():
                hashed = _hash(key)
                shards[hashed % SHARDS].append(hashed)
            start, lines = end + 1, lines + 1
            if not lines % LINES:
                yield
        for place, shard in enumerate(shards):
            shards[place] = array("q", sorted(shard))
            if not place % 8:
                yield
        self._shards = shards


def _hash(key: bytes) -> int:
    return mmh3.hash64(key)[0]
