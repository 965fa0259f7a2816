"""
Which element of one array is which of the other, where a rule lets them stand anywhere. Decides only; the differ then
compares the pairs.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.compare.leaf import Rules
from proxy.compare.names import Names, spoken


@dataclass(slots=True)
class Pairing:
    """
    Indices: `pairs` belong together, `only_old` and `only_new` have no partner.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)
    only_old: list[int] = field(default_factory=list)
    only_new: list[int] = field(default_factory=list)

    @property
    def moved(self) -> bool:
        """
        Does any element stand elsewhere?
        """
        return any(one != other for one, other in self.pairs)


def by_name(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> Pairing:
    """
    Elements of one name, the first with the first.
    """
    pairing = Pairing(only_old=list(range(len(ours))), only_new=list(range(len(theirs))))
    _pair_up(pairing, ours, theirs)
    return pairing


def _pair_up(pairing: Pairing, ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> None:
    waiting: dict[Hashable, list[int]] = {}
    for index in reversed(pairing.only_new):
        waiting.setdefault(theirs[index], []).append(index)
    left = []
    for index in pairing.only_old:
        places = waiting.get(ours[index])
        if places:
            pairing.pairs.append((index, places.pop()))
        else:
            left.append(index)
    pairing.only_old = left
    pairing.only_new = sorted(index for places in waiting.values() for index in places)


def by_key(old: list[Any], new: list[Any], key: Sequence[str], rules: Rules | None, names: Names) -> Pairing:
    """
    Elements by some of their members; those whose key only changed its type find each other too.
    """
    pairing = by_name(
        [names.identity(value, key, rules) for value in old], [names.identity(value, key, rules) for value in new]
    )
    if pairing.only_old and pairing.only_new:
        ours = [spoken(one, key, "old", at) for at, one in enumerate(old)]
        theirs = [spoken(one, key, "new", at) for at, one in enumerate(new)]
        _pair_up(pairing, ours, theirs)
    pairing.pairs.sort()
    return pairing


def as_set(
    old: list[Any],
    new: list[Any],
    rules: Rules | None,
    names: tuple[Names, Names],
    alike: Callable[[int, int, int], bool | None],
    *,
    deep: bool,
) -> Pairing:
    """
    Elements that are the same ones by the rules, then those that rules count as equal, and at last side by side what is
    left: an element with one changed member is one difference, not two. `alike` is asked of elements that may be equal,
    with what it costs to look; it answers None once enough was looked at.
    """
    strict, loose = names
    pairing = by_name(strict.of_all(old, rules, deep=deep), strict.of_all(new, rules, deep=deep))
    if rules is not None and pairing.only_old and pairing.only_new:
        before = loose.looked
        ours, theirs = ([loose.of(value, rules) for value in values] for values in (old, new))
        cost = 1 + (loose.looked - before) // (len(old) + len(new))
        _pair_alike(pairing, ours, theirs, lambda one, other: alike(one, other, cost))
    both = min(len(pairing.only_old), len(pairing.only_new))
    pairing.pairs += zip(pairing.only_old[:both], pairing.only_new[:both], strict=True)
    pairing.only_old, pairing.only_new = pairing.only_old[both:], pairing.only_new[both:]
    pairing.pairs.sort()
    return pairing


def _pair_alike(
    pairing: Pairing,
    ours: Sequence[Hashable],
    theirs: Sequence[Hashable],
    alike: Callable[[int, int], bool | None],
) -> None:
    waiting: dict[Hashable, list[int]] = {}
    for index in pairing.only_new:
        waiting.setdefault(theirs[index], []).append(index)
    taken: set[int] = set()
    left = []
    for one in pairing.only_old:
        for other in waiting.get(ours[one], ()):
            answer = alike(one, other)
            if answer is None:
                break
            if answer:
                pairing.pairs.append((one, other))
                waiting[ours[one]].remove(other)
                taken.add(other)
                break
        if not pairing.pairs or pairing.pairs[-1][0] != one:
            left.append(one)
    pairing.only_old = left
    pairing.only_new = [index for index in pairing.only_new if index not in taken]
