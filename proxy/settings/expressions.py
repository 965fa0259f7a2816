"""
Regular expressions for clients' paths, which have to be matched in time linear in the path's length.

Python's matcher goes back and tries every way to share out a text among the parts of an expression. How many ways
there can be is told from the expression's positions and what may follow each (Glushkov's automaton): it is bounded
unless some text leads around a position in two ways (exponential), or from one repetition into another while either
could have kept it (`.*a.*b`: polynomial). See Weber and Seidl, On the degree of ambiguity of finite automata (1991).
Whatever can't be told is refused: nobody needs it for a path, and one request with it would stop a worker.
"""

from re import MULTILINE, _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

from proxy.settings.quote import quote

REMEDY: Final = "let parts that repeat take different characters, such as /[^/]+/ instead of .*, or write a path with *"
# Repetitions that vary by more count as endless ones.
FEW: Final = 8
# Ways that one text can go outside of repetitions; positions; and steps of looking.
WAYS: Final = 256
POSITIONS: Final = 400
STEPS: Final = 200_000

ALL: Final = (1 << 256) - 1
SINGLE: Final = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
REPEATS: Final = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}
ENDS: Final = {_constants.AT_END, _constants.AT_END_STRING}
BEGINS: Final = {_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING}


def check_expression(pattern: str, *, whole: bool) -> None:
    """
    Raises ValueError for an expression, which compiles, that may take more than linear time.

    With `whole` it has to fit a whole path, else it is searched for.
    """
    try:
        _check(pattern.encode(), whole=whole)
    except _Doubtful as doubt:
        raise ValueError(f"{quote(pattern)} {doubt}; {REMEDY}") from None


class _Doubtful(Exception):
    """
    Why an expression is refused.
    """


class _Part(NamedTuple):
    """
    A part of an expression: positions it begins and ends with, each as often as there are ways, and ways to be empty.
    """

    first: list[int]
    last: list[int]
    empty: int


NOTHING: Final = _Part([], [], 1)


class _Automaton:
    """
    Positions, each the set of bytes it takes, and those that may follow, as often as there are ways.
    """

    def __init__(self, state: Any) -> None:
        self.takes: list[int] = []
        self.follow: list[list[int]] = []
        self._state = state

    def position(self, takes: int) -> _Part:
        """
        One more.
        """
        if len(self.takes) >= POSITIONS:
            raise _Doubtful("is too long to be sure that no path takes it for ever")
        self.takes.append(takes)
        self.follow.append([])
        return _Part([len(self.takes) - 1], [len(self.takes) - 1], 0)

    def chain(self, one: _Part, other: _Part) -> _Part:
        """
        One behind the other.
        """
        for place in one.last:
            self.follow[place] += other.first
        return _Part(one.first + other.first * one.empty, other.last + one.last * other.empty, one.empty * other.empty)

    def loop(self, one: _Part) -> _Part:
        """
        As often as wanted, once at least.
        """
        if one.empty:
            raise _Doubtful("repeats something that can be empty")
        return self.chain(one, one)._replace(first=one.first, last=one.last)

    def sequence(self, items: Any, flags: tuple[int, int]) -> _Part:
        """
        Parsed items, under flags that are added and taken away.
        """
        part = NOTHING
        for op, of in items:
            part = self.chain(part, self._item(op, of, flags))
        return part

    def _item(self, op: Any, of: Any, flags: tuple[int, int]) -> _Part:
        if op in SINGLE:
            return self.position(self._bytes((op, of), flags))
        if op is _constants.BRANCH:
            parts = [self.sequence(one, flags) for one in of[1]]
            return _Part([n for one in parts for n in one.first], [n for one in parts for n in one.last],
                         sum(one.empty for one in parts))  # fmt: skip
        if op in REPEATS:
            return self._repeat(of[0], of[1], of[2], flags)
        if op is _constants.SUBPATTERN:
            return self.sequence(of[3], ((flags[0] | of[1]) & ~of[2], (flags[1] | of[2]) & ~of[1]))
        if op is _constants.ATOMIC_GROUP:
            return self.sequence(of, flags)
        if op in {_constants.ASSERT, _constants.ASSERT_NOT}:
            # A way that leads nowhere, beside the one that goes on. Looking back takes as long as it is wide.
            return NOTHING if of[0] < 0 else _Part(self.sequence(of[1], flags).first, [], 1)
        if op in {_constants.AT, _constants.FAILURE}:
            return NOTHING
        raise _Doubtful("refers to its own groups")

    def _repeat(self, low: int, high: int, of: Any, flags: tuple[int, int]) -> _Part:
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

    def _bytes(self, item: Any, flags: tuple[int, int]) -> int:
        inner = _parser.SubPattern(self._state, [item])
        wrapped = _parser.SubPattern(self._state, [(_constants.SUBPATTERN, (None, *flags, inner))])
        fits = _compiler.compile(wrapped).fullmatch
        return sum(1 << byte for byte in range(256) if fits(bytes([byte])))


