r"""
Regular expressions that can take exponential time: for a text that doesn't match, each letter more doubles it.

What is looked for is a repetition whose passes can share out the same text in several ways: `(a+)+`, `(\d\d?)*`,
`(a|a)*`, `(\w\d|\d\w)+`; where something in each pass marks its end, as the comma in `(\d+,)*`, there is only one way.
That is told from the parsed expression, over a few hundred characters in the stead of all. What takes quadratic time
(`.*a.*b`), or is hidden behind references to groups, is not found.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any, Final

# A parsed item: what it is, and its arguments.
Item = tuple[Any, Any]
Items = list[Item]

# ASCII and Latin-1, and one of other letters, ideographs, digits, line ends, each.
ALPHABET: Final = frozenset([*map(chr, range(256)), "Ā", "α", "中", "٣", "\u2028", "😀"])
# Sequences that one pass may be; beyond, nothing is told.
MOST: Final = 64
# Repetitions up to so many passes stay cheap: two to the power of it.
FEW: Final = 10

SINGLE: Final = {_parser.LITERAL, _parser.NOT_LITERAL, _parser.ANY, _parser.IN}
REPEATS: Final = {_parser.MAX_REPEAT, _parser.MIN_REPEAT}


def may_explode(pattern: str) -> bool:
    """
    Can matching this expression, which compiles, take exponential time?
    """
    return _explodes(_parser.parse(pattern))


def _explodes(parsed: Any) -> bool:
    return any(
        (op in REPEATS and of[1] > FEW and _is_ambiguous(of[2])) or any(map(_explodes, _below((op, of))))
        for op, of in parsed
    )


def _below(item: Item) -> list[Any]:
    """
    The sequences within an item.
    """
    op, of = item
    if op is _parser.BRANCH:
        return list(of[1])
    if op in REPEATS or op is _parser.POSSESSIVE_REPEAT:
        return [of[2]]
    if op is _parser.SUBPATTERN:
        return [of[3]]
    if op is _parser.ATOMIC_GROUP:
        return [of]
    if op in {_parser.ASSERT, _parser.ASSERT_NOT}:
        return [of[1]]
    if op is _parser.GROUPREF_EXISTS:
        return [one for one in of[1:] if one is not None]
    return []


def _is_ambiguous(body: Any) -> bool:
    """
    Can several passes of this share out one text in more than one way?
    """
    if any(_overlap(*two) for branches in _branches(body) for two in combinations(branches, 2)):
        return True
    state = body.state
    for number, sequence in enumerate(_sequences(list(body))):
        if number >= MOST:
            return False
        for at, (op, of) in enumerate(sequence):
            if op in REPEATS and of[0] != of[1]:
                taken = _characters(of[2])
                rest = sequence[:at] + sequence[at + 1 :]
                ends = (one for one in rest if _width(one, state) and not _all(one, state) & taken)
                if taken and next(ends, None) is None:
                    return True
    return False


def _branches(body: Any) -> Iterator[list[Any]]:
    """
    The choices that a pass has, but for those within repetitions of their own.
    """
    for op, of in body:
        if op is _parser.BRANCH:
            yield of[1]
        if op in {_parser.BRANCH, _parser.SUBPATTERN}:
            for below in _below((op, of)):
                yield from _branches(below)


def _overlap(one: Any, other: Any) -> bool:
    """
    Can both take the same text? Certain for characters alone; else, if both can begin with the same one.
    """
    if not len(one) or not len(other):
        return len(one) == len(other)
    plain = all(op in SINGLE for op, _ in (*one, *other))
    if plain and len(one) == len(other):
        pairs = zip(list(one), list(other), strict=True)
        return all(_all(mine, one.state) & _all(theirs, other.state) for mine, theirs in pairs)
    return bool(_first(one) & _first(other))


def _sequences(items: Items) -> Iterator[Items]:
    """
    All that one pass may be, without groups and choices; a choice of nothing makes the others optional.
    """
    for at, (op, of) in enumerate(items):
        if op is _parser.SUBPATTERN:
            yield from _sequences([*items[:at], *of[3], *items[at + 1 :]])
            return
        if op is _parser.BRANCH:
            optional = not all(len(one) for one in of[1])
            for one in of[1]:
                if len(one):
                    taken = [(_parser.MAX_REPEAT, (0, 1, one))] if optional else list(one)
                    yield from _sequences([*items[:at], *taken, *items[at + 1 :]])
            return
    yield items


def _first(parsed: Any) -> frozenset[str]:
    """
    What characters it can begin with.
    """
    found: frozenset[str] = frozenset()
    for item in parsed:
        op = item[0]
        if op in SINGLE or not (below := _below(item)) or op in {_parser.ASSERT, _parser.ASSERT_NOT}:
            found |= _all(item, parsed.state)
        else:
            found = found.union(*map(_first, below))
        if _width(item, parsed.state):
            break
    return found


def _characters(parsed: Any) -> frozenset[str]:
    return frozenset[str]().union(*(_all(item, parsed.state) for item in parsed))


def _all(item: Item, state: Any) -> frozenset[str]:
    """
    All characters that an item can take anywhere.
    """
    op, of = item
    if op in SINGLE:
        return _matched(op, repr(of), _Parsed(state, [item]))
    if op in {_parser.GROUPREF, _parser.GROUPREF_EXISTS}:
        return ALPHABET
    if op in {_parser.ASSERT, _parser.ASSERT_NOT}:
        return frozenset()
    return frozenset[str]().union(*map(_characters, _below(item)))


class _Parsed:
    """
    An item by itself, for who remembers by its text.
    """

    def __init__(self, state: Any, items: Items) -> None:
        self.parsed = _parser.SubPattern(state, items)
        self.flags = state.flags

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parsed) and self.flags == other.flags

    def __hash__(self) -> int:
        return hash(self.flags)


@lru_cache(4096)
def _matched(_op: Any, _of: str, one: _Parsed) -> frozenset[str]:
    fits = _compiler.compile(one.parsed).fullmatch
    return frozenset(letter for letter in ALPHABET if fits(letter))


def _width(item: Item, state: Any) -> int:
    """
    The fewest characters that an item takes.
    """
    return int(_parser.SubPattern(state, [item]).getwidth()[0])
