"""
Which rules apply where: path patterns as a machine that is walked along with the values.

All patterns of an endpoint are one deterministic machine. A step costs one dictionary look-up; where no pattern can
match any more the state is None and the walk goes on without any. Names that no pattern mentions share one successor,
so the machine stays small whatever names a body invents. A state is made when it is first entered, and all are
forgotten when they have become too many: patterns with many `..` can have more states than anybody could hold, and
bodies enter few.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from proxy.compare.paths import ANY, DEEP, Pattern

MOST_STATES: Final = 1024

T = TypeVar("T")
# A rule's number and how much of its pattern has been matched.
Position = tuple[int, int]
Positions = frozenset[Position]


class State(Generic[T]):
    """
    Where a walk stands. `here` is what the rules that match this very place make together, or None.
    """

    __slots__ = ("_elements", "_machine", "_more", "_names", "_other", "_positions", "here")

    def __init__(self, machine: "Machine[T]", positions: Positions) -> None:
        self._machine = machine
        self._positions = positions
        self.here: T | None = machine.made_at(positions)
        self.forget()

    def forget(self) -> None:
        """
        Let go of the successors; they are found again.
        """
        # Where a mentioned name or index leads, once it was asked for; and until then, where it leads besides `_other`.
        self._names: dict[str, State[T] | None] = {}
        self._elements: dict[int, State[T] | None] = {}
        self._more: dict[str | int, Positions] | None = None
        # What stands for all names and indices that no pattern mentions here.
        self._other: State[T] | None = None

    def member(self, name: str) -> "State[T] | None":
        """
        The state below a member; None where no rule can apply any more.
        """
        if self._more is None:
            self._more = self._grow()
        found = self._names.get(name, self._other)
        if found is self._other and name in self._more:
            found = self._names[name] = self._machine.below(self._positions, self._more.pop(name))
        return found

    def element(self, index: int) -> "State[T] | None":
        """
        The state below an element.
        """
        if self._more is None:
            self._more = self._grow()
        found = self._elements.get(index, self._other)
        if found is self._other and index in self._more:
            found = self._elements[index] = self._machine.below(self._positions, self._more.pop(index))
        return found

    def any_element(self) -> "State[T] | None":
        """
        The state below any element: of rules that don't say which.
        """
        if self._more is None:
            self._more = self._grow()
        return self._other

    def _grow(self) -> dict[str | int, Positions]:
        self._other = self._machine.below(self._positions, frozenset())
        return self._machine.mentioned(self._positions)


class Machine(Generic[T]):
    """
    The machine of some patterns. `combine` makes one value of the numbers of the rules that match one place.
    """

    def __init__(self, patterns: Sequence[Pattern], combine: Callable[[Sequence[int]], T]) -> None:
        self._patterns = patterns
        self._combine = combine
        self._states: dict[Positions, State[T]] = {}
        self._made: dict[tuple[int, ...], T] = {}
        # At the root; None if there are no patterns.
        self.start = self._state(self._closed((number, 0) for number in range(len(patterns))))

    def made_at(self, positions: Positions) -> T | None:
        """
        What the rules whose patterns end here make together.
        """
        ends = tuple(sorted(number for number, at in positions if at == len(self._patterns[number])))
        if not ends:
            return None
        if ends not in self._made:
            self._made[ends] = self._combine(ends)
        return self._made[ends]

    def mentioned(self, positions: Positions) -> dict[str | int, Positions]:
        """
        The names and indices that patterns want next, and where each leads.
        """
        wanted: dict[str | int, set[Position]] = {}
        for number, at in positions:
            pattern = self._patterns[number]
            if at < len(pattern) and isinstance(segment := pattern[at], str | int):
                wanted.setdefault(segment, set()).add((number, at + 1))
        return {segment: self._closed(reached) for segment, reached in wanted.items()}

    def below(self, positions: Positions, more: Positions) -> State[T] | None:
        """
        The state one step further: where any step leads, and `more`.
        """
        reached = set()
        for number, at in positions:
            pattern = self._patterns[number]
            if at < len(pattern):
                if pattern[at] is DEEP:
                    reached.add((number, at))
                elif pattern[at] is ANY:
                    reached.add((number, at + 1))
        return self._state(self._closed(reached) | more)

    def _closed(self, positions: Iterable[Position]) -> Positions:
        """
        With every position that can be reached without a step: `DEEP` may stand for no level at all.
        """
        closed = set()
        for number, at in positions:
            pattern = self._patterns[number]
            closed.add((number, at))
            while at < len(pattern) and pattern[at] is DEEP:
                at += 1
                closed.add((number, at))
        return frozenset(closed)

    def _state(self, positions: Positions) -> State[T] | None:
        if not positions:
            return None
        state = self._states.get(positions)
        if state is None:
            if len(self._states) >= MOST_STATES:
                self._forget()
            state = self._states[positions] = State(self, positions)
        return state

    def _forget(self) -> None:
        for state in self._states.values():
            state.forget()
        self._states.clear()
        self._made.clear()
