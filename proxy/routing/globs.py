"""
Patterns in which `*` stands for anything, matched piece by piece: time is the length of the value times that of the
pattern at most, whatever a client sends. A regular expression would try each way to share out the value. Pure.
"""

from collections.abc import Callable


def compile_glob(pattern: bytes) -> Callable[[bytes], bool]:
    """
    Whether a whole value fits a pattern; each `*` is any number of any bytes, none included.
    """
    first, *rest = pattern.split(b"*")
    if not rest:
        return lambda value: value == pattern
    last = rest.pop()
    middle = [piece for piece in rest if piece]
    shortest = len(first) + len(last)

    def fits(value: bytes) -> bool:
        # Nothing is taken for both ends: `a*a` isn't `a`.
        if len(value) < shortest or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for piece in middle:
            # The leftmost place leaves the most to the pieces behind, so no other has to be tried.
            found = value.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return fits
