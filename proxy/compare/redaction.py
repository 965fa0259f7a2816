"""
What evidence must not hold, as it travels with the judging table: who sees pairs redacts them (`evidence.redact`).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """
    What to replace besides what is known: header names in lower case, paths in bodies, names of query parameters,
    regular expressions. `salt` is hexadecimal and of this deployment; "" until it is known, and nothing is kept then.
    `secrets` are values that sides get from environment or files: they travel, but are on no disk but in the table.
    """

    headers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    salt: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
