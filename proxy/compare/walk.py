"""
The differ: two JSON values side by side, types before values.

`plain` walks where no rule can apply, which is nearly everywhere, with as little as Python allows; `ruled` walks along
the machine of the rules (`states`). Both put what they find into a `Found`. Values are those of `bodies.json`: dict,
list, str, bool, None, int, float (as orjson gives them) or Decimal (when numbers were read exactly).

In Python `True == 1` and `1 == 1.0`; to a client they are different things, so types are compared first. A number
written as 1 on one side and as 1.0 on the other is a difference of type, since clients in typed languages fail on it;
0.1 and 0.10 are the same number.

Most parts of two answers are the same. orjson writes a value several times faster than Python walks it, and writes
different bytes for values of different types; so where two parts are written the same, nobody walks them.
"""

from collections import Counter
from typing import Any, Final

from orjson import dumps

from proxy.compare.canonical import canonical, identity, matched
from proxy.compare.difference import ABSENT, Difference, Kind, Steps
from proxy.compare.leaf import Leaf, Rules

MOST_DIFFERENCES: Final = 1000

# Comparisons of elements with elements, to match those that no canonical form tells apart.
MOST_TRIES: Final = 10_000


class Found:
    """
    What a walk found: at most `most` differences (`more` counts the others), and how often each rule hid one.

    `exact`: values may hold what orjson can't write (Decimal, long integers, lone surrogates).
    """

    __slots__ = ("differences", "exact", "hidden", "more", "most")

    def __init__(self, *, exact: bool = False, most: int = MOST_DIFFERENCES) -> None:
        self.exact = exact
        self.differences: list[Difference] = []
        self.hidden: dict[int, int] = {}
        self.more = 0
        self.most = most

    def add(self, kind: Kind, steps: Steps, old: Any, new: Any) -> None:
        """
        Note one difference.
        """
        if len(self.differences) < self.most:
            self.differences.append(Difference(kind, steps, old, new))
        else:
            self.more += 1

    def hide(self, rule: int) -> None:
        """
        Note that a rule excused something that differs.
        """
        self.hidden[rule] = self.hidden.get(rule, 0) + 1


def compare(old: Any, new: Any, rules: Rules | None, found: Found) -> None:
    """
    Compare two whole bodies. May raise `RecursionError` for values that are nested too deeply.
    """
    if rules is None:
        plain(old, new, (), found)
    else:
        ruled(old, new, (), found, rules)


# Where no rule applies...


def plain(old: Any, new: Any, steps: Steps, found: Found) -> None:
    """
    Two values that no rule says anything about.
    """
    kind = type(old)
    if kind is not type(new):
        found.add(Kind.TYPE, steps, old, new)
    elif kind is dict:
        _plain_members(old, new, steps, found)
    elif kind is list:
        _plain_elements(old, new, steps, found)
    elif old != new:
        found.add(Kind.VALUE, steps, old, new)


def _plain_members(old: dict[str, Any], new: dict[str, Any], steps: Steps, found: Found) -> None:
    if old.keys() != new.keys():
        # In the order of the bodies, so that what is found doesn't depend on hashes.
        for name, one in old.items():
            if name not in new:
                found.add(Kind.MISSING, (*steps, name), one, ABSENT)
        for name, other in new.items():
            if name not in old:
                found.add(Kind.EXTRA, (*steps, name), ABSENT, other)
    for name, one in old.items():
        other = new.get(name, ABSENT)
        kind = type(one)
        if kind is not type(other):
            if other is not ABSENT:
                found.add(Kind.TYPE, (*steps, name), one, other)
        elif kind is dict or kind is list:
            if found.exact or dumps(one) != dumps(other):
                plain(one, other, (*steps, name), found)
        elif one != other:
            found.add(Kind.VALUE, (*steps, name), one, other)


def _plain_elements(old: list[Any], new: list[Any], steps: Steps, found: Found) -> None:
    if len(old) != len(new):
        _other_length(old, new, steps, found, None)
        return
    before = len(found.differences)
    for index, (one, other) in enumerate(zip(old, new, strict=True)):
        kind = type(one)
        if kind is not type(other):
            found.add(Kind.TYPE, (*steps, index), one, other)
        elif kind is dict or kind is list:
            if found.exact or dumps(one) != dumps(other):
                plain(one, other, (*steps, index), found)
        elif one != other:
            found.add(Kind.VALUE, (*steps, index), one, other)
    if len(found.differences) > before + 1:
        _perhaps_order(old, new, steps, found, before, None)


# Where rules may apply...


def ruled(old: Any, new: Any, steps: Steps, found: Found, rules: Rules) -> None:
    """
    Two values of which a rule may say something, here or further down.
    """
    leaf = rules.here
    if leaf is not None and leaf.ignore is not None:
        if not alike(old, new, None, exact=found.exact):
            found.hide(leaf.ignore)
        return
    kind = type(old)
    if not found.exact and (kind is dict or kind is list) and dumps(old) == dumps(new):
        return
    if kind is dict and type(new) is dict:
        _ruled_members(old, new, steps, found, rules)
    elif kind is list and type(new) is list:
        if leaf is not None and leaf.array is not None:
            _matched_elements(old, new, steps, found, rules, leaf)
        else:
            _ruled_elements(old, new, steps, found, rules)
    elif (kind is not type(new) or old != new) and not (leaf is not None and excused(old, new, leaf, found)):
        found.add(Kind.VALUE if kind is type(new) else Kind.TYPE, steps, old, new)


