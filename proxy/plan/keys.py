"""
The plan's keys as a list: what there is to say, under which pattern.

In a pattern, `*` stands for a name or a place in a list, and after the name of a gate or guard comes what it reads:
("gates", "*", "promql", "query").
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import Tag

from proxy.plan.model import Plan
from proxy.settings.keys import Key, key_of
from proxy.settings.kinds import Kind
from proxy.settings.section import Section
from proxy.settings.source import Where

Pattern = tuple[str, ...]
ANY: Final = "*"
# How kinds are called whose keys are names that somebody has given.
NAMES_WITH: Final = "names with"


def plan_keys(section: type[Section] = Plan, above: Pattern = ()) -> Iterator[Key]:
    """
    Every key below `section` in the model's order, each section before its own keys. Paths are patterns.
    """
    for name, field in section.model_fields.items():
        pattern = (*above, field.alias or name)
        below = list(_sections(field.annotation))
        key = key_of(pattern, field, below[0][1] if below else None)
        said = any(isinstance(one, Kind) for one in field.metadata)
        yield key if said else replace(key, kind=_kind(field.annotation, key.kind))
        for further, inner in below:
            yield from plan_keys(inner, (*pattern, *further))


def plan_sections(section: type[Section] = Plan, above: Pattern = ()) -> Iterator[tuple[Pattern, type[Section]]]:
    """
    Every section of a plan with the pattern that leads to it, the plan itself first.
    """
    yield above, section
    for name, field in section.model_fields.items():
        for further, inner in _sections(field.annotation):
            yield from plan_sections(inner, (*above, field.alias or name, *further))


def _sections(annotation: Any) -> Iterator[tuple[Pattern, type[Section]]]:
    """
    The sections that a value of this type holds, and where in it.
    """
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield (), annotation
        return
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        tags = tuple(one.tag for one in inner if isinstance(one, Tag))
        yield from (((*tags, *pattern), section) for pattern, section in _sections(inner[0]))
    elif origin in (Union, UnionType):
        for one in inner:
            yield from _sections(one)
    elif origin in (dict, tuple):
        yield from (((ANY, *pattern), section) for pattern, section in _sections(inner[origin is dict]))


def _kind(annotation: Any, kind: Kind) -> Kind:
    """
    The kind, also of what is a mapping, a list or a choice.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if found := next((one for one in inner if isinstance(one, Kind)), None):
        return found
    if origin in (Union, UnionType):
        return _kind(next(one for one in inner if one is not type(None)), kind)
    if origin is Literal:
        *first, last = map(str, inner)
        return replace(kind, words=f"{', '.join(first)} or {last}" if first else last, show=_show)
    if annotation in (float, int):
        return Kind(words="number" if annotation is float else "whole number", show=_show, text=False)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Kind(words="section", show=lambda section: "null" if section is None else "{}", text=False)
    if origin is dict:
        return Kind(words=f"{NAMES_WITH} {_words(inner[1], kind)}", show=lambda _: "{}", text=False)
    if origin is tuple and inner[-1] is ...:
        return Kind(words=f"list of {_words(inner[0], kind)}", show=lambda _: "[]", text=False)
    return kind


def _words(inner: Any, kind: Kind) -> str:
    return "sections" if next(_sections(inner), None) else _kind(inner, kind).words


def _show(value: object) -> str:
    return "null" if value is None else str(value)


KEYS: Final[Mapping[Where, Key]] = MappingProxyType({key.path: key for key in plan_keys()})
