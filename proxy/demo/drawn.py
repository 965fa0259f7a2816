"""
Where the shops differ from themselves: members that are null in what `shop.answer` decides, and that each answer which
is really sent has drawn anew. Pure: callers bring the dice.

None of them stands for anything else anywhere in the shops, so that it can be taken back (`calm`): then an answer is to
be what was decided, byte for byte.
"""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

BANNERS: Final = (b"spring", b"autumn")
NULLS: Final = re.compile(rb'"(trace|banner|visitors)":null')
DRAWN: Final = re.compile(
    rb'("trace":)"[0-9a-f]{8}"' rb'|("banner":)"(?:%s)"' rb'|("visitors":)[1-9][0-9]{0,2}' % b"|".join(BANNERS)
)


def draw(body: bytes, dice: "Random") -> bytes:
    """
    A body as it is sent this time.
    """

    def one(match: re.Match[bytes]) -> bytes:
        match match[1]:
            case b"trace":
                value = b'"%08x"' % dice.getrandbits(32)
            case b"banner":
                value = b'"%s"' % dice.choice(BANNERS)
            case _:
                value = b"%d" % dice.randint(1, 999)
        return b'"%s":%s' % (match[1], value)

    return NULLS.sub(one, body)


def calm(body: bytes) -> bytes:
    """
    A body that was sent as it was decided.
    """
    return DRAWN.sub(lambda match: (match[1] or match[2] or match[3]) + b"null", body)
