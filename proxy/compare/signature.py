"""
Signatures: the identity of a class of differences, stable across runs, processes and versions of Python.

A signature is the endpoint and the set of (path pattern, kind). Two pairs that differ in the same places in the same
way have the same one, whatever the values and however many elements.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from proxy.compare.difference import SEVERITY_NAMES, WORDS, Part, severity

# Parts of one signature: beyond, the ones that sort last are left out, which keeps it stable and bounded.
MOST_PARTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """
    `id` is 16 hexadecimal digits; `parts` are sorted, each a path pattern and a kind.
    """

    id: str
    endpoint: str
    parts: tuple[Part, ...]

    @property
    def severity(self) -> str:
        """
        Of its worst part.
        """
        return SEVERITY_NAMES[min(severity(kind) for _, kind in self.parts)]


def signature(endpoint: str, parts: Iterable[Part]) -> Signature:
    """
    The signature of these parts: the SHA-256 of the endpoint and one line for each part, cut to 64 bit.
    """
    chosen = frozenset(parts)
    return _signature(endpoint, chosen) if len(chosen) <= MOST_PARTS else _signature.__wrapped__(endpoint, chosen)


@lru_cache(maxsize=1024)  # most pairs of an endpoint have the same few
def _signature(endpoint: str, parts: frozenset[Part]) -> Signature:
    chosen = tuple(sorted(parts, key=lambda part: (severity(part[1]), part))[:MOST_PARTS])
    text = "\n".join([endpoint, *(f"{WORDS[kind]} {pattern}" for pattern, kind in chosen)])
    return Signature(id=sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], endpoint=endpoint, parts=chosen)
