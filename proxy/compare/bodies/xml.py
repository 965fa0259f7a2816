"""
XML bodies as values: elements as objects, so that rules reach them by path.

`<order id="7"><item>a</item><item>b</item></order>` is `{"order": {"@id": "7", "item": ["a", "b"]}}`: attributes have
an @, children of one name are a list even when there is one. Text beside attributes is #text, and beside children a
list of its pieces. Names in a namespace are written {uri}name, so that prefixes don't matter; white space around text,
comments and instructions say nothing. The order of children of different names is a difference of its own, at their
parent.
"""

from collections import Counter
from typing import Any, Final, Self
from xml.parsers import expat

from proxy.compare.bodies.base import Document, NotReadable
from proxy.compare.decode import TooLarge
from proxy.compare.difference import ABSENT, Kind, Steps
from proxy.compare.found import Found
from proxy.compare.leaf import Rules, state_at
from proxy.compare.walk import compare

# Levels of elements, each two levels of values; and up to how many orjson is asked to write them.
DEEPEST: Final = 500
DEEP: Final = 20
# Elements take a hundred times the memory of their text.
MOST_ELEMENTS: Final = 500_000
TEXT: Final = "#text"
# The names of children in their order, where there are several: kept beside them, and never told of as such.
ORDER: Final = "#order"
SPACE: Final = " \t\r\n"


def read(content: bytes, exactly: bool) -> Document:  # noqa: ARG001 - the interface of all kinds
    """
    The document. Raises `NotReadable`; also for entities of its own, which could expand into anything. Nothing outside
    of the document is ever read.
    """
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.SkippedEntityHandler = builder.skipped
    parser.EntityDeclHandler = builder.refuse
    parser.ExternalEntityRefHandler = builder.refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise NotReadable(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    except (LookupError, ValueError) as error:
        # Of an encoding that it declares.
        raise error if isinstance(error, NotReadable | TooLarge) else NotReadable(str(error)) from None
    return Document(value=builder.document, exact=builder.deepest > DEEP)


class _Element:
    __slots__ = ("attributes", "children", "name", "pieces")

    def __init__(self, name: str, attributes: list[str]) -> None:
        self.name = name
        self.attributes = attributes
        # Text is a child, by the name of TEXT.
        self.children: list[tuple[str, Any]] = []
        self.pieces: list[str] = []

    def end_text(self) -> None:
        """
        What was said so far is one piece: a child begins, or the element ends.
        """
        if self.pieces:
            text = "".join(self.pieces).strip(SPACE)
            self.pieces = []
            if text:
                self.children.append((TEXT, text))

    def value(self) -> Any:
        """
        The element as a value: its text, if that is all.
        """
        self.end_text()
        only_text = not self.children or (len(self.children) == 1 and self.children[0][0] == TEXT)
        text = self.children[0][1] if self.children and only_text else ""
        if only_text and not self.attributes:
            return text
        members: dict[str, Any] = {
            f"@{_named(name)}": value for name, value in zip(self.attributes[::2], self.attributes[1::2], strict=True)
        }
        if only_text:
            return {**members, TEXT: text} if text else members
        several: dict[str, list[Any]] = {}
        for name, value in self.children:
            several.setdefault(name, []).append(value)
        if len(several) > 1:
            members[ORDER] = tuple(name for name, _ in self.children)
        return {**members, **several}


class _Builder:
    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.deepest = 0
        self._count = 0
        self._open: list[_Element] = []

    def start(self, name: str, attributes: list[str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise TooLarge(f"more than {MOST_ELEMENTS} elements")
        if len(self._open) >= DEEPEST:
            raise NotReadable(f"more than {DEEPEST} levels")
        if self._open:
            self._open[-1].end_text()
        self._open.append(_Element(_named(name), attributes))
        self.deepest = max(self.deepest, len(self._open))

    def end(self, _name: str) -> None:
        element = self._open.pop()
        if self._open:
            self._open[-1].children.append((element.name, element.value()))
        else:
            self.document = {element.name: element.value()}

    def text(self, data: str) -> None:
        self._open[-1].pieces.append(data)

    def skipped(self, name: str, _is_parameter: bool) -> None:
        # Declared in a document type that nobody reads: &nbsp; of HTML, say.
        if self._open:
            self._open[-1].pieces.append(f"&{name};")

    def refuse(self, *_arguments: Any) -> int:
        raise NotReadable("it declares entities of its own")


def _named(name: str) -> str:
    return "{" + name if "}" in name else name


class FoundInXml(Found):
    """
    What a walk over elements found, told of in terms of elements. `rules` are those of where it began.
    """

    __slots__ = ("rules",)

    def __init__(self, *, rules: Rules | None, telling: bool = False) -> None:
        super().__init__(telling=telling)
        self.rules = rules

    def add(self, kind: Kind, steps: Steps, old: Any, new: Any, place: str = "") -> None:
        """
        Note one difference.
        """
        if steps and steps[-1] == ORDER:
            self._add_order(steps[:-1], old, new)
        elif kind is not Kind.TYPE:
            super().add(kind, steps, old, new, place)
        elif isinstance(old, list) or isinstance(new, list):
            # The text of an element with children, and of one without.
            compare(_pieces(old), _pieces(new), state_at(self.rules, steps), self, steps)
        else:
            # An element that is nothing but text, and one with attributes or children.
            compare(_opened(old), _opened(new), state_at(self.rules, steps), self, steps)

    def probe(self, rules: Rules | None) -> Self:
        """
        Another one for two elements within these two, as of any found.
        """
        probe = super().probe(rules)
        probe.rules = rules
        return probe

    def _add_order(self, steps: Steps, old: Any, new: Any) -> None:
        """
        The order of children, as far as both have them and no rule ignores them: what else differs is told of already.
        """
        ours, theirs = (Counter(() if names is ABSENT else names) for names in (old, new))
        rules = state_at(self.rules, steps)
        kept = {name for name in ours if ours[name] == theirs[name] and not _is_ignored(rules, name)}
        one, other = ([] if names is ABSENT else [name for name in names if name in kept] for names in (old, new))
        if one == other:
            return
        leaf = None if rules is None else rules.here
        if leaf is not None and leaf.array is not None:
            self.hide(leaf.array, Kind.ORDER, steps)
        else:
            super().add(Kind.ORDER, steps, one, other)


def _pieces(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _opened(value: Any) -> Any:
    if isinstance(value, str):
        return {TEXT: value} if value else {}
    return value


def _is_ignored(rules: Rules | None, name: str) -> bool:
    children = None if rules is None else rules.member(name)
    if children is None:
        return False
    child = children.any_element()
    return any(
        state is not None and state.here is not None and state.here.ignore is not None for state in (children, child)
    )
