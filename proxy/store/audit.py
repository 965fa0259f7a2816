"""
The audit: who did what, when, why, with the value before and after, each line chained to the one before by a hash.

`hash` = SHA-256 of the previous line's hash and this line as canonical JSON: whoever changes, removes or swaps lines
has to make every later one anew. Pure; the store numbers lines and keeps them.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import orjson

# What the first line is chained to.
BEGINNING: Final = "0" * 64
# A bearer token of ours, which nobody should have put into a reason.
TOKEN = re.compile(r"plx_[A-Za-z0-9_-]{8,}", re.ASCII)
MASK: Final = "plx_…"

VALUES: Final = ("before", "after")  # kept as JSON
NUMBERS: Final = ("id", "epoch", "latch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One line of the audit. Its maker leaves `id`, `previous` and `hash` to the store, and may leave it `at` too.

    `actor` and `role` are of the token that was used, `peer` the address that it came from (all three may be words for
    Parallax itself), `before` and `after` what was changed, `epoch` the one in force afterwards, `latch` the number of
    the change of the kill latch that this line tells. Never a token.
    """

    id: int = 0
    at: str = ""
    actor: str
    role: str
    peer: str
    action: str
    reason: str
    before: Any = None
    after: Any = None
    epoch: int
    latch: int | None = None
    previous: str = ""
    hash: str = ""


COLUMNS: Final = tuple(field.name for field in fields(Entry))
TEXTS: Final = tuple(name for name in COLUMNS if name not in NUMBERS and name not in VALUES)
# What a line says itself, in the order of canonical JSON; what is left binds it to the others.
SAID: Final = tuple(sorted(set(COLUMNS) - {"previous", "hash"}))


def canonical(value: Any) -> str:
    """
    JSON without spaces and with sorted keys: equal values, equal text.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def clean(text: str) -> str:
    """
    Text that any store can keep: half characters replaced, tokens of ours taken out.
    """
    return TOKEN.sub(MASK, text.encode("utf-8", "replace").decode())


def chain(entry: Entry, number: int, previous: str) -> Entry:
    """
    The entry as line `number` of the audit, after the one whose hash is `previous`.
    """
    values = {name: _clean_value(getattr(entry, name)) for name in VALUES}
    texts = {name: clean(getattr(entry, name)) for name in TEXTS}
    numbered = replace(entry, **{**texts, **values, "id": number, "previous": previous, "hash": ""})
    return replace(numbered, hash=_hash(as_row(numbered)))


def _clean_value(value: Any) -> Any:
    """
    What JSON makes of a value, so that it is the same after it was kept; of what is no JSON, its text.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _clean_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_value(item) for item in value]
    try:
        return orjson.loads(orjson.dumps(value))
    except TypeError:
        return clean(str(value))


def as_row(entry: Entry) -> dict[str, Any]:
    """
    An entry as the store keeps it.
    """
    row = {name: getattr(entry, name) for name in COLUMNS}
    return {**row, **{name: canonical(row[name]) for name in VALUES}}


def _hash(row: Mapping[str, Any]) -> str:
    """
    Of the text that is kept, byte for byte: JSON that only means the same is another line.
    """
    said = {name: orjson.Fragment(row[name]) if name in VALUES else row[name] for name in SAID}
    return hashlib.sha256(row["previous"].encode() + orjson.dumps(said)).hexdigest()


def from_row(row: Mapping[str, Any]) -> Entry:
    """
    The entry of `as_row`; of a row that somebody wrote into whatever can be shown.
    """
    return Entry(**{name: _shown(name, row[name]) for name in COLUMNS})


def _shown(name: str, kept: Any) -> Any:
    if name in NUMBERS:
        return kept if isinstance(kept, int) or (kept is None and name == "latch") else 0
    text = str(kept).encode("utf-8", "replace").decode()
    if name not in VALUES:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def first_broken(rows: Iterable[Mapping[str, Any]], lines: int, last: str) -> int | None:
    """
    The number of the first line that isn't what was written; None when all `lines` are there.

    `rows` are all there are, by ascending id, `last` is the hash that the last one had.
    """
    number, previous = 0, BEGINNING
    for row in rows:
        number += 1
        if number > lines or row["id"] != number or row["previous"] != previous or not _is_sound(row):
            return number
        previous = row["hash"]
    if number < lines:
        return number + 1
    return None if previous == last else max(number, 1)


def _is_sound(row: Mapping[str, Any]) -> bool:
    """
    Whether a line is what its hash was made of. Types count: SQLite keeps any in any column.
    """
    try:
        for name in VALUES:
            orjson.loads(row[name])  # or else its text could reach into the next column's
        return (
            all(type(row[name]) is str for name in (*TEXTS, *VALUES))
            and all(type(row[name]) is int or (name == "latch" and row[name] is None) for name in NUMBERS)
            and _hash(row) == row["hash"]
        )
    except (TypeError, ValueError):
        return False
