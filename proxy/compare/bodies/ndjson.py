"""
JSON documents one after the other as an array: one a line (NDJSON, JSON Lines), or each behind a record separator (RFC
7464).
"""

from itertools import chain
from typing import Final

from proxy.compare.bodies import json
from proxy.compare.bodies.base import MOST_VALUES, Document, NotReadable
from proxy.compare.decode import TooLarge
from proxy.compare.difference import ANY_INDEX, Folded

RECORD: Final = b"\x1e"
SPACE: Final = b" \t\r\n"


def read(content: bytes, exactly: bool) -> Document:
    """
    The documents. Blank lines are none. Raises `NotReadable` if there is none at all or any line isn't one, `TooLarge`
    for too many.
    """
    separator = RECORD if content.startswith(RECORD) else b"\n"
    if content.count(separator) > MOST_VALUES:
        raise TooLarge(f"more than {MOST_VALUES} documents")
    lines = [line for part in content.split(separator) if (line := part.strip(SPACE))]
    if not lines:
        raise NotReadable("no document")
    documents: list[Document] = []
    for line in lines:
        document = json.read(line, exactly)
        if document.exact and not exactly:
            # All of them in one way, or equal numbers of different lines would be of different types.
            return read(content, True)
        documents.append(document)
    repeated: dict[Folded, tuple[str, ...]] = {}
    for steps, values in chain.from_iterable(one.repeated.items() for one in documents):
        place = (ANY_INDEX, *steps)
        repeated[place] = tuple(sorted((*repeated.get(place, ()), *values)))
    return Document(
        value=[one.value for one in documents],
        exact=exactly,
        repeated=repeated,
        broken=any(one.broken for one in documents),
    )
