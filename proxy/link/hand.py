"""
What a comparer has in hand, in memory that outlives it: so that a pair that kills it is known by its endpoint.

One page, shared by the supervisor and one comparer. Writing costs a copy of some bytes and no system call.
"""

import mmap
from struct import Struct
from typing import Final

SIZE: Final = 4096
LENGTH: Final = Struct(">H")
LONGEST: Final = SIZE - LENGTH.size


class Hand:
    """
    The page behind a file descriptor of at least `SIZE` bytes (`os.memfd_create`); the descriptor stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._page = mmap.mmap(descriptor, SIZE)

    def hold(self, endpoint: bytes) -> None:
        """
        A pair of this endpoint is being judged. The name is written before its length, so that no half of it is read.
        """
        size = min(len(endpoint), LONGEST)
        page = self._page
        page[LENGTH.size : LENGTH.size + size] = endpoint[:size]
        LENGTH.pack_into(page, 0, size)

    def free(self) -> None:
        """
        Nothing is being judged.
        """
        LENGTH.pack_into(self._page, 0, 0)

    def held(self) -> str:
        """
        The endpoint in hand, "" if there is none.
        """
        (size,) = LENGTH.unpack_from(self._page, 0)
        return bytes(self._page[LENGTH.size : LENGTH.size + min(size, LONGEST)]).decode("utf-8", "replace")
