"""
What a body is: by its Content-Type, and by what it looks like when that lies or is missing.
"""

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
    EMPTY = "empty"


DECLARED: Final = {
    "application/json": Body.JSON,
    "text/json": Body.JSON,
    "application/x-ndjson": Body.NDJSON,
    "application/ndjson": Body.NDJSON,
    "application/jsonl": Body.NDJSON,
    "application/x-jsonlines": Body.NDJSON,
    "application/json-seq": Body.NDJSON,
    "application/xml": Body.XML,
    "text/xml": Body.XML,
    "text/html": Body.HTML,
    "application/xhtml+xml": Body.HTML,
    "application/x-www-form-urlencoded": Body.FORM,
    "application/javascript": Body.TEXT,
    "application/graphql": Body.TEXT,
    "application/yaml": Body.TEXT,
    "image/svg+xml": Body.XML,
}
SUFFIXES: Final = {"+json": Body.JSON, "+xml": Body.XML, "+yaml": Body.TEXT}
SPACE: Final = b" \t\r\n"
HTML_STARTS: Final = (b"<!doctype html", b"<html", b"<head", b"<body")


def declared(media: str) -> Body | None:
    """
    What a media type (in lower case, without parameters) says; None when it says nothing that helps.
    """
    if media in DECLARED:
        return DECLARED[media]
    for suffix, kind in SUFFIXES.items():
        if media.endswith(suffix):
            return kind
    if media.startswith("text/"):
        return Body.TEXT
    return None if media in {"", "application/octet-stream"} else Body.BINARY


def looks_like(content: bytes) -> Body:
    """
    What content looks like, from its first bytes; whether it really is, only reading tells.
    """
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip(SPACE)
    if not start:
        return Body.EMPTY if not content else Body.TEXT
    if start[:1] in b'{["' or start[:4] in {b"true", b"null"} or start[:5] == b"false":
        return Body.JSON
    if start[:1] == b"<":
        return Body.HTML if start[:20].lower().startswith(HTML_STARTS) else Body.XML
    if b"\0" in content[:4096]:
        return Body.BINARY
    try:
        # The last character may be cut.
        content[:4096].decode("utf-8", "strict" if len(content) <= 4096 else "ignore")
    except UnicodeDecodeError:
        return Body.BINARY
    return Body.TEXT
