"""
XML bodies as values: elements as objects, so that rules reach them by path.

`<order id="7"><item>a</item><item>b</item>ok</order>` is `{"order": {"@id": "7", "item": ["a", "b"], "#text": "ok"}}`:
attributes have an @, children of one name are a list even when there is one, text beside attributes or children is
#text. Where children have different names, "#order" lists the names. A name in a namespace is written {uri}name, so
that prefixes don't matter. White space around text says nothing.
"""

from typing import Any, Final
from xml.parsers import expat

DEEPEST: Final = 500
ORDER: Final = "#order"
TEXT: Final = "#text"


class NotXml(ValueError):
    """
    Not well-formed, or with declarations of its own, which could expand into anything.
    """


def read_xml(data: bytes) -> dict[str, Any]:
    """
    The document as values. Raises `NotXml`. Entities of a document's own are refused, not expanded, and nothing outside
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
    parser.EntityDeclHandler = builder.refuse
    parser.ExternalEntityRefHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotXml(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    except ValueError as error:
        # An unknown encoding.
        raise NotXml(str(error)) from None
    return builder.document


class _Element:
    __slots__ = ("attributes", "children", "name", "pieces")

    def __init__(self, name: str, attributes: list[str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[tuple[str, Any]] = []
        self.pieces: list[str] = []

    def value(self) -> Any:
        text = "".join(self.pieces).strip()
        if not self.attributes and not self.children:
            return text
        members: dict[str, Any] = {
            f"@{_named(name)}": value for name, value in zip(self.attributes[::2], self.attributes[1::2], strict=True)
        }
        several: dict[str, list[Any]] = {}
        for name, value in self.children:
            several.setdefault(name, []).append(value)
        members |= several
        if len(several) > 1:
            # When each name's elements stand together, the order of the names says it all.
            names = [name for name, _ in self.children]
            grouped = [name for name, values in several.items() for _ in values]
            members[ORDER] = list(several) if names == grouped else names
        if text:
            members[TEXT] = text
        return members


class _Builder:
    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self._open: list[_Element] = []

    def start(self, name: str, attributes: list[str]) -> None:
        if len(self._open) >= DEEPEST:
            raise NotXml(f"more than {DEEPEST} levels")
        self._open.append(_Element(_named(name), attributes))

    def end(self, _name: str) -> None:
        element = self._open.pop()
        if self._open:
            self._open[-1].children.append((element.name, element.value()))
        else:
            self.document = {element.name: element.value()}

    def text(self, data: str) -> None:
        self._open[-1].pieces.append(data)

    def refuse(self, *_arguments: Any) -> int:
        raise NotXml("it declares entities of its own")


def _named(name: str) -> str:
    return "{" + name if "}" in name else name
