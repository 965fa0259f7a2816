"""
The differ: two JSON values side by side, types before values.

`plain` walks where no rule can apply, which is nearly everywhere, with as little as Python allows; `ruled` walks along
the machine of the rules (`states`). Both put what they find into a `Found`. Values are those of `bodies.base`.

In Python `True == 1` and `1 == 1.0`; to a client they are different things, so types are compared first. A number
written as 1 on one side and as 1.0 on the other is a difference of type, since clients in typed languages fail on it;
0.1 and 0.10 are the same number.

Most parts of two answers are the same. orjson writes a value several times faster than Python walks it, and writes
different bytes for values of different types; so where two parts are written the same, nobody walks them. Far down that
would write the same parts again and again, so it ends at `WRITTEN` levels: time is in proportion to the size of the
bodies, whatever they hold.
"""

from collections import Counter
from typing import Any, Final

from orjson import OPT_SORT_KEYS, dumps

from proxy.compare.align import gaps
from proxy.compare.difference import ABSENT, Kind, Steps
from proxy.compare.found import Differs, Found
from proxy.compare.leaf import Leaf, Rules, excuse
from proxy.compare.pairing import as_set, by_key

WRITTEN: Final = 24
CONTAINERS: Final = (dict, list)
# Elements that are written together, which is quicker than one by one.
TOGETHER: Final = 16


def compare(old: Any, new: Any, rules: Rules | None, found: Found, steps: Steps = ()) -> None:
    """
    Compare two values, whole bodies unless `steps` lead to them; `rules` are those of their place. May raise
    `RecursionError` for values that are nested too deeply.
    """
    if rules is None:
        plain(old, new, steps, found)
    else:
        ruled(old, new, steps, found, rules)


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
        _elements(old, new, steps, found, None)
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
    walked = found.exact or len(steps) > WRITTEN
    for name, one in old.items():
        other = new.get(name, ABSENT)
        kind = type(one)
        if kind is not type(other):
            if other is not ABSENT:
                found.add(Kind.TYPE, (*steps, name), one, other)
        elif kind is dict or kind is list:
            # Long lists are written piece by piece.
            if walked or (kind is list and len(one) > TOGETHER) or dumps(one) != dumps(other):
                plain(one, other, (*steps, name), found)
        elif one != other:
            found.add(Kind.VALUE, (*steps, name), one, other)


# Where rules may apply...


def ruled(old: Any, new: Any, steps: Steps, found: Found, rules: Rules) -> None:
    """
    Two values of which a rule may say something, here or further down.
    """
    leaf = rules.here
    kind = type(old)
    if leaf is not None and leaf.ignore is not None:
        _ignored(old, new, steps, found, leaf.ignore)
    elif kind is dict and type(new) is dict:
        _ruled_members(old, new, steps, found, rules)
    elif kind is list and type(new) is list:
        if leaf is not None and leaf.array is not None:
            _matched_elements(old, new, steps, found, rules, leaf)
        else:
            _elements(old, new, steps, found, rules)
    elif kind is not type(new) or old != new:
        how = Kind.VALUE if kind is type(new) else Kind.TYPE
        rule = None if leaf is None else excuse(leaf, old, new)
        if rule is None:
            found.add(how, steps, old, new)
        else:
            found.hide(rule, how, steps)


def _ruled_members(old: dict[str, Any], new: dict[str, Any], steps: Steps, found: Found, rules: Rules) -> None:
    walked = found.exact or len(steps) > WRITTEN
    for name, one in old.items():
        other = new.get(name, ABSENT)
        if other is ABSENT:
            _one_sided(Kind.MISSING, one, (*steps, name), found, rules.member(name))
            continue
        kind = type(one)
        if kind is type(other):
            if kind is dict or kind is list:
                if not (walked or (kind is list and len(one) > TOGETHER)) and dumps(one) == dumps(other):
                    continue
            elif one == other:
                continue
        below = rules.member(name)
        if below is None:
            plain(one, other, (*steps, name), found)
        else:
            ruled(one, other, (*steps, name), found, below)
    for name, other in new.items():
        if name not in old:
            _one_sided(Kind.EXTRA, other, (*steps, name), found, rules.member(name))


def _one_sided(kind: Kind, value: Any, steps: Steps, found: Found, below: Rules | None) -> None:
    """
    A member or element that only one side has.
    """
    leaf = None if below is None else below.here
    if leaf is not None and leaf.ignore is not None:
        found.hide(leaf.ignore, kind, steps)
    elif leaf is not None and leaf.null is not None and value is None:
        found.hide(leaf.null, kind, steps)
    elif kind is Kind.MISSING:
        found.add(kind, steps, value, ABSENT)
    else:
        found.add(kind, steps, ABSENT, value)


def _ignored(old: Any, new: Any, steps: Steps, found: Found, rule: int) -> None:
    """
    Two values that a rule takes out of the comparison: only whether they differ counts, and where, if that is asked.
    """
    if found.told is None:
        if not alike(old, new, None, found):
            found.hide(rule, Kind.VALUE, steps)
        return
    below = found.fresh()
    plain(old, new, steps, below)
    if below.differences:
        found.hide(rule, below.differences[0].kind, below.differences[0].steps)
        found.tell(rule, below.differences)


# Arrays...


