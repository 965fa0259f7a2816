"""
Content that is compared as a whole: images, archives, and what is like nothing else.
"""

from proxy.compare.bodies.base import Document
from proxy.compare.difference import ABSENT, Kind
from proxy.compare.found import Found


def read(content: bytes, exactly: bool) -> Document:  # noqa: ARG001 - the interface of all kinds
    """
    The content itself.
    """
    return Document(value=content)


def compare_bytes(old: bytes, new: bytes, found: Found) -> None:
    """
    Two different contents: by their lengths, else by the first byte that differs.
    """
    if len(old) != len(new):
        found.add(Kind.LENGTH, (), len(old), len(new))
    else:
        # The XOR of both as numbers has its highest bit in the first byte that differs.
        differing = int.from_bytes(old, "big") ^ int.from_bytes(new, "big")
        place = len(old) - (differing.bit_length() + 7) // 8
        found.add(Kind.BODY, (), f"byte {place}", ABSENT)
