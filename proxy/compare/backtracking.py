"""
In how many ways regular expressions can take the same text: one that doesn't fit is tried in all of them.

Python's matcher goes back and tries every way to share out a text among the parts of an expression. How many ways
there can be is told from the expression's positions and what may follow each (Glushkov's automaton): it is bounded
unless some text leads around a position in two ways (exponential), or from one repetition into another while either
could have kept it (`.*a.*b`: polynomial). See Weber and Seidl, On the degree of ambiguity of finite automata (1991).
"""

from collections.abc import Sequence
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

# What texts are made of, in the stead of all characters: ASCII and Latin-1, and one of other letters, ideographs,
# digits, line ends, each.
LETTERS: Final = [*map(chr, range(256)), "Ā", "α", "中", "٣", "\u2028", "😀"]
# Repetitions that vary by more count as endless ones.
FEW: Final = 8
# Ways that one text can go outside of repetitions; positions; and steps of looking.
WAYS: Final = 256
POSITIONS: Final = 400
STEPS: Final = 200_000

SINGLE: Final = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
REPEATS: Final = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}
ATOMIC: Final = {_constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP}


class Doubtful(Exception):
    """
    Why nothing good can be said of an expression.
    """


class Part(NamedTuple):
    """
    A part of an expression: positions it begins and ends with, each as often as there are ways, and ways to be empty.
    """

    first: list[int]
    last: list[int]
    empty: int


NOTHING: Final = Part([], [], 1)


class Automaton:
    """
    Positions, each the set of characters of `alphabet` that it takes, and those that may follow, as often as there are
    ways. `strict` believes nothing that is hard to follow: with it, what is atomic is looked into as if it weren't, and
    what repeats something that can be empty is refused.
    """

    def __init__(self, state: Any, alphabet: Sequence[str] | Sequence[bytes], *, strict: bool) -> None:
        self.takes: list[int] = []
        self.follow: list[list[int]] = []
        self._state = state
        self._alphabet = alphabet
        self._strict = strict
        self._left = STEPS

    def step(self, many: int = 1) -> None:
        """
        So many steps of looking. Raises `Doubtful` when there have been too many.
        """
        self._left -= many
        if self._left < 0:
            raise Doubtful("is too long to be sure that no path takes it for ever")

    def position(self, takes: int) -> Part:
        """
        One more.
        """
        if len(self.takes) >= POSITIONS:
            raise Doubtful("is too long to be sure that no path takes it for ever")
        self.takes.append(takes)
        self.follow.append([])
        return Part([len(self.takes) - 1], [len(self.takes) - 1], 0)

    def chain(self, one: Part, other: Part) -> Part:
        """
        One behind the other.
        """
        if max(len(one.last), len(one.first) + len(other.first) * one.empty, len(one.last) * other.empty) > POSITIONS:
            raise Doubtful("has too many ways to take the same text")
        for place in one.last:
            self.follow[place] += other.first
        return Part(one.first + other.first * one.empty, other.last + one.last * other.empty, one.empty * other.empty)

    def loop(self, one: Part) -> Part:
        """
        As often as wanted, once at least.
        """
        if one.empty and self._strict:
            raise Doubtful("repeats something that can be empty")
        return self.chain(one, one)._replace(first=one.first, last=one.last)

    def sequence(self, items: Any, flags: tuple[int, int]) -> Part:
        """
        Parsed items, under flags that are added and taken away.
        """
        part = NOTHING
        for op, of in items:
            part = self.chain(part, self._item(op, of, flags))
        return part

    def _item(self, op: Any, of: Any, flags: tuple[int, int]) -> Part:
        if op in SINGLE:
            return self.position(self._characters((op, of), flags))
        if op is _constants.BRANCH:
            parts = [self.sequence(one, flags) for one in of[1]]
            return Part([n for one in parts for n in one.first], [n for one in parts for n in one.last],
                         sum(one.empty for one in parts))  # fmt: skip
        if op in ATOMIC and not self._strict:
            return self._atomic(op, of, flags)
        if op in REPEATS:
            return self._repeat(of[0], of[1], of[2], flags)
        if op is _constants.SUBPATTERN:
            return self.sequence(of[3], ((flags[0] | of[1]) & ~of[2], (flags[1] | of[2]) & ~of[1]))
        if op is _constants.ATOMIC_GROUP:
            return self.sequence(of, flags)
        if op in {_constants.ASSERT, _constants.ASSERT_NOT}:
            # A way that leads nowhere, beside the one that goes on. Looking back takes as long as it is wide.
            return NOTHING if of[0] < 0 else Part(self.sequence(of[1], flags).first, [], 1)
        if op in {_constants.AT, _constants.FAILURE}:
            return NOTHING
        raise Doubtful("refers to its own groups")

    def _repeat(self, low: int, high: int, of: Any, flags: tuple[int, int]) -> Part:
        part = NOTHING
        if high - low > FEW:
            for _ in range(low - 1):
                part = self.chain(part, self.sequence(of, flags))
            looped = self.loop(self.sequence(of, flags))
            return self.chain(part, looped if low else looped._replace(empty=1))
        for _ in range(high - low):
            more = self.chain(self.sequence(of, flags), part)
            part = more._replace(empty=more.empty + 1)
        for _ in range(low):
            part = self.chain(self.sequence(of, flags), part)
        return part

    def _atomic(self, op: Any, of: Any, flags: tuple[int, int]) -> Part:
        """
        What is never shared out anew is like one character.
        """
        begun = len(self.takes)
        part = self.sequence(of[2] if op in REPEATS else of, flags)
        taken = 0
        for takes in self.takes[begun:]:
            taken |= takes
        del self.takes[begun:], self.follow[begun:]
        is_empty = int(bool(part.empty) or (op in REPEATS and not of[0]))
        return self.position(taken)._replace(empty=is_empty)

    def _characters(self, item: Any, flags: tuple[int, int]) -> int:
        inner = _parser.SubPattern(self._state, [item])
        wrapped = _parser.SubPattern(self._state, [(_constants.SUBPATTERN, (None, *flags, inner))])
        fits = _compiler.compile(wrapped).fullmatch
        return sum(1 << place for place, one in enumerate(self._alphabet) if fits(one))


