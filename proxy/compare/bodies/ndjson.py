"""
JSON documents one after the other as an array: one a line (NDJSON, JSON Lines), or each behind a record separator (RFC
7464).
"""

from typing import Final

import orjson

from proxy.compare.bodies.base import Document, NotReadable
from proxy.compare.bodies.json import MOST_LISTS, check_values, has_few_lists, is_lossless, read_exactly
from proxy.compare.decode import TooLarge
from proxy.compare.difference import ANY_INDEX, Folded

# Each is read by itself: a second's work.
MOST_DOCUMENTS: Final = 200_000
RECORD: Final = b"\x1e"
SPACE: Final = b" \t\r\n"


def read(content: bytes, exactly: bool) -> Document:
    """
    The documents. Blank lines are none. Raises `NotReadable` if there is none at all or any line isn't one, `TooLarge`
    for too many.
    """
    separator = RECORD if content.startswith(RECORD) else b"\n"
    if content.count(separator) > MOST_DOCUMENTS:
        raise TooLarge(f"more than {MOST_DOCUMENTS} documents")
    check_values(content)
    lines = [line for part in content.split(separator) if (line := part.strip(SPACE))]
    if not lines:
        raise NotReadable("no document")
    return (None if exactly else _read_quickly(content, lines)) or _read_exactly(lines)


def _read_quickly(content: bytes, lines: list[bytes]) -> Document | None:
    """
    As a whole, since equal numbers of different lines have to be of one type.
    """
    # The documents are in an array themselves.
    if not has_few_lists(content, MOST_LISTS - 1):
        return None
    try:
        value = [orjson.loads(line) for line in lines]
        written = orjson.dumps(value)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return Document(value=value, written=written) if is_lossless(content, written) else None


def _read_exactly(lines: list[bytes]) -> Document:
    documents = [read_exactly(line) for line in lines]
    repeated: dict[Folded, tuple[str, ...]] = {}
    for document in documents:
        for steps, values in document.repeated.items():
            place = (ANY_INDEX, *steps)
            repeated[place] = tuple(sorted((*repeated.get(place, ()), *values)))
    return Document(
        value=[one.value for one in documents],
        exact=True,
        repeated=repeated,
        broken=any(one.broken for one in documents),
    )
