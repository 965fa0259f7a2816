"""
What a body is: by its Content-Type, and by what it looks like when that lies or is missing.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final


class Body(StrEnum):
    """
    The kinds of body that are told apart.
    """

    JSON = "json"
    NDJSON = "ndjson"
    XML = "xml"
    HTML = "html"
    FORM = "form"
    TEXT = "text"
    BINARY = "binary"


DECLARED: Final = {
    "application/json": Body.JSON,
    "text/json": Body.JSON,
    "application/x-json": Body.JSON,
    "application/x-ndjson": Body.NDJSON,
    "application/ndjson": Body.NDJSON,
    "application/jsonl": Body.NDJSON,
    "application/x-jsonlines": Body.NDJSON,
    "application/json-seq": Body.NDJSON,
    "application/xml": Body.XML,
    "text/xml": Body.XML,
    "application/xml-dtd": Body.TEXT,
    "image/svg+xml": Body.XML,
    "text/html": Body.HTML,
    "application/xhtml+xml": Body.HTML,
    "application/x-www-form-urlencoded": Body.FORM,
    "application/javascript": Body.TEXT,
    "application/graphql": Body.TEXT,
    "application/yaml": Body.TEXT,
    "application/pdf": Body.BINARY,
    "application/zip": Body.BINARY,
    "application/gzip": Body.BINARY,
    "application/wasm": Body.BINARY,
}
SUFFIXES: Final = {"+json": Body.JSON, "+xml": Body.XML, "+yaml": Body.TEXT, "+zip": Body.BINARY, "+gzip": Body.BINARY}
TREES: Final = {
    "text": Body.TEXT,
    "image": Body.BINARY,
    "audio": Body.BINARY,
    "video": Body.BINARY,
    "font": Body.BINARY,
}
# Kinds that content has to be to be read as one, and kinds that anything could be.
STRICT: Final = (Body.JSON, Body.NDJSON, Body.XML)
LOOSE: Final = (Body.HTML, Body.FORM, Body.TEXT, Body.BINARY)
SPACE: Final = b" \t\r\n"
JSON_START: Final = re.compile(rb"[{\[]")
JSON_SCALAR: Final = re.compile(rb'"|(?:true|false|null)\s*\Z|-?[0-9][0-9.eE+-]*\s*\Z')
HTML_START: Final = re.compile(
    rb"(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
XML_START: Final = re.compile(rb"<\?xml\b|<[A-Za-z_:!]")
# How much is looked at; a first guess only, since reading has the last word.
SEEN: Final = 1024
SEEN_BYTES: Final = 4096


def declared(kind: str) -> Body | None:
    """
    What a media type (in lower case, without parameters) says; None when it says nothing that helps.
    """
    if (known := DECLARED.get(kind)) is not None:
        return known
    for suffix, body in SUFFIXES.items():
        if kind.endswith(suffix):
            return body
    return TREES.get(kind.partition("/")[0])


def candidates(said: Body | None, content: bytes) -> Iterator[Body]:
    """
    What content is to be tried as, in this order; the last one fits everything. What is declared comes first, except
    where that would fit anything: JSON that is called text, a form or an image is JSON.
    """
    if said in STRICT:
        yield said
    start = content[:SEEN].lstrip(SPACE)
    if JSON_START.match(start):
        yield Body.JSON
        yield Body.NDJSON
    elif start.startswith(b"<?xml") and said is not Body.HTML:
        yield Body.XML
    elif said is Body.BINARY and HTML_START.match(start):
        # An error page where an image should be.
        yield Body.HTML
    elif said is None or said in STRICT:
        yield from _looks_like(start)
    yield said if said in LOOSE else plain(content)


def _looks_like(start: bytes) -> Iterator[Body]:
    if JSON_SCALAR.match(start):
        yield Body.JSON
    elif HTML_START.match(start):
        yield Body.HTML
    elif XML_START.match(start):
        yield Body.XML
        yield Body.HTML


def plain(content: bytes) -> Body:
    """
    Text or not.
    """
    if b"\0" in content[:SEEN_BYTES]:
        return Body.BINARY
    try:
        content.decode()
    except UnicodeDecodeError:
        return Body.BINARY
    return Body.TEXT