def check_linear(automaton: Automaton, first: list[int]) -> None:
    """
    Raises `Doubtful` if the ways through an automaton that begins so aren't bounded, or are too many.
    """
    takes, reach = automaton.takes, _reach(automaton)
    if _most(first, takes) * max(_ways(automaton, reach), default=1) > WAYS:
        raise Doubtful("has too many ways to take the same text")
    if _is_exponential(automaton, reach):
        raise Doubtful("can take exponential time, and would stop a worker for ever")
    around = [place for place in range(len(takes)) if place in reach[place]]
    for place in around:
        for other in around:
            if other != place and other in reach[place]:
                _look_between(automaton, place, other, reach)


def _ways(automaton: Automaton, reach: list[set[int]]) -> list[int]:
    """
    Into how many ways the one from each position can part outside of repetitions, at most.
    """
    ways = [1] * len(reach)
    for place in sorted(range(len(reach)), key=lambda place: len(reach[place])):
        further = max((ways[other] for other in reach[place] if place not in reach[other]), default=1)
        here = 1 if place in reach[place] else _most(automaton.follow[place], automaton.takes)
        ways[place] = here * further
    return ways


def _is_exponential(automaton: Automaton, reach: list[set[int]]) -> bool:
    """
    Does some text lead around a position in two ways?
    """
    rings = ({other for other in others if place in reach[other]} for place, others in enumerate(reach))
    return any(place in ring and _returns_twice(automaton, place, ring) for place, ring in enumerate(rings))


def _reach(automaton: Automaton) -> list[set[int]]:
    return [_reached(automaton.follow, place) for place in range(len(automaton.takes))]


def _reached(follow: list[list[int]], place: int) -> set[int]:
    found: set[int] = set()
    waiting = list(follow[place])
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += follow[at]
    return found


def _most(places: list[int], takes: list[int]) -> int:
    """
    How many of these positions take the same byte, at most; 1 at least.
    """
    return max([1, *(sum(1 for one in places if takes[one] & takes[other]) for other in places)])


def _returns_twice(automaton: Automaton, place: int, ring: set[int]) -> bool:
    """
    Do two ways part here, and meet again within the ring, having taken the same text?
    """
    takes = automaton.takes
    after = [one for one in automaton.follow[place] if one in ring]
    waiting = [(one, other) for n, one in enumerate(after) for other in after[:n] if takes[one] & takes[other]]
    seen = set(waiting)
    while waiting:
        one, other = waiting.pop()
        if one == other:
            return True
        pairs = {
            (a, b)
            for a in automaton.follow[one]
            for b in automaton.follow[other]
            if a in ring and b in ring and takes[a] & takes[b]
        } - seen
        automaton.step(len(pairs))
        seen |= pairs
        waiting += pairs
    return False


def _look_between(automaton: Automaton, here: int, there: int, reach: list[set[int]]) -> None:
    """
    Raises `Doubtful` if one text leads around here, from here to there, and around there.
    """
    takes, follow = automaton.takes, automaton.follow
    waiting = [(here, here, there)]
    seen = set(waiting)
    while waiting:
        one, way, other = waiting.pop()
        for a in {a for a in follow[one] if here in reach[a]}:
            for b in {b for b in follow[way] if takes[a] & takes[b] and (b == there or there in reach[b])}:
                for c in {c for c in follow[other] if takes[a] & takes[b] & takes[c] and there in reach[c]}:
                    automaton.step()
                    if (a, b, c) == (here, there, there):
                        raise Doubtful("can take quadratic time or more, and long paths would stop a worker")
                    if (a, b, c) not in seen:
                        seen.add((a, b, c))
                        waiting.append((a, b, c))


def may_explode(pattern: str) -> bool:
    """
    Can matching this expression, which compiles, take exponential time? For each letter more of a text that doesn't fit
    it then takes twice as long. What can't be told, as of references to groups, is not told.
    """
    parsed = _parser.parse(pattern)
    automaton = Automaton(parsed.state, LETTERS, strict=False)
    try:
        automaton.sequence(parsed, (0, 0))
        return _is_exponential(automaton, _reach(automaton))
    except Doubtful:
        return False
