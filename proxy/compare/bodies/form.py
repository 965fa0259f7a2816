"""
Form bodies (application/x-www-form-urlencoded, WHATWG URL §5) as values: each name with its values in order.
"""

from typing import Final
from urllib.parse import parse_qsl

from proxy.compare.bodies.base import Document, NotReadable, to_text

MOST_FIELDS: Final = 10_000


def read(content: bytes, exactly: bool) -> Document:  # noqa: ARG001 - the interface of all kinds
    """
    The fields, in the order of their first value. Raises `NotReadable` for one beyond all bounds.
    """
    text, broken = to_text(content)
    try:
        # Bytes that are no UTF-8 stay themselves, each as a surrogate.
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise NotReadable(str(error)) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Document(value=fields, exact=not text.isascii() or "%" in text, broken=broken)
