"""
Regular expressions for clients' paths, which have to be matched in time linear in the path's length.

Whatever can't be told to be so (`compare.backtracking`) is refused: nobody needs it for a path, and one request with it
would stop a worker.
"""

from re import MULTILINE, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

from proxy.compare.backtracking import POSITIONS, REPEATS, SINGLE, Automaton, Doubtful, check_linear
from proxy.settings.quote import quote

REMEDY: Final = "let parts that repeat take different characters, such as /[^/]+/ instead of .*, or write a path with *"
BYTES: Final = [bytes([byte]) for byte in range(256)]
ALL: Final = (1 << 256) - 1
ENDS: Final = {_constants.AT_END, _constants.AT_END_STRING}
BEGINS: Final = {_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING}


def check_expression(pattern: str, *, whole: bool) -> None:
    """
    Raises ValueError for an expression, which compiles, that may take more than linear time.

    With `whole` it has to fit a whole path, else it is searched for.
    """
    try:
        _check(pattern.encode(), whole=whole)
    except Doubtful as doubt:
        raise ValueError(f"{quote(pattern)} {doubt}; {REMEDY}") from None


def _check(pattern: bytes, *, whole: bool) -> None:
    parsed = _parser.parse(pattern)
    items, to_end = list(parsed), whole
    while items and items[-1][0] is _constants.AT and items[-1][1] in ENDS:
        items.pop()
        to_end = True
    items = _without_end(items, to_end=to_end)
    begins = bool(items) and items[0][0] is _constants.AT and items[0][1] in BEGINS
    automaton = Automaton(parsed.state, BYTES, strict=True)
    part = automaton.sequence(items, (0, 0))
    if not whole and (not begins or parsed.state.flags & MULTILINE):
        # Searched for from every byte on.
        part = automaton.chain(automaton.loop(automaton.position(ALL))._replace(empty=1), part)
    check_linear(automaton, part.first)


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
