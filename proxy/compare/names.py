"""
Names for JSON values: equal exactly when the values are the same by the rules, to find elements by that changed places.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, cast

from orjson import OPT_SORT_KEYS, dumps

from proxy.compare.difference import ABSENT
from proxy.compare.leaf import Leaf, Rules

NOTHING: Final = ("nothing",)
FIRST: Final = itemgetter(0)
# Values that are names themselves: no other value equals one of these.
PLAIN: Final = {str, int}


class Names:
    """
    The names of one pair's values. `exact`: values may hold what orjson can't write.

    `loose` names are equal for values that may be equal by the rules: what rules excuse by comparing (numbers, times,
    forms, patterns) has no name of its own, so it isn't looked at.
    """

    __slots__ = ("_exact", "_kept", "_known", "_loose", "_numbers", "looked")

    def __init__(self, *, exact: bool, loose: bool = False) -> None:
        self._exact = exact
        self._loose = loose
        # How many values were looked at so far.
        self.looked = 0
        # What was named already, by identity, so that a value within others is looked at once however many are asked
        # for; and those values, lest another one gets the identity of one that is gone.
        self._known: dict[tuple[int, Rules | None], int] = {}
        self._kept: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def of_all(self, values: Sequence[Any], rules: Rules | None, *, deep: bool) -> Sequence[Hashable]:
        """
        The names of an array's elements, `rules` being those of any element. Elements far down (`deep`) are named
        piece by piece, or arrays in arrays would be written over and over again.
        """
        if rules is None and not self._exact and not deep:
            return values if {*map(type, values)} <= PLAIN else [_plain_name(value) for value in values]
        return [self.of(value, rules) for value in values]

    def of(self, value: Any, rules: Rules | None) -> Hashable:
        """
        The name of one value: a number for objects and arrays.
        """
        self.looked += 1
        kind = type(value)
        if kind is not dict and kind is not list:
            return (kind, value) if rules is None else self._scalar(value, rules.here)
        known = self._known.get((id(value), rules))
        if known is None:
            form = self._object(value, rules) if kind is dict else self._array(value, rules)
            known = self._numbers.setdefault(form, len(self._numbers))
            self._known[id(value), rules] = known
            self._kept.append(value)
        return known

    def _scalar(self, value: Any, leaf: Leaf | None) -> Hashable:
        if leaf is not None:
            if leaf.ignore is not None or (self._loose and leaf.excuses):
                return NOTHING
            if isinstance(value, str):
                for _, rewrite in leaf.texts:
                    value = rewrite(value)
        return type(value), value

    def _object(self, value: dict[str, Any], rules: Rules | None) -> Hashable:
        if rules is not None and rules.here is not None and rules.here.ignore is not None:
            return NOTHING
        form: list[Hashable] = ["{"]
        for name, one in sorted(value.items(), key=FIRST):
            below = None if rules is None else rules.member(name)
            leaf = None if below is None else below.here
            if leaf is None or (leaf.ignore is None and (leaf.null is None or one is not None)):
                form.append((name, self.of(one, below)))
        return tuple(form)

    def _array(self, value: list[Any], rules: Rules | None) -> Hashable:
        leaf = None if rules is None else rules.here
        if leaf is not None and leaf.ignore is not None:
            return NOTHING
        form: list[Hashable] = ["["]
        for index, one in enumerate(value):
            form.append(self.of(one, None if rules is None else rules.element(index)))
        if leaf is not None and leaf.array is not None:
            return "set", frozenset(Counter(form).items())
        return tuple(form)

    def identity(self, value: Any, key: Sequence[str], rules: Rules | None) -> Hashable:
        """
        What identifies an element by some of its members; None for one that has none of them.
        """
        if not isinstance(value, dict) or not any(name in value for name in key):
            return None
        return tuple(
            ABSENT if name not in value else self.of(value[name], None if rules is None else rules.member(name))
            for name in key
        )


def _plain_name(value: Any) -> Hashable:
    kind = type(value)
    if kind in PLAIN:
        return cast("Hashable", value)
    # As text: what orjson gives holds more memory than it needs.
    return (dumps(value, option=OPT_SORT_KEYS).decode(),) if kind is dict or kind is list else (kind, value)


def spoken(value: Any, key: Sequence[str], *otherwise: Hashable) -> Hashable:
    """
    An element's key as text, so that 7 finds "7"; `otherwise` for one that has none.
    """
    members = [value.get(name) for name in key] if isinstance(value, dict) else [None]
    scalars = all(isinstance(one, str | int | float | Decimal) for one in members)
    return tuple(map(str, members)) if scalars else otherwise
