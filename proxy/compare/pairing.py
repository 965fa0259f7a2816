"""
Which element of one array is which of the other, where a rule lets them stand anywhere. Decides only; the differ then
compares the pairs.
"""

from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.compare.found import Found
from proxy.compare.leaf import Rules
from proxy.compare.matching import Asking, Exhausted, Matching
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
    found: Found,
    alike: Callable[[int, int], bool],
    *,
    deep: bool,
) -> Pairing:
    """
    Elements that are the same ones by the rules, then those that rules count as equal, and at last side by side what is
    left: an element with one changed member is one difference, not two. `alike` is asked of elements that may be equal,
    as long as the effort allows.
    """
    strict, loose = found.names(), found.names(loose=True)
    pairing = by_name(strict.of_all(old, rules, deep=deep), strict.of_all(new, rules, deep=deep))
    if rules is not None and pairing.only_old and pairing.only_new:
        before = loose.looked
        ours, theirs = ([loose.of(value, rules) for value in values] for values in (old, new))
        cost = 1 + (loose.looked - before) // (len(old) + len(new))
        _pair_alike(pairing, ours, theirs, Asking(alike, cost, found.effort))
    both = min(len(pairing.only_old), len(pairing.only_new))
    pairing.pairs += zip(pairing.only_old[:both], pairing.only_new[:both], strict=True)
    pairing.only_old, pairing.only_new = pairing.only_old[both:], pairing.only_new[both:]
    pairing.pairs.sort()
    return pairing


def _pair_alike(
    pairing: Pairing,
    ours: Sequence[Hashable],
    theirs: Sequence[Hashable],
    asking: Asking,
) -> None:
    """
    Among elements of one name of which both sides have some left. Those that have a partner may get another one: 1.3
    has found 1.3, and leaves it to 1.0 if there is a 1.6 for it.
    """
    left = {ours[one] for one in pairing.only_old} & {theirs[other] for other in pairing.only_new}
    if not left:
        return
    known: dict[Hashable, list[tuple[int, int]]] = {name: [] for name in left}
    for one, other in pairing.pairs:
        if ours[one] in left:
            known[ours[one]].append((one, other))
    places = _places(ours, left), _places(theirs, left)
    matchings = [Matching(places[0][name], places[1][name], known[name], asking) for name in known]
    _settle(matchings)
    kept = [(one, other) for one, other in pairing.pairs if ours[one] not in left]
    pairing.pairs = [*kept, *(pair for matching in matchings for pair in matching.pairs)]
    taken, given = ({pair[side] for pair in pairing.pairs} for side in (0, 1))
    pairing.only_old = [index for index in range(len(ours)) if index not in taken]
    pairing.only_new = [index for index in range(len(theirs)) if index not in given]


def _settle(matchings: Sequence[Matching]) -> None:
    """
    As far as the effort goes; for all of them first what is cheap.
    """
    try:
        for matching in matchings:
            matching.take_free()
        for matching in matchings:
            matching.improve()
    except Exhausted:
        return


def _places(names: Sequence[Hashable], wanted: Container[Hashable]) -> dict[Hashable, list[int]]:
    places: dict[Hashable, list[int]] = {}
    for index, name in enumerate(names):
        if name in wanted:
            places.setdefault(name, []).append(index)
    return places
