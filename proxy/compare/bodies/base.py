"""
What every module of this room offers: `read(content, exactly)`, content in UTF-8 to a `Document`.

Values are those of JSON, whatever the body was: dict, list, str, bool, None, int, float or Decimal. So one differ walks
all of them, and one kind of path names every place in them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.compare.difference import Folded

# Elements and members of one body of JSON. orjson takes up to 540 bytes of address space to write one, and crashes when
# it gets none. Two bodies of 16 MiB with so many took 690 MiB at most, of the 1 GiB that a comparer has
# (`judge.memory`), and of more a pair would cost too much time anyway (`judge.max_seconds`).
MOST_VALUES: Final = 500_000


class NotReadable(ValueError):
    """
    Content is not of this kind, or nested too deeply to be walked.
    """


@dataclass(slots=True, kw_only=True, eq=False)
class Document:
    """
    A body's value. `exact`: it may hold what orjson can't write (Decimal, long integers, lone surrogates, many levels).
    `written`: the value as orjson writes it, where that is at hand. `repeated`: places at which a member's name stood
    more than once, with all its values but the last. `broken`: the text was not UTF-8.
    """

    value: Any
    exact: bool = False
    written: bytes | None = None
    repeated: Mapping[Folded, tuple[str, ...]] = field(default_factory=dict)
    broken: bool = False


# `exactly` asks for the value with everything that a quicker reading might lose: the other body needed it.
Read = Callable[[bytes, bool], Document]


def to_text(content: bytes) -> tuple[str, bool]:
    """
    Text of UTF-8, and whether it was broken: bytes that are none become lone surrogates, each its own.
    """
    try:
        return content.decode(), False
    except UnicodeDecodeError:
        return content.decode("utf-8", "surrogateescape"), True
