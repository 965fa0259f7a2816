"""
Which rules apply where: path patterns as a machine that is walked along with the values.

All patterns of an endpoint become one deterministic machine, built when
the rules are compiled. A step costs one
dictionary look-up; where no pattern can match any more the state is None and the walk goes on without any. Names that
no pattern mentions share one successor, so the machine stays small whatever names a body invents.
"""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from proxy.compare.paths import ANY, DEEP, Pattern, Segment

# States of one machine. Patterns with many `..` can multiply; beyond this they are refused when the rules are compiled.
MOST_STATES: Final = 4096

T = TypeVar("T")
# A rule's number and how much of its pattern has been matched.
Position = tuple[int, int]


class State(Generic[T]):
    """
    Where a walk stands. `here` is what the rules that match this very place make together, or None.
    """

    __slots__ = ("_elements", "_machine", "_names", "_other", "_positions", "here")

    def __init__(self, machine: "Machine[T]", positions: frozenset[Position]) -> None:
        self._machine = machine
        self._positions = positions
        self._names: dict[str, State[T] | None] = {}
        self._elements: dict[int, State[T] | None] = {}
        # What stands for all names and indices that no pattern mentions here.
        self._other: State[T] | None = None
        self.here: T | None = machine.made_at(positions)

    def grow(self) -> None:
        """
        Find the successors; called once, by the machine.
        """
        machine, positions = self._machine, self._positions
        mentioned = {machine.segment(position) for position in positions}
        self._other = machine.after(positions, None)
        self._names = {s: machine.after(positions, s) for s in mentioned if isinstance(s, str)}
        self._elements = {s: machine.after(positions, s) for s in mentioned if isinstance(s, int)}

    def member(self, name: str) -> "State[T] | None":
        """
        The state below a member; None where no rule can apply any more.
        """
        return self._names.get(name, self._other)

    def element(self, index: int) -> "State[T] | None":
        """
        The state below an element.
        """
        return self._elements.get(index, self._other)


class Machine(Generic[T]):
    """
    The machine of some patterns. `combine` makes one value of the numbers of the rules that match one place.
    """

    def __init__(self, patterns: Sequence[Pattern], combine: Callable[[Sequence[int]], T]) -> None:
        self._patterns = patterns
        self._combine = combine
        self._states: dict[frozenset[Position], State[T]] = {}
        self._waiting: list[State[T]] = []
        self.start = self._state(self._closed({(number, 0) for number in range(len(patterns))}))
        while self._waiting:
            self._waiting.pop().grow()

    def segment(self, position: Position) -> Segment | None:
        """
        What a pattern wants next; None at its end.
        """
        number, at = position
        pattern = self._patterns[number]
        return pattern[at] if at < len(pattern) else None

    def made_at(self, positions: frozenset[Position]) -> T | None:
        """
        What the rules whose patterns end here make together.
        """
        numbers = sorted({number for number, at in positions if at == len(self._patterns[number])})
        return self._combine(numbers) if numbers else None

    def after(self, positions: frozenset[Position], key: str | int | None) -> State[T] | None:
        """
        The state one step further: below a mentioned name or index, or (None) below any other.
        """
        reached: set[Position] = set()
        for number, at in positions:
            segment = self.segment((number, at))
            if segment is DEEP:
                reached.add((number, at))
            elif segment is ANY or (segment is not None and segment == key and type(segment) is type(key)):
                reached.add((number, at + 1))
        return self._state(self._closed(reached))

    def _closed(self, positions: set[Position]) -> frozenset[Position]:
        """
        With every position that can be reached without a step: `DEEP` may stand for no level at all.
        """
        closed = set(positions)
        for number, at in positions:
            while self.segment((number, at)) is DEEP:
                at += 1
                closed.add((number, at))
        return frozenset(closed)

    def _state(self, positions: frozenset[Position]) -> State[T] | None:
        if not positions:
            return None
        state = self._states.get(positions)
        if state is None:
            if len(self._states) >= MOST_STATES:
                raise ValueError("the paths of these rules multiply beyond bounds; use fewer with .. or **")
            state = self._states[positions] = State(self, positions)
            self._waiting.append(state)
        return state
