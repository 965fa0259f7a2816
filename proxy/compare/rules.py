"""
Rules: what differs and doesn't matter. Written in the configuration, checked there, compiled here once per endpoint.

A rule says what it does, where, and with what. Where is a path pattern (`paths`), `header:NAME`, or nothing: then it is
for every value in bodies and compared header fields. Compiled, all rules of an endpoint are one machine for bodies, a
`Leaf` for each header field, and a function for statuses.

Of several rules for one place, `ignore` hides all there is; else texts are rewritten in the order of the rules, then
each is asked for an excuse; of two for an array the last counts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from typing import Any, Final

from proxy.compare.forms import (
    both_match,
    both_of,
    rewriting,
    single_spaced,
    times_within,
    within,
    without_origin,
)
from proxy.compare.leaf import Leaf, Rules
from proxy.compare.paths import DEEP, Pattern, parse_path
from proxy.compare.states import Machine

EVERYWHERE: Final[Pattern] = (DEEP,)
HEADER: Final = "header:"
STATUS: Final = "status"
STATUS_CLASS: Final = re.compile(r"[1-5]xx")
MOST_RULES: Final = 500
LONGEST_PATTERN: Final = 1000
LONGEST_REPLACEMENT: Final = 200
# What a rule may do to header fields when it doesn't say where; null and arrays are of bodies alone.
FOR_TEXTS: Final = frozenset(
    {"ignore_values", "numbers", "times", "forms", "case", "whitespace", "url_host", "rewrite"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    One rule as it travels: `does` is "status" or one of `DOES`, `where` a path, `header:NAME`, or "" for everywhere;
    `given` is what else it needs.
    """

    does: str
    where: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """
        The rule as people call it: `ignore $.meta.generated_at`.
        """
        said = ", ".join(f"{name} {value}" for name, value in self.given.items())
        return " ".join(part for part in (self.does, self.where or "everywhere", said and f"({said})") if part)


@dataclass(slots=True)
class _Making:
    """
    A `Leaf` in the making.
    """

    ignore: int | None = None
    texts: list[tuple[int, Callable[[str], str]]] = field(default_factory=list)
    excuses: list[tuple[int, Callable[[Any, Any], bool]]] = field(default_factory=list)
    array: int | None = None
    key: tuple[str, ...] = ()
    null: int | None = None
    rules: list[int] = field(default_factory=list)

    def leaf(self) -> Leaf:
        return Leaf(
            ignore=self.ignore,
            texts=tuple(self.texts),
            excuses=tuple(self.excuses),
            array=self.array,
            key=self.key,
            null=self.null,
            rules=tuple(self.rules),
        )


def _ignore(making: _Making, number: int, _rule: Rule) -> None:
    making.ignore = number if making.ignore is None else making.ignore


def _pattern_of(rule: Rule) -> re.Pattern[str]:
    pattern: str = rule.given["pattern"]
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a regular expression of {len(pattern)} characters; write at most {LONGEST_PATTERN}")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression ({error}); mind what needs a backslash") from None


def _ignore_values(making: _Making, number: int, rule: Rule) -> None:
    making.excuses.append((number, both_match(_pattern_of(rule))))


def _numbers(making: _Making, number: int, rule: Rule) -> None:
    absolute, relative = (Decimal(str(rule.given.get(name, 0))) for name in ("abs", "rel"))
    if not (absolute.is_finite() and relative.is_finite() and absolute >= 0 and relative >= 0):
        raise ValueError("a tolerance below 0 or without end; write a number such as abs: 0.005")
    making.excuses.append((number, within(absolute, relative)))


def _times(making: _Making, number: int, rule: Rule) -> None:
    seconds = float(rule.given["within"])
    if not 0.0 <= seconds < inf:
        raise ValueError("times within less than 0 seconds; write within: 2s")
    making.excuses.append((number, times_within(seconds)))


def _forms(making: _Making, number: int, rule: Rule) -> None:
    making.excuses.append((number, both_of(rule.given["form"])))


def _case(making: _Making, number: int, _rule: Rule) -> None:
    making.texts.append((number, str.casefold))


def _whitespace(making: _Making, number: int, _rule: Rule) -> None:
    making.texts.append((number, single_spaced))


def _url_host(making: _Making, number: int, _rule: Rule) -> None:
    making.texts.append((number, without_origin))


