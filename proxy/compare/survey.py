"""
What rules do to one pair: where they apply, whether anything differs there or not, and which differences they hide.

Looking costs as much as judging, so it is done for a sample of the pairs (`reports` says which).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.compare.difference import Part
from proxy.compare.leaf import Leaf, Rules

# Values looked at in one body; a rule that was not met within is not known to be never met.
MOST_VALUES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """
    `met` are the numbers of the rules whose place is there on either side, `hides` what each of them hid; `whole` is
    False when there was more than was looked at.
    """

    met: frozenset[int]
    hides: Mapping[int, frozenset[Part]] = field(default_factory=dict)
    whole: bool = True


def met_in_body(value: Any, rules: Rules | None) -> tuple[set[int], bool]:
    """
    The rules that apply anywhere in a value; and whether all of it was looked at.
    """
    met: set[int] = set()
    waiting: list[tuple[Any, Rules | None]] = [(value, rules)]
    looked = 0
    while waiting:
        one, state = waiting.pop()
        if state is None:
            continue
        looked += 1
        if looked > MOST_VALUES:
            return met, False
        if state.here is not None:
            met.update(state.here.rules)
        if isinstance(one, dict):
            waiting += [(child, state.member(name)) for name, child in one.items()]
        elif isinstance(one, list):
            # The first ones stand for all.
            waiting += [(child, state.element(index)) for index, child in enumerate(one[:100])]
    return met, True


def met_in_fields(names: Iterable[str], rules: Mapping[str, Leaf], everywhere: Leaf | None) -> set[int]:
    """
    The rules that apply to any of these fields.
    """
    leaves = (rules.get(name, everywhere) for name in names)
    return {rule for leaf in leaves if leaf is not None for rule in leaf.rules}
