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
PREFIX: Final = slice(0, LENGTH.size)
NOTHING: Final = LENGTH.pack(0)


class Hand:
    """
    The page behind a file descriptor of at least `SIZE` bytes (`os.memfd_create`); the descriptor stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._page = mmap.mmap(descriptor, SIZE)
        # What was written last, and its length as it is written.
        self._name = b""
        self._length = NOTHING

    def hold(self, endpoint: bytes) -> None:
        """
        A pair of this endpoint is being judged. The name is written before its length, so that no half of it is read.
        """
        if endpoint != self._name:
            size = min(len(endpoint), LONGEST)
            self.free()
            self._page[LENGTH.size : LENGTH.size + size] = endpoint[:size]
            self._name, self._length = endpoint, LENGTH.pack(size)
        self._page[PREFIX] = self._length

    def free(self) -> None:
        """
        Nothing is being judged.
        """
        self._page[PREFIX] = NOTHING

    def held(self) -> str:
        """
        The endpoint in hand, "" if there is none.
        """
        (size,) = LENGTH.unpack_from(self._page, 0)
        return bytes(self._page[LENGTH.size : LENGTH.size + min(size, LONGEST)]).decode("utf-8", "replace")
