"""
What is judged: one side's complete answer, as it came over the wire.

A plain tuple, as each pair has two: half a microsecond less than a frozen dataclass.
"""

from dataclasses import dataclass
from typing import NamedTuple

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """
    Content that was too long to be kept: its length in bytes and the SHA-256 of all of it.
    """

    length: int
    digest: bytes


class Answer(NamedTuple):
    """
    `fields` are the compared header fields (lower-case names, in the order they came), `media` and `coding` the values
    of Content-Type and Content-Encoding, "" without.
    """

    status: int
    fields: Fields
    media: str
    coding: str
    content: bytes | Cut
