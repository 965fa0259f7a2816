"""
Canonical forms of JSON values: equal and hashable exactly when the values are the same, to match array elements by.
"""

from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter
from typing import Any

import orjson

from proxy.compare.difference import ABSENT
from proxy.compare.leaf import Rules


def canonical(value: Any, rules: Rules | None) -> Hashable:
    """
    The form of a value, without what rules ignore in it and with texts rewritten.
    """
    if rules is None:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            # Exact numbers, long ones, lone surrogates.
            return _form(value)
    leaf = rules.here
    if leaf is not None:
        if leaf.ignore is not None:
            return None
        if isinstance(value, str):
            for _, rewrite in leaf.texts:
                value = rewrite(value)
    if isinstance(value, dict):
        members = ((name, rules.member(name), one) for name, one in sorted(value.items(), key=itemgetter(0)))
        return tuple((name, canonical(one, below)) for name, below, one in members if not _is_ignored(below))
    if isinstance(value, list):
        return ("[", *(canonical(one, rules.element(index)) for index, one in enumerate(value)))
    return type(value), value


def _is_ignored(rules: Rules | None) -> bool:
    return rules is not None and rules.here is not None and rules.here.ignore is not None


def _form(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple((name, _form(one)) for name, one in sorted(value.items(), key=itemgetter(0)))
    if isinstance(value, list):
        return ("[", *map(_form, value))
    return type(value), value


def identity(value: Any, key: Sequence[str]) -> Hashable:
    """
    What identifies an element by some of its members; None for one that has none of them.
    """
    if not isinstance(value, dict) or not any(name in value for name in key):
        return None
    return tuple(ABSENT if name not in value else _form(value[name]) for name in key)


def matched(
    old: list[Any], new: list[Any], name: Callable[[Any], Hashable]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """
    Elements of the same name as pairs of indices, the first with the first; and who is left over on either side.
    """
    waiting: dict[Hashable, list[int]] = {}
    for index in reversed(range(len(new))):
        waiting.setdefault(name(new[index]), []).append(index)
    pairs, only_old = [], []
    for index, value in enumerate(old):
        places = waiting.get(name(value))
        if places:
            pairs.append((index, places.pop()))
        else:
            only_old.append(index)
    return pairs, only_old, sorted(index for places in waiting.values() for index in places)