def _elements(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules | None) -> None:
    """
    Arrays in order: each element with the one in its place. Several that differ and are the same ones in another order
    are one difference.
    """
    if len(old) != len(new):
        _other_length(old, new, steps, found, rules)
        return
    deep = len(steps) > WRITTEN
    differing = _differing(old, new, walked=found.exact or deep)
    if len(differing) > 1 and not found.probing and (deep or rules is not None or _may_be_moved(old, new, differing)):
        below = None if rules is None else rules.any_element()
        names = found.names()
        ours = names.of_all([old[index] for index in differing], below, deep=deep)
        theirs = names.of_all([new[index] for index in differing], below, deep=deep)
        if ours != theirs and Counter(ours) == Counter(theirs) and not _excused(old, new, differing, rules, found):
            found.add(Kind.ORDER, steps, old, new)
            return
        if rules is None:
            differing = [index for index, one, other in zip(differing, ours, theirs, strict=True) if one != other]
    for index in differing:
        compare(old[index], new[index], None if rules is None else rules.element(index), found, (*steps, index))


def _may_be_moved(old: list[Any], new: list[Any], indices: list[int]) -> bool:
    """
    Is the first of these elements of one side among those of the other? Else they are not the same ones in another
    order, and nobody has to name them.
    """
    return old[indices[0]] in [new[index] for index in indices]


def _differing(old: list[Any], new: list[Any], *, walked: bool) -> list[int]:
    """
    Where elements differ, or may: rather too many than too few.
    """
    if walked:
        return [
            index
            for index, (one, other) in enumerate(zip(old, new, strict=True))
            if type(one) in CONTAINERS or one != other or type(one) is not type(other)
        ]
    differing: list[int] = []
    option = None
    many = False
    for start in range(0, len(old), TOGETHER):
        ours, theirs = old[start : start + TOGETHER], new[start : start + TOGETHER]
        # Where the last ones differed, these may too: then writing all of them says nothing.
        if not many and dumps(ours, option=option) == dumps(theirs, option=option):
            continue
        few, option = _differing_of_few(ours, theirs, option)
        many = bool(few)
        differing += [start + index for index in few]
    return differing


def _differing_of_few(old: list[Any], new: list[Any], option: int | None) -> tuple[list[int], int | None]:
    """
    Python's own comparison is quick, and blind for types: so what it takes for equal is looked at again. With it comes
    how to write what is next: sorted, once members were found in another order.
    """
    unequal = [index for index, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    ours, theirs = old, new
    if unequal:
        ours = [one for index, one in enumerate(old) if index not in unequal]
        theirs = [other for index, other in enumerate(new) if index not in unequal]
    if option is None and dumps(ours) == dumps(theirs):
        return unequal, option
    if dumps(ours, option=OPT_SORT_KEYS) == dumps(theirs, option=OPT_SORT_KEYS):
        return unequal, OPT_SORT_KEYS
    return [
        index
        for index, (one, other) in enumerate(zip(old, new, strict=True))
        if dumps(one, option=OPT_SORT_KEYS) != dumps(other, option=OPT_SORT_KEYS)
    ], OPT_SORT_KEYS


def _excused(old: list[Any], new: list[Any], indices: list[int], rules: Rules | None, found: Found) -> bool:
    """
    Do rules count all these elements as equal where they stand?
    """
    return rules is not None and all(alike(old[index], new[index], rules.element(index), found) for index in indices)


def _other_length(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules | None) -> None:
    """
    Arrays of different lengths: elements that are the same ones, or may be by the rules, find each other, and what is
    left between them is compared in its order. So one element more is one difference.
    """
    found.add(Kind.LENGTH, steps, len(old), len(new))
    below = None if rules is None else rules.any_element()
    deep = len(steps) > WRITTEN
    names = found.names(loose=rules is not None)
    at = other_at = 0
    for gap in (*gaps(names.of_all(old, below, deep=deep), names.of_all(new, below, deep=deep)), None):
        if rules is not None:
            # The same by the rules: what they hide in these is counted.
            for index in range(at, len(old) if gap is None else gap.start):
                compare(old[index], new[other_at + index - at], rules.element(index), found, (*steps, index))
        if gap is None:
            break
        for index, other in zip(range(gap.start, gap.end), range(gap.other_start, gap.other_end), strict=False):
            element = None if rules is None else rules.element(index)
            compare(old[index], new[other], element, found, (*steps, index))
        at, other_at = gap.end, gap.other_end


def _matched_elements(old: list[Any], new: list[Any], steps: Steps, found: Found, rules: Rules, leaf: Leaf) -> None:
    """
    Arrays that a rule compares as multisets, or by a key.
    """
    assert leaf.array is not None
    below = rules.any_element()
    if leaf.key:
        pairing = by_key(old, new, leaf.key, below, found.names())
    else:
        # One for all of them, since nothing is noted in it.
        probe = found.probe(below)
        pairing = as_set(
            old,
            new,
            below,
            found,
            lambda one, other: _agree(old[one], new[other], below, probe),
            deep=len(steps) > WRITTEN,
        )
    if pairing.moved:
        found.hide(leaf.array, Kind.ORDER, steps)
    for one, other in pairing.pairs:
        compare(old[one], new[other], below, found, (*steps, one))
    for one in pairing.only_old:
        _one_sided(Kind.MISSING, old[one], (*steps, one), found, below)
    for other in pairing.only_new:
        _one_sided(Kind.EXTRA, new[other], (*steps, other), found, below)


def alike(old: Any, new: Any, rules: Rules | None, found: Found) -> bool:
    """
    Would two values be found equal? Ends at the first difference.
    """
    return _agree(old, new, rules, found.probe(rules))


def _agree(old: Any, new: Any, rules: Rules | None, probe: Found) -> bool:
    try:
        compare(old, new, rules, probe)
    except Differs:
        return False
    return True
