"""
An answer's head as a comparer gets it: JSON, made once for each different head and remembered on it.

What is compared goes as it came; all other lines are for people only, and values that could be secrets are taken out.
"""

import re
from typing import Any, Final

import orjson

from proxy.wire.answer import AnswerHead

REDACTED: Final = "(redacted)"
# Fields whose values are shown. Everything else could hold a secret or a person's data.
SHOWN: Final = frozenset(
    {
        b"accept-ranges", b"age", b"allow", b"cache-control", b"connection", b"content-encoding", b"content-language",
        b"content-length", b"content-type", b"date", b"expires", b"last-modified", b"retry-after", b"server",
        b"transfer-encoding", b"vary",
    }
)  # fmt: skip
LONGEST: Final = 120
TYPE: Final = b"content-type:"
CODING: Final = b"content-encoding"


def pack_head(head: AnswerHead) -> bytes:
    """
    `status`, `fields` (what is compared: lower-case names and values), `media`, `coding`, and `shown`.
    """
    packed = head.packed
    if packed is None:
        packed = head.packed = orjson.dumps(_describe(head))
    return packed


def shown_fields(head: AnswerHead) -> list[list[str]]:
    """
    All header lines as people may read them.
    """
    return [
        [text(name), text(value.strip())[:LONGEST] if name.lower() in SHOWN else REDACTED]
        for name, _, value in (line.partition(b":") for line in head.lines)
    ]


def text(data: bytes) -> str:
    """
    Bytes from the network as printable ASCII.
    """
    read = data.decode("latin-1")
    if read.isascii() and read.isprintable():
        return read
    return re.sub(r"[^\x20-\x7e]", "?", read)


def _describe(head: AnswerHead) -> dict[str, Any]:
    codings = [value for name, value in _lines(head) if name == CODING]
    return {
        "status": head.status,
        "fields": [(name[:-1].decode("latin-1"), value.decode("latin-1")) for name, value in head.significant],
        "media": next((value.decode("latin-1") for name, value in head.significant if name == TYPE), ""),
        "coding": b", ".join(codings).decode("latin-1"),
        "shown": shown_fields(head),
    }


def _lines(head: AnswerHead) -> list[tuple[bytes, bytes]]:
    parts = (line.partition(b":") for line in head.lines)
    return [(name.lower(), value.strip()) for name, _, value in parts]
