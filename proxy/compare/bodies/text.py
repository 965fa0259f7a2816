"""
Text bodies as an array of lines: plain text, HTML, CSS, scripts, and whatever else is text.
"""

from typing import Final

from proxy.compare.bodies.base import Document, to_text
from proxy.compare.decode import TooLarge

# A hundred bytes of memory each.
MOST_LINES: Final = 2_000_000


def read(content: bytes, exactly: bool) -> Document:  # noqa: ARG001 - the interface of all kinds
    """
    The lines, without the line feed that ends each: so another kind of line end differs, and so does a last line that
    has none. Raises `TooLarge` for too many.
    """
    if content.count(b"\n") > MOST_LINES:
        raise TooLarge(f"more than {MOST_LINES} lines")
    text, broken = to_text(content)
    return Document(value=text.split("\n"), exact=broken, broken=broken)