def excused(old: Any, new: Any, leaf: Leaf, found: Found) -> bool:
    """
    Does a rule for this place count two different scalars as equal?
    """
    if isinstance(old, str) and isinstance(new, str):
        for rule, rewrite in leaf.texts:
            old, new = rewrite(old), rewrite(new)
            if old == new:
                found.hide(rule)
                return True
    for rule, excuses in leaf.excuses:
        if excuses(old, new):
            found.hide(rule)
            return True
    return False


def _ruled_members(old: dict[str, Any], new: dict[str, Any], steps: Steps, found: Found, rules: Rules) -> None:
    for name, one in old.items():
        below = rules.member(name)
        if name not in new:
            _one_sided(Kind.MISSING, one, (*steps, name), found, below)
        elif below is None:
            plain(one, new[name], (*steps, name), found)
        else:
            ruled(one, new[name], (*steps, name), found, below)
    for name, other in new.items():
        if name not in old:
            _one_sided(Kind.EXTRA, other, (*steps, name), found, rules.member(name))


def _one_sided(kind: Kind, value: Any, steps: Steps, found: Found, below: Rules | None) -> None:
    """
    A member or element that only one side has.
    """
    leaf = None if below is None else below.here
    if leaf is not None and leaf.ignore is not None:
        found.hide(leaf.ignore)
    elif leaf is not None and leaf.null is not None and value is None:
        found.hide(leaf.null)
    elif kind is Kind.MISSING:
        found.add(kind, steps, value, ABSENT)
    else:
        found.add(kind, steps, ABSENT, value)


def _ruled_elements(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules) -> None:
    if len(old) != len(new):
        _other_length(old, new, steps, found, rules)
        return
    before = len(found.differences)
    for index, (one, other) in enumerate(zip(old, new, strict=True)):
        _pair(one, other, (*steps, index), found, rules.element(index))
    if len(found.differences) > before + 1:
        _perhaps_order(old, new, steps, found, before, rules)


def _pair(old: Any, new: Any, steps: Steps, found: Found, rules: Rules | None) -> None:
    if rules is None:
        plain(old, new, steps, found)
    else:
        ruled(old, new, steps, found, rules)


# Arrays...


def _perhaps_order(
    old: list[Any], new: list[Any], steps: Steps, found: Found, before: int, rules: Rules | None
) -> None:
    """
    Several elements differ: if they are the same ones in another order, say that instead.
    """
    below = None if rules is None else rules.element(0)
    if Counter(canonical(one, below) for one in old) == Counter(canonical(other, below) for other in new):
        del found.differences[before:]
        found.add(Kind.ORDER, steps, old, new)


def _other_length(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules | None) -> None:
    """
    Arrays of different lengths: what both begin and end with is left out, and of the rest each is compared with the
    one in its place, so that one inserted element is one difference.
    """
    found.add(Kind.LENGTH, steps, old, new)
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and alike(
        old[start], new[start], None if rules is None else rules.element(start), exact=found.exact
    ):
        start += 1
    end = 0
    while end < shorter - start and alike(
        old[-1 - end], new[-1 - end], None if rules is None else rules.element(0), exact=found.exact
    ):
        end += 1
    for index in range(start, shorter - end):
        _pair(old[index], new[index], (*steps, index), found, None if rules is None else rules.element(index))


def _matched_elements(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules, leaf: Leaf) -> None:
    """
    Arrays that a rule compares as multisets, or by a key.
    """
    assert leaf.array is not None
    below = rules.element(0)
    name = (lambda value: identity(value, leaf.key)) if leaf.key else (lambda value: canonical(value, below))
    pairs, only_old, only_new = matched(old, new, name)
    if not leaf.key:
        more, only_old, only_new = _alike_pairs(old, new, only_old, only_new, below, exact=found.exact)
        pairs += more
    if any(one != other for one, other in pairs):
        found.hide(leaf.array)
    if leaf.key:
        for one, other in pairs:
            _pair(old[one], new[other], (*steps, one), found, below)
    else:
        # What is left is shown side by side: an element with one changed member is one difference, not two.
        for one, other in zip(only_old, only_new, strict=False):
            _pair(old[one], new[other], (*steps, one), found, below)
        both = min(len(only_old), len(only_new))
        only_old, only_new = only_old[both:], only_new[both:]
    for one in only_old:
        _one_sided(Kind.MISSING, old[one], (*steps, one), found, below)
    for other in only_new:
        _one_sided(Kind.EXTRA, new[other], (*steps, other), found, below)


def _alike_pairs(
    old: list[Any], new: list[Any], only_old: list[int], only_new: list[int], rules: Rules | None, *, exact: bool
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """
    Of elements that are not the same, those that rules count as equal (tolerances have no canonical form); bounded.
    """
    if rules is None or len(only_old) * len(only_new) > MOST_TRIES:
        return [], only_old, only_new
    pairs = []
    left = list(only_new)
    for one in only_old:
        other = next((index for index in left if alike(old[one], new[index], rules, exact=exact)), None)
        if other is not None:
            pairs.append((one, other))
            left.remove(other)
    taken = {one for one, _ in pairs}
    return pairs, [one for one in only_old if one not in taken], left


def alike(old: Any, new: Any, rules: Rules | None, *, exact: bool) -> bool:
    """
    Would two values be found equal?
    """
    found = Found(exact=exact, most=0)
    _pair(old, new, (), found, rules)
    return not found.more
