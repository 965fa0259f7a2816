"""
What rules say of one place in a body, compiled: the values that `walk` acts on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.compare.difference import Folded, Steps
from proxy.compare.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """
    What the rules that match one place make together. Every rule is named by its number, to count what it hides.

    `texts` rewrite a text before it is compared, in order; `excuses` tell whether two scalars count as equal. `array`
    matches elements wherever they stand: by the members in `key`, or as a multiset when that is (). `null` counts a
    member that is null as one that isn't there. `rules` are the numbers of all of them.
    """

    ignore: int | None = None
    texts: tuple[tuple[int, Callable[[str], str]], ...] = ()
    excuses: tuple[tuple[int, Callable[[Any, Any], bool]], ...] = ()
    array: int | None = None
    key: tuple[str, ...] = ()
    null: int | None = None
    rules: tuple[int, ...] = ()


Rules = State[Leaf]


def state_at(rules: Rules | None, steps: Steps) -> Rules | None:
    """
    What rules say at a place and below it.
    """
    for step in steps:
        if rules is None:
            break
        rules = rules.element(step) if isinstance(step, int) else rules.member(step)
    return rules


def ignored_at(rules: Rules | None, steps: Folded) -> int | None:
    """
    The rule that ignores a place, or what it lies in, whatever the indices and names that were folded.
    """
    for step in (*steps, ""):
        if rules is None:
            break
        if rules.here is not None and rules.here.ignore is not None:
            return rules.here.ignore
        rules = rules.member(step) if isinstance(step, str) else rules.any_element()
    return None


def excuse(leaf: Leaf, old: Any, new: Any) -> int | None:
    """
    The rule by which two different scalars count as equal; None if there is none.
    """
    if isinstance(old, str) and isinstance(new, str):
        for rule, rewrite in leaf.texts:
            old, new = rewrite(old), rewrite(new)
            if old == new:
                return rule
    return next((rule for rule, excuses in leaf.excuses if excuses(old, new)), None)