def _rewrite(making: _Making, number: int, rule: Rule) -> None:
    pattern, replacement = _pattern_of(rule), rule.given["with"]
    if len(replacement) > LONGEST_REPLACEMENT:
        raise ValueError(f"a replacement of {len(replacement)} characters; write at most {LONGEST_REPLACEMENT}")
    try:
        # Says now what it would say at the first text.
        pattern.sub(replacement, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"{replacement!r} can't replace anything ({error}); write \\1 for the first group") from None
    making.texts.append((number, rewriting(pattern, replacement)))


def _arrays(making: _Making, number: int, rule: Rule) -> None:
    key = rule.given.get("key", ())
    making.array, making.key = number, (key,) if isinstance(key, str) else tuple(key)


def _null_is_missing(making: _Making, number: int, _rule: Rule) -> None:
    making.null = number


DOES: Final[dict[str, Callable[[_Making, int, Rule], None]]] = {
    "ignore": _ignore,
    "ignore_values": _ignore_values,
    "numbers": _numbers,
    "times": _times,
    "forms": _forms,
    "case": _case,
    "whitespace": _whitespace,
    "url_host": _url_host,
    "rewrite": _rewrite,
    "arrays": _arrays,
    "null_is_missing": _null_is_missing,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """
    Rules ready for `judge.Book`.
    """

    body: Rules | None
    fields: Mapping[str, Leaf]
    any_field: Leaf | None
    same_status: Callable[[int, int], int | None] | None


def compile_rules(rules: Sequence[Rule], numbers: Sequence[int] | None = None) -> Compiled:
    """
    The rules of one endpoint, the general ones first; `numbers` is what each is called, if not by its place. Raises
    `ValueError` for one that can't be used, with the remedy.
    """
    if len(rules) > MOST_RULES:
        raise ValueError(f"{len(rules)} rules are too many; write at most {MOST_RULES}, with wider paths")
    numbered = list(zip(range(len(rules)) if numbers is None else numbers, rules, strict=True))
    for number, rule in numbered:
        _check(number, rule)
    in_body = [(number, rule) for number, rule in numbered if rule.does != STATUS and not _field_of(rule)]

    def combine(places: Sequence[int]) -> Leaf:
        return _made_of([in_body[place] for place in places])

    everywhere = [(number, rule) for number, rule in in_body if not rule.where and rule.does in FOR_TEXTS]
    names = dict.fromkeys(name for rule in rules if (name := _field_of(rule)))
    statuses = [(number, rule) for number, rule in numbered if rule.does == STATUS]
    return Compiled(
        body=Machine([_path_of(rule) for _, rule in in_body], combine).start,
        fields={
            name: _made_of([one for one in numbered if _field_of(one[1]) == name or one in everywhere])
            for name in names
        },
        any_field=_made_of(everywhere) if everywhere else None,
        same_status=_same_status(statuses) if statuses else None,
    )


def _check(number: int, rule: Rule) -> None:
    """
    Raise `ValueError` for a rule that can't be used.
    """
    try:
        if rule.does == STATUS:
            if not all(isinstance(one, int) or STATUS_CLASS.fullmatch(one) for one in rule.given["of"]):
                raise ValueError("it names no statuses; write numbers and classes such as 2xx")
        elif rule.does not in DOES:
            raise ValueError(f"nobody knows what it does; write one of {', '.join(DOES)}")
        else:
            _made_of([(number, rule)])
            if not _field_of(rule):
                _path_of(rule)
    except KeyError as error:
        raise ValueError(f"{rule.words}: {error.args[0]} is missing") from None
    except (ArithmeticError, AttributeError, TypeError) as error:
        raise ValueError(f"{rule.words}: {error}") from None


def _field_of(rule: Rule) -> str:
    """
    The header field a rule is for, "" for none.
    """
    return rule.where.removeprefix(HEADER).strip().lower() if rule.where.startswith(HEADER) else ""


def _path_of(rule: Rule) -> Pattern:
    return parse_path(rule.where) if rule.where else EVERYWHERE


def _made_of(rules: Sequence[tuple[int, Rule]]) -> Leaf:
    making = _Making()
    for number, rule in rules:
        DOES[rule.does](making, number, rule)
        making.rules.append(number)
    return making.leaf()


def _same_status(rules: Sequence[tuple[int, Rule]]) -> Callable[[int, int], int | None]:
    """
    Statuses that count as equal: those of one rule's `of`, which holds numbers and classes such as "2xx".
    """

    def has(rule: Rule, status: int) -> bool:
        return status in rule.given["of"] or f"{status // 100}xx" in rule.given["of"]

    return lambda old, new: next((number for number, rule in rules if has(rule, old) and has(rule, new)), None)
