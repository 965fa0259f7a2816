"""
The two answers of a pair as a comparer judges them, from the bytes that came over the link.
"""

from typing import Final

from proxy.compare.answer import Answer, Cut, Fields
from proxy.link.pairs import NEW_CUT, OLD_CUT, PairMessage, parse_cut, parse_head

# Heads that are remembered, and how long they may be: 2 MiB in all.
REMEMBERED: Final = 512
LONGEST: Final = 4096
# Status, fields, media and coding, as `Answer` begins.
Known = tuple[int, Fields, str, str]


class Heads:
    """
    Reads heads, and remembers the last few hundred: most pairs of an endpoint have the same ones.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def answers(self, pair: PairMessage) -> tuple[Answer, Answer]:
        """
        Old's and new's. Raises KeyError, TypeError or `LinkError` for heads of another shape.
        """
        old, new = pair.old_content, pair.new_content
        known = self._read(pair.old_head)
        # Most of the time they are the same, byte for byte.
        other = known if pair.new_head == pair.old_head else self._read(pair.new_head)
        ours = _cut(old) if pair.flags & OLD_CUT else old
        theirs = _cut(new) if pair.flags & NEW_CUT else new
        return tuple.__new__(Answer, (*known, ours)), tuple.__new__(Answer, (*other, theirs))

    def _read(self, packed: bytes) -> Known:
        known = self._known.get(packed)
        if known is None:
            head = parse_head(packed)
            fields = tuple((name, value) for name, value in head["fields"])
            known = head["status"], fields, head["media"], head["coding"]
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if len(packed) <= LONGEST:
                self._known[packed] = known
        return known


def _cut(content: bytes) -> Cut:
    length, digest = parse_cut(content)
    return Cut(length=length, digest=digest)