def _check(pattern: bytes, *, whole: bool) -> None:
    parsed = _parser.parse(pattern)
    items, to_end = list(parsed), whole
    while items and items[-1][0] is _constants.AT and items[-1][1] in ENDS:
        items.pop()
        to_end = True
    items = _without_end(items, to_end=to_end)
    begins = bool(items) and items[0][0] is _constants.AT and items[0][1] in BEGINS
    automaton = _Automaton(parsed.state)
    part = automaton.sequence(items, (0, 0))
    if not whole and (not begins or parsed.state.flags & MULTILINE):
        # Searched for from every byte on.
        part = automaton.chain(automaton.loop(automaton.position(ALL))._replace(empty=1), part)
    _look(automaton, part.first)


def _without_end(items: list[Any], *, to_end: bool) -> list[Any]:
    """
    The items without a repetition at their end that can't fail: what comes so far is found, nothing is tried again.
    """
    while items:
        op, of = items[-1]
        if op is _constants.SUBPATTERN and not of[1] and not of[2]:
            items = [*items[:-1], *of[3]]
        elif op in REPEATS and len(of[2]) == 1 and of[2][0][0] in SINGLE:
            if to_end and (of[1] is not _constants.MAXREPEAT or of[2][0][0] is not _constants.ANY):
                return items
            items = items[:-1] + [of[2][0]] * min(of[0], POSITIONS)
            if to_end or of[0]:
                return items
        else:
            return items
    return items


def _look(automaton: _Automaton, first: list[int]) -> None:
    """
    Raises _Doubtful if the ways through an automaton aren't bounded, or are too many.
    """
    takes, follow = automaton.takes, automaton.follow
    reach = [_reached(follow, place) for place in range(len(takes))]
    if _most(first, takes) * max(_ways(automaton, reach), default=1) > WAYS:
        raise _Doubtful("has too many ways to take the same text")
    around = [place for place in range(len(takes)) if place in reach[place]]
    left = STEPS
    for place in around:
        ring = {other for other in reach[place] if place in reach[other]}
        if _returns_twice(automaton, place, ring):
            raise _Doubtful("can take exponential time, and would stop a worker for ever")
        for other in around:
            if other != place and other in reach[place]:
                left = _look_between(automaton, place, other, reach, left)


def _ways(automaton: _Automaton, reach: list[set[int]]) -> list[int]:
    """
    Into how many ways the one from each position can part outside of repetitions, at most.
    """
    ways = [1] * len(reach)
    for place in sorted(range(len(reach)), key=lambda place: len(reach[place])):
        further = max((ways[other] for other in reach[place] if place not in reach[other]), default=1)
        here = 1 if place in reach[place] else _most(automaton.follow[place], automaton.takes)
        ways[place] = here * further
    return ways


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


def _returns_twice(automaton: _Automaton, place: int, ring: set[int]) -> bool:
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
        seen |= pairs
        waiting += pairs
    return False


def _look_between(automaton: _Automaton, here: int, there: int, reach: list[set[int]], left: int) -> int:
    """
    Raises _Doubtful if one text leads around here, from here to there, and around there. Gives what is left of steps.
    """
    takes, follow = automaton.takes, automaton.follow
    waiting = [(here, here, there)]
    seen = set(waiting)
    while waiting:
        one, way, other = waiting.pop()
        for a in {a for a in follow[one] if here in reach[a]}:
            for b in {b for b in follow[way] if takes[a] & takes[b] and (b == there or there in reach[b])}:
                for c in {c for c in follow[other] if takes[a] & takes[b] & takes[c] and there in reach[c]}:
                    left -= 1
                    if (a, b, c) == (here, there, there):
                        raise _Doubtful("can take quadratic time or more, and long paths would stop a worker")
                    if left <= 0:
                        raise _Doubtful("is too long to be sure that no path takes it for ever")
                    if (a, b, c) not in seen:
                        seen.add((a, b, c))
                        waiting.append((a, b, c))
    return left
