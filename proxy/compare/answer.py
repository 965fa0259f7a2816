"""
What is judged: one side's complete answer, as it came over the wire.
"""

from dataclasses import dataclass
from typing import Final

Fields = tuple[tuple[str, str], ...]

# The parameters of a media type (RFC 9110 §8.3.1).
CHARSET: Final = "charset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """
    Content that was too long to be kept: its length in bytes and the SHA-256 of all of it.
    """

    length: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    `fields` are the compared header fields (lower-case names, in the order they came), `media` and `coding` the values
    of Content-Type and Content-Encoding, "" without.
    """

    status: int
    fields: Fields
    media: str
    coding: str
    content: bytes | Cut


def media_type(value: str) -> tuple[str, str]:
    """
    A Content-Type as its lower-case type and its charset, "" where it names none.
    """
    kind, *parameters = value.split(";")
    charset = ""
    for parameter in parameters:
        name, _, said = parameter.partition("=")
        if name.strip().lower() == CHARSET:
            charset = said.strip().strip('"').lower()
    return kind.strip().lower(), charset
