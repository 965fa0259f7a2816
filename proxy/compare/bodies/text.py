"""
Text bodies, line by line: plain text, HTML, CSS, scripts, and whatever else is text.
"""

from difflib import SequenceMatcher
from typing import Final

from proxy.compare.difference import ABSENT, Kind
from proxy.compare.leaf import Rules
from proxy.compare.walk import Found, ruled

# difflib takes quadratic time in the worst case: beyond so many lines they are compared one by one.
MOST_LINES: Final = 2000


def compare_lines(old: str, new: str, rules: Rules | None, found: Found) -> None:
    """
    Two texts as arrays of lines. The rules are those of `$[*]`; where lines were added or removed, the others are
    matched around them.
    """
    # Not splitlines: another kind of line end is a difference too.
    ours, theirs = old.split("\n"), new.split("\n")
    if len(ours) == len(theirs) or max(len(ours), len(theirs)) > MOST_LINES:
        if len(ours) != len(theirs):
            found.add(Kind.LENGTH, (), len(ours), len(theirs))
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                _line(one, other, index, rules, found)
        return
    found.add(Kind.LENGTH, (), len(ours), len(theirs))
    for what, start, end, other_start, other_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if what == "replace":
            for offset in range(min(end - start, other_end - other_start)):
                _line(ours[start + offset], theirs[other_start + offset], start + offset, rules, found)


def _line(old: str, new: str, index: int, rules: Rules | None, found: Found) -> None:
    below = None if rules is None else rules.element(index)
    if below is None:
        found.add(Kind.VALUE, (index,), old, new)
    else:
        ruled(old, new, (index,), found, below)


def compare_bytes(old: bytes, new: bytes, found: Found) -> None:
    """
    Content that is compared as a whole.
    """
    if len(old) != len(new):
        found.add(Kind.LENGTH, (), len(old), len(new))
    else:
        place = next((at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other), None)
        found.add(Kind.BODY, (), old if place is None else f"byte {place}", ABSENT)
