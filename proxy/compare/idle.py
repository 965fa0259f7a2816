"""
Rules that can't ever do anything, told from how they are written: twice there, covered by a broader one, or for what is
not compared; those that hide everything, and those that can take for ever. Pure; `evidence/usage.py` tells which rules
do nothing with the answers that really come.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from proxy.compare.backtracking import may_explode
from proxy.compare.paths import ANY, DEEP, Pattern, Segment, parse_path
from proxy.compare.rules import HEADER, STATUS, Rule

# Every value in bodies, and every compared field.
EVERYWHERE: Final[Pattern] = (DEEP,)
# Values that have nothing in common: what fits all of them fits anything. Short, as a pattern may backtrack.
ANYTHING: Final = ("", "0", "-17.5", "A bé, c!", "2026-01-31", "x" * 12)
EXPLODES: Final = (
    "can take exponential time where it doesn't fit, so that its pairs have no verdict; let no text be shared out among"
    " repetitions in several ways: a+ for (a+)+, or (a++)+"
)
# What only bodies have.
OF_BODIES: Final = frozenset({"arrays", "null_is_missing"})


def idle(rules: Sequence[Rule], is_compared: Callable[[str], bool]) -> dict[int, str]:
    """
    Why a rule has no effect, or too much of it, or takes too long, by its number. `is_compared` tells whether a header
    field is, by its lower-case name.

    Only what is certain: a rule that isn't named may still never meet anything.
    """
    found: dict[int, str] = {}
    places = [_place(rule) for rule in rules]
    for number, rule in enumerate(rules):
        why = _in_vain(rule, is_compared) or _covered(rules, places, number, found)
        if why is not None:
            found[number] = why
    blind = {number: why for number, rule in enumerate(rules) if (why := _blinds(rule, places[number])) is not None}
    slow = {number: EXPLODES for number, rule in enumerate(rules) if may_explode(rule.given.get("pattern", ""))}
    return slow | blind | found


def _blinds(rule: Rule, place: str | Pattern | None) -> str | None:
    if rule.does == "ignore" and isinstance(place, tuple) and covers(place, (ANY,), below=True):
        return "hides all there is in bodies, so that no difference in them counts; name what may differ"
    if rule.does == "ignore_values" and not rule.where:
        pattern = re.compile(rule.given["pattern"])
        if all(pattern.fullmatch(value) for value in ANYTHING):
            return "hides every value there is, so that no other value counts; name what may differ"
    if rule.does == "numbers" and rule.given.get("rel", 0) >= 1:
        return "hides any difference of numbers: rel is a share of the larger one, such as 0.01 for 1 %"
    return None


def _in_vain(rule: Rule, is_compared: Callable[[str], bool]) -> str | None:
    if rule.does == STATUS and len(set(rule.given["of"])) < 2 and not str(rule.given["of"][0]).endswith("xx"):
        return "names a single status, which is always equal to itself; name another, or a class such as 2xx"
    if not rule.where.startswith(HEADER):
        return None
    if rule.does in OF_BODIES:
        return "is for bodies alone, and names a header field; leave it out"
    name = rule.where.removeprefix(HEADER)
    if not is_compared(name):
        return f"{name} is not compared, so there is nothing to excuse; leave it out, or add it to compare.headers"
    return None


def _covered(
    rules: Sequence[Rule], places: Sequence[str | Pattern | None], number: int, found: Mapping[int, str]
) -> str | None:
    rule, place = rules[number], places[number]
    for other, broader in enumerate(rules):
        # Of two that say the same, the later one is too many; what has no effect covers nothing.
        if other == number or other in found:
            continue
        if (rule.does, rule.given) == (broader.does, broader.given):
            if place == places[other]:
                if other < number:
                    return "is there twice; leave one of them out"
            elif _lies_in(places[other], place, below=rule.does == "ignore") and not (
                other > number and _lies_in(place, places[other], below=rule.does == "ignore")
            ):
                return f"adds nothing to `{broader.words}`; leave it out"
        elif broader.does == "ignore" and _lies_in(places[other], place, below=True):
            return f"can't apply, since `{broader.words}` hides all there is; leave one of them out"
    return None


def _place(rule: Rule) -> str | Pattern | None:
    """
    Where a rule applies: a field by its name, or a pattern; None for statuses.
    """
    if rule.does == STATUS:
        return None
    if rule.where.startswith(HEADER):
        return rule.where
    return parse_path(rule.where) if rule.where else EVERYWHERE


def _lies_in(broad: str | Pattern | None, narrow: str | Pattern | None, *, below: bool) -> bool:
    if isinstance(broad, tuple) and isinstance(narrow, tuple):
        return covers(broad, narrow, below=below)
    return broad is not None and broad == narrow


def covers(broad: Pattern, narrow: Pattern, *, below: bool = False) -> bool:
    """
    Is every place that the one pattern fits one that the other fits too; or, with `below`, one within such a place?
    """
    known: dict[tuple[frozenset[int], int], bool] = {}

    def fits(reached: frozenset[int], at: int) -> bool:
        """
        With `reached` of `broad` matched, does it fit all that the rest of `narrow`, from `at` on, fits?
        """
        if (reached, at) not in known:
            known[reached, at] = found(reached, at)
        return known[reached, at]

    def found(reached: frozenset[int], at: int) -> bool:
        if below and len(broad) in reached:
            return True
        if at == len(narrow):
            return len(broad) in reached
        if narrow[at] is not DEEP:
            return fits(_step(broad, reached, narrow[at]), at + 1)
        # Any number of levels that have any names: it has to fit after each number of them.
        seen: set[frozenset[int]] = set()
        while reached not in seen:
            if not fits(reached, at + 1):
                return False
            seen.add(reached)
            reached = _step(broad, reached, ANY)
        return True

    return fits(_closed(broad, {0}), 0)


def _step(pattern: Pattern, reached: frozenset[int], segment: Segment) -> frozenset[int]:
    """
    Where one more step leads; ANY stands for a name that nobody has mentioned.
    """
    after = set()
    for at in reached:
        if at < len(pattern):
            if pattern[at] is DEEP:
                after.add(at)
            elif pattern[at] is ANY or (pattern[at] == segment and isinstance(segment, type(pattern[at]))):
                after.add(at + 1)
    return _closed(pattern, after)


def _closed(pattern: Pattern, reached: set[int]) -> frozenset[int]:
    """
    With what is reached without a step: DEEP may stand for no level at all.
    """
    closed = set(reached)
    for at in reached:
        while at < len(pattern) and pattern[at] is DEEP:
            at += 1
            closed.add(at)
    return frozenset(closed)
