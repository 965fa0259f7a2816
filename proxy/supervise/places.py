"""
Where comparers listen, and the pages that say what they have in hand: made once, before any child exists, so that both
outlive every comparer.
"""

import os
import secrets
import socket
from dataclasses import dataclass

from proxy.link.hand import SIZE, Hand

# Workers that wait to be accepted while a comparer is replaced; there are 256 at most.
BACKLOG = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Of one comparer: `name` is the abstract one (unix(7)) that workers connect to, without its leading NUL.
    """

    name: str
    listener: socket.socket
    page: int
    hand: Hand


class Places:
    """
    Of all comparers. The name says nothing to others: they can't guess it, and who finds it is turned away by user id.
    """

    def __init__(self, count: int) -> None:
        secret = secrets.token_hex(16)
        self.all = tuple(_place(f"parallax-{secret}-{number}", number) for number in range(count))

    @property
    def names(self) -> tuple[str, ...]:
        """
        Where workers connect to.
        """
        return tuple(place.name for place in self.all)

    def close(self) -> None:
        """
        Close everything.
        """
        for place in self.all:
            place.listener.close()
            os.close(place.page)


def _place(name: str, number: int) -> Place:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"\0{name}")
    listener.listen(BACKLOG)
    page = os.memfd_create(f"parallax comparer {number}")
    os.ftruncate(page, SIZE)
    return Place(name=name, listener=listener, page=page, hand=Hand(page))
