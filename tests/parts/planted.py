"""
Bodies made up by hypothesis, each written in two ways, and single changes planted in them with what has to be found.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from proxy.compare.difference import Steps, write_path

# Few, so that rules made up elsewhere hit them; odd, since paths and texts have to bear them.
NAMES = ("id", "name", "items", "a b", "größe", "x", "", "it's", 'q":', "0")
WORDS = st.text(max_size=6)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-1, max_value=1, places=25)
    | WORDS
)
FORM = "application/x-www-form-urlencoded"


def _containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(NAMES) | WORDS
    return st.lists(children, max_size=5) | st.dictionaries(names, children, max_size=5)


VALUES = st.recursive(SCALARS, _containers, max_leaves=20)


@st.composite
def deep(draw: st.DrawFn) -> Any:
    """
    A value below up to 60 levels of others: beyond those that are written instead of walked, and of lists that may be.
    """
    value = draw(VALUES)
    for is_list in draw(st.lists(st.booleans(), max_size=60)):
        value = [0, value] if is_list else {"x": value, "id": 1}
    return value


# How they are written...


def write_json(value: Any, random: Random) -> str:
    """
    JSON for a value: members in any order, white space and escapes anywhere.
    """
    space = random.choice(["", "", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{_text(name, random)}{space}:{write_json(one, random)}" for name, one in value.items()]
        random.shuffle(members)
        return "{" + space + ",".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + f",{space}".join(write_json(one, random) for one in value) + space + "]"
    if isinstance(value, str):
        return _text(value, random)
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


def _text(value: str, random: Random) -> str:
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


def write_lines_of_json(value: list[Any], random: Random) -> str:
    """
    NDJSON for a list.
    """
    blank = random.choice(["\n", "\r\n", "\n\n"])
    return "".join(write_json(one, random).replace("\n", " ") + blank for one in value)


def write_form(value: dict[str, list[str]], random: Random) -> str:
    """
    A form: the values of each name in their order, names in any.
    """
    names = [name for name, values in value.items() for _ in values]
    random.shuffle(names)
    left = {name: iter(values) for name, values in value.items()}
    return "&".join(f"{quote_plus(name)}={quote_plus(next(left[name]))}" for name in names)


def write_text(value: list[str], _random: Random) -> str:
    """
    Lines.
    """
    return "\n".join(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """
    A kind of body whose values are those of JSON: what values it may have, and how they are written.
    """

    media: str
    values: st.SearchStrategy[Any]
    write: Callable[[Any, Random], str]
    # It stays a list, or an object, of lists of texts; or a list of anything.
    texts: bool = False
    listed: bool = False


# A letter first, or text would be taken for what it looks like.
LINES = st.lists(LINE.map(lambda line: f"l{line}"), min_size=2, max_size=8)
WRITINGS = {
    "json": Writing(media="application/json", values=VALUES, write=write_json),
    "deep json": Writing(media="application/hal+json", values=deep(), write=write_json),
    "ndjson": Writing(
        media="application/x-ndjson",
        values=st.lists(VALUES, min_size=2, max_size=5),
        write=write_lines_of_json,
        listed=True,
    ),
    "form": Writing(
        media=FORM,
        values=st.dictionaries(st.sampled_from(NAMES), st.lists(WORDS, min_size=1, max_size=3), min_size=2, max_size=4),
        write=write_form,
        texts=True,
    ),
    "text": Writing(media="text/plain; charset=utf-8", values=LINES, write=write_text, texts=True),
    "page": Writing(media="text/html; charset=utf-8", values=LINES, write=write_text, texts=True),
}


# What is planted...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """
    A value with one change: of what kind, and where it has to be found.
    """

    value: Any
    kind: str
    place: Steps

    def finds(self, *above: str) -> set[str]:
        """
        All that has to be found, in the words of `judged.shown`, when the value stands below `above`.
        """
        return {f"{self.kind} {write_path((*above, *self.place))}"}


@st.composite
def planted(draw: st.DrawFn, value: Any, writing: Writing) -> Plant:
    """
    One change anywhere in a value, which can still be written.
    """
    kind, steps, other, place = draw(st.sampled_from(list(_changes(value, (), writing))))
    return Plant(value=_with(value, steps, other), kind=kind, place=place)


# What it is, where something else stands now, what that is, and where the difference is told of.
Change = tuple[str, Steps, Any, Steps]


def _changes(value: Any, steps: Steps, writing: Writing) -> Iterator[Change]:
    """
    Everything that may be done to a value at `steps`, and to what is in it.
    """
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        children = value.items()
        yield from (("missing", steps, other, (*steps, name)) for name, other in _without_each(value))
        yield "extra", steps, {**value, "new one": ["1"]}, (*steps, "new one")
    elif isinstance(value, list):
        children = enumerate(value)
        if len(value) > (1 if writing.texts else 0):
            yield from (("length", steps, other, steps) for _, other in _without_each(value))
        yield "length", steps, [*value, value[-1] if value else None], steps
        yield from (("order", steps, other, steps) for other in _swapped(value))
    else:
        yield from (("value", steps, other, steps) for other in _others(value))
    if not (writing.texts or (writing.listed and not steps)):
        yield from (("type", steps, other, steps) for other in _of_other_types(value))
    for step, child in children:
        yield from _changes(child, (*steps, step), writing)


def _with(whole: Any, steps: Steps, other: Any) -> Any:
    """
    A copy of the whole with something else at `steps`.
    """
    if not steps:
        return deepcopy(other)
    copied = deepcopy(whole)
    at = copied
    for step in steps[:-1]:
        at = at[step]
    at[steps[-1]] = deepcopy(other)
    return copied


def _without_each(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from ((name, {other: one for other, one in value.items() if other != name}) for name in value)
    else:
        yield from ((index, value[:index] + value[index + 1 :]) for index in range(len(value)))


def _swapped(value: list[Any]) -> Iterator[list[Any]]:
    for one in range(len(value)):
        for other in range(one + 1, len(value)):
            if not same(value[one], value[other]):
                swapped = list(value)
                swapped[one], swapped[other] = value[other], value[one]
                yield swapped


def _others(value: Any) -> Iterator[Any]:
    """
    Values of the same type that are as near as can be.
    """
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield -value - 1
    elif isinstance(value, float):
        yield math.nextafter(value, 0.0) if value else 5e-324
    elif isinstance(value, Decimal):
        yield value + Decimal("1e-25")
    elif isinstance(value, str):
        yield value + "x"
        if value.swapcase() != value:
            yield value.swapcase()


def _of_other_types(value: Any) -> Iterator[Any]:
    """
    What comes near a value and is of another type.
    """
    if value is not None:
        yield None
    if isinstance(value, bool):
        yield int(value)
    elif isinstance(value, int):
        yield str(value)
        if value in (0, 1):
            yield bool(value)
        if abs(value) < 2**53:
            yield float(value)
    elif isinstance(value, float | Decimal):
        yield str(value)
    elif isinstance(value, dict):
        yield list(value.values())
    elif isinstance(value, list):
        yield {"x": value}
    else:
        yield [value]


def same(old: Any, new: Any) -> bool:
    """
    The reference: are two values the same, types and all?
    """
    old, new = (Decimal(repr(one)) if isinstance(one, float) else one for one in (old, new))
    if type(old) is not type(new):
        return False
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(same(one, new[name]) for name, one in old.items())
    if isinstance(old, list):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new)


# XML...


@dataclass(slots=True, kw_only=True)
class Element:
    """
    An element: `children` are elements, and texts between them.
    """

    name: str
    attributes: dict[str, str]
    children: list["Element | str"]


XML_NAMES = st.sampled_from(["a", "b", "item", "größe", "x-1"])
XML_TEXT = st.text("abc &<>\"'é\u00a0", min_size=1, max_size=6).filter(lambda text: text.strip(" \t\r\n") == text)


@st.composite
def elements(draw: st.DrawFn, levels: int = 3) -> Element:
    """
    An element with texts and elements in it, no two texts side by side.
    """
    children: list[Element | str] = []
    for _ in range(draw(st.integers(0, 4)) if levels else 0):
        if draw(st.booleans()) and not (children and isinstance(children[-1], str)):
            children.append(draw(XML_TEXT))
        else:
            children.append(draw(elements(levels - 1)))
    return Element(
        name=draw(XML_NAMES), attributes=draw(st.dictionaries(XML_NAMES, XML_TEXT, max_size=3)), children=children
    )


def write_xml(element: Element, random: Random) -> str:
    """
    XML for an element: attributes in any order, white space around texts, comments, empty elements in two ways.
    """
    attributes = [f" {name}={quoteattr(value)}" for name, value in element.attributes.items()]
    random.shuffle(attributes)
    start = f"<{element.name}{''.join(attributes)}"
    if not element.children and random.random() < 0.5:
        return start + "/>"
    space = random.choice(["", "", "\n  "])
    inner = "".join(
        space + (escape(child) if isinstance(child, str) else write_xml(child, random)) for child in element.children
    )
    comment = random.choice(["", "", "<!-- x -->"])
    return f"{start}>{comment}{inner}{space}</{element.name}>"


def xml_plants(element: Element) -> Iterator[Element]:
    """
    Every single change of an element, and of those in it.
    """
    attributes, children = element.attributes, element.children
    others = [{**attributes, "new": "1"}]
    others += [{**attributes, name: value + "x"} for name, value in attributes.items()]
    others += [{other: one for other, one in attributes.items() if other != name} for name in attributes]
    yield from (_element(element, attributes=other) for other in others)
    yield _element(element, name=element.name + "y")
    yield _element(element, children=[*children, Element(name="new", attributes={}, children=[])])
    for at, child in enumerate(children):
        before, after = children[:at], children[at + 1 :]
        if isinstance(child, str):
            yield _element(element, children=[*before, child + "x", *after])
            yield _element(element, children=[*before, *after])
            continue
        yield from (_element(element, children=[*before, changed, *after]) for changed in xml_plants(child))
        yield _element(element, children=[*before, *after])
        if after and (isinstance(after[0], str) or after[0].name != child.name):
            yield _element(element, children=[*before, after[0], child, *after[1:]])


def _element(element: Element, **changes: Any) -> Element:
    return Element(
        name=changes.get("name", element.name),
        attributes=changes.get("attributes", element.attributes),
        children=changes.get("children", element.children),
    )
