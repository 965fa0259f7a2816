"""
Header fields: by name, whatever the order of the names.

Several lines of one name are one list (RFC 9110 §5.3). Where a field is defined as a set, the order of its elements
says nothing, and where its elements are names, neither does their case.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.compare.answer import Answer
from proxy.compare.difference import ABSENT, Kind
from proxy.compare.found import Found
from proxy.compare.leaf import Leaf, excuse
from proxy.compare.media import parse_media

CONTENT_TYPE: Final = "content-type"
# Sets of names that are compared without regard to case, and of words that are not (methods).
NAMES: Final = frozenset({"vary", "access-control-allow-headers", "access-control-expose-headers"})
WORDS: Final = frozenset({"allow", "access-control-allow-methods"})
# Lines in any order, each a value by itself: some of these may hold commas.
LINES: Final = frozenset({"set-cookie", "www-authenticate", "proxy-authenticate"})
# Between links, not within a target or a quoted parameter (RFC 8288).
NEXT_LINK: Final = re.compile(r",\s*(?=<)")
# Directives, whose values may be quoted and then hold commas (RFC 9111 §5.2).
DIRECTIVE: Final = re.compile(r'([^\s=,"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?[^,"]*')


def compare_fields(old: Answer, new: Answer, rules: Mapping[str, Leaf], everywhere: Leaf | None, found: Found) -> None:
    """
    All compared fields of two answers, by the rules of each name; `everywhere` is what rules without a place say.
    """
    if old.fields == new.fields:
        return
    ours, theirs = _by_name(old), _by_name(new)
    for name in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(name), theirs.get(name)
        if one != other:
            _compare_field(name, one, other, rules.get(name, everywhere), found)


def _by_name(answer: Answer) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in answer.fields:
        fields.setdefault(name, []).append(value)
    return fields


def _compare_field(name: str, old: list[str] | None, new: list[str] | None, leaf: Leaf | None, found: Found) -> None:
    if old is not None and new is not None and meaning(name, old) == meaning(name, new):
        return
    rule = None if leaf is None else leaf.ignore
    if rule is None and leaf is not None and old is not None and new is not None:
        rule = _excusing(leaf, old, new)
    if rule is None:
        found.add(Kind.HEADER, (), _shown(old), _shown(new), f"header:{name}")
    else:
        found.hide(rule, Kind.HEADER, place=f"header:{name}")


def _excusing(leaf: Leaf, old: list[str], new: list[str]) -> int | None:
    """
    The rule by which the values of a field count as equal: line by line, or elements in any order.
    """
    if leaf.array is not None and sorted(_elements(old)) == sorted(_elements(new)):
        return leaf.array
    if len(old) != len(new):
        old, new = [", ".join(old)], [", ".join(new)]
    rule = None
    for one, other in zip(old, new, strict=True):
        if one != other and (rule := excuse(leaf, one, other)) is None:
            return None
    return rule


def _shown(values: list[str] | None) -> Any:
    return ABSENT if values is None else ", ".join(values)


def _elements(values: list[str]) -> Iterator[str]:
    return (one for value in values for part in value.split(",") if (one := part.strip()))


def meaning(name: str, values: list[str]) -> object:
    """
    What the lines of a field say: equal for equal meanings.
    """
    if name == CONTENT_TYPE and len(values) == 1:
        # The charset is judged with the content, and the boundary is drawn anew each time.
        media = parse_media(values[0])
        return media.kind, media.others
    if name in NAMES:
        return frozenset(one.lower() for one in _elements(values))
    if name in WORDS:
        return frozenset(_elements(values))
    if name in LINES:
        return sorted(value.strip() for value in values)
    if name == "link":
        return sorted(one.strip() for one in NEXT_LINK.split(", ".join(values)))
    if name == "cache-control":
        return sorted((directive.lower(), said.strip('"')) for directive, said in DIRECTIVE.findall(",".join(values)))
    return ", ".join(value.strip() for value in values)
