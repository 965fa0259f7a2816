"""
Which sticky keys were seen in which minute: windows of the wall clock, with bitmaps over the buckets of the keys.

A bitmap is an integer, bit b for bucket b. Bitmaps of several processes are merged by OR, so it doesn't matter who saw
a key, nor how often the same bitmap arrives. Pure: callers bring the time (Unix, seconds).
"""

from binascii import a2b_base64, b2a_base64
from typing import Final

from proxy.routing.buckets import BUCKETS

SECONDS: Final = 60
# The present window and the last ones: one that has just ended is counted a few seconds later.
KEPT: Final = 3
BYTES: Final = (BUCKETS + 7) // 8


def window_of(now: float) -> int:
    """
    The number of the window that a moment is in.
    """
    return int(now // SECONDS)


def pack_bits(bits: int) -> str:
    """
    A bitmap as text. Not compressed: 4 µs, where zlib takes 50 and a busy worker's bitmap hardly gets smaller.
    """
    return b2a_base64(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), newline=False).decode("ascii")


def unpack_bits(text: str) -> int:
    """
    The bitmap that `pack_bits` made this text of. Raises ValueError for anything else.
    """
    data = a2b_base64(text, strict_mode=True)
    if len(data) > BYTES:
        raise ValueError(f"a bitmap of {len(data)} bytes has more than {BUCKETS} buckets")
    return int.from_bytes(data, "little")


class Window:
    """
    Buckets that had an `asked` opportunity, and those that had a `bad` one.
    """

    __slots__ = ("_text", "asked", "bad")

    def __init__(self) -> None:
        self.asked = self.bad = 0
        self._text: list[str] | None = None

    def add(self, asked: int, bad: int) -> None:
        """
        More of them.
        """
        self.asked |= asked
        self.bad |= bad
        self._text = None

    def text(self) -> list[str]:
        """
        Both as text; of a window that doesn't change any more, made once.
        """
        if self._text is None:
            self._text = [pack_bits(self.asked), pack_bits(self.bad)]
        return self._text


class Windows:
    """
    The windows of one event (of one route), the last `KEPT`.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, Window] = {}

    def add(self, number: int, asked: int, bad: int) -> None:
        """
        Buckets seen in a window.
        """
        if asked or bad:
            self._known.setdefault(number, Window()).add(asked, bad)

    def snapshot(self, present: int) -> dict[str, list[str]]:
        """
        By the window's number, as text: those that are kept at `present`; others are let go.
        """
        self._known = {number: window for number, window in self._known.items() if 0 <= present - number < KEPT}
        return {str(number): window.text() for number, window in self._known.items()}
