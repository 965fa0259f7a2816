"""
How long a leg waits.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    In seconds: for a connection, for an answer's head, for the next piece of content.
    """

    connect: float
    head: float
    body: float
