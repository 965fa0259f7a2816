"""
What rules say of one place in a body, compiled: the values that `walk` acts on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.compare.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """
    What the rules that match one place make together. Every rule is named by its number, to count what it hides.

    `texts` rewrite a text before it is compared, in order; `excuses` tell whether two scalars count as equal. `array`
    matches elements wherever they stand: by the members in `key`, or as a multiset when that is (). `null` counts a
    member that is null as one that isn't there.
    """

    ignore: int | None = None
    texts: tuple[tuple[int, Callable[[str], str]], ...] = ()
    excuses: tuple[tuple[int, Callable[[Any, Any], bool]], ...] = ()
    array: int | None = None
    key: tuple[str, ...] = ()
    null: int | None = None


Rules = State[Leaf]
