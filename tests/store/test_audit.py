"""
Nobody changes the audit unnoticed.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.store.audit import BEGINNING, COLUMNS, Entry, as_row, canonical, chain, clean, first_broken, from_row
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

Row = dict[str, Any]


def lines(count: int) -> list[Entry]:
    """
    An audit as it should be.
    """
    made: list[Entry] = []
    for number in range(1, count + 1):
        given_to_us = replace(entry(f"step {number}", epoch=number, latch=number if number % 2 else None), at="now")
        made.append(chain(given_to_us, number, made[-1].hash if made else BEGINNING))
    return made


def broken(rows: list[Row], of: list[Entry]) -> int | None:
    """
    What `first_broken` says of these rows, of an audit that has `of`.
    """
    return first_broken(rows, len(of), of[-1].hash if of else BEGINNING)


texts = st.text(st.characters())
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
odd = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary() | texts


@given(st.lists(st.tuples(texts, values, st.integers(0, 2**60), st.none() | st.integers(0, 2**60)), max_size=5))
def test_what_was_written_verifies_and_reads_back(told: list[tuple[str, Any, int, int | None]]) -> None:
    """
    Any text, any value.
    """
    made: list[Entry] = []
    for text, value, epoch, latch in told:
        one = replace(entry(text, epoch, latch), actor=text, peer=text, at=text, before=value, after=[value])
        made.append(chain(one, len(made) + 1, made[-1].hash if made else BEGINNING))
    rows = [as_row(one) for one in made]

    assert broken(rows, made) is None
    assert [from_row(row) for row in rows] == made


@given(st.data())
def test_whatever_is_written_into_a_line_is_found(data: st.DataObject) -> None:
    """
    Any column of any line, any value of any type.
    """
    made = lines(5)
    rows = [as_row(one) for one in made]
    number = data.draw(st.integers(1, 5))
    column = data.draw(st.sampled_from(COLUMNS))
    value = data.draw(odd | st.sampled_from([row[column] for row in rows]))
    before = rows[number - 1][column]
    assume(type(value) is not type(before) or value != before)

    rows[number - 1][column] = value

    assert broken(rows, made) == number


@given(st.integers(0, 5), st.integers(1, 5), st.integers(1, 5))
def test_lines_that_are_missing_swapped_or_repeated_are_found(keep: int, one: int, other: int) -> None:
    """
    From the first that isn't where it was.
    """
    made = lines(5)
    rows = [as_row(line) for line in made]

    cut = rows[:keep]
    assert broken(cut, made) == (keep + 1 if keep < 5 else None)
    without = rows[: one - 1] + rows[one:]
    assert broken(without, made) == one
    assert broken(rows[:one] + rows[one - 1 :], made) == one + 1
    if one != other:
        swapped = rows.copy()
        swapped[one - 1], swapped[other - 1] = rows[other - 1], rows[one - 1]
        assert broken(swapped, made) == min(one, other)
        # Numbered anew, so that nothing is missing.
        for number, row in enumerate(swapped, 1):
            swapped[number - 1] = {**row, "id": number}
        assert broken(swapped, made) == min(one, other)


def test_a_line_more_than_was_written_is_found() -> None:
    """
    Even one that fits.
    """
    made = lines(4)

    assert broken([as_row(line) for line in made], made[:3]) == 4


def test_an_end_that_was_made_anew_is_found() -> None:
    """
    Its hashes are right among themselves, and not what the head says.
    """
    made = lines(4)
    forged = [*made[:2], chain(replace(made[2], reason="forged"), 3, made[1].hash)]
    forged.append(chain(made[3], 4, forged[2].hash))

    assert broken([as_row(line) for line in forged], made) == 4


def test_json_that_only_means_the_same_is_found() -> None:
    """
    What is shown is what was written, to the byte.
    """
    made = lines(2)
    rows = [as_row(line) for line in made]
    rows[1]["after"] = '{"new": 1.0}'

    assert broken(rows, made) == 2


def test_the_hash_can_be_computed_by_anybody() -> None:
    """
    With what `GET /admin/audit` shows and any JSON: sorted keys, no spaces, UTF-8.
    """
    line = lines(2)[1]
    shown = json.loads(json.dumps(asdict(line)))
    said = {name: value for name, value in shown.items() if name not in ("previous", "hash")}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert hashlib.sha256((shown["previous"] + text).encode()).hexdigest() == shown["hash"]


@given(values)
def test_equal_values_have_one_text(value: Any) -> None:
    """
    Whatever order their keys came in.
    """
    kept = from_row(as_row(chain(replace(entry(), before=value), 1, BEGINNING))).before

    assert canonical(kept) == canonical(json.loads(canonical(kept)))
    if isinstance(kept, dict):
        assert canonical(dict(reversed(kept.items()))) == canonical(kept)


def test_a_token_of_ours_is_not_kept_wherever_it_stands() -> None:
    """
    Who pastes one into a reason, or as the key of a value, has not published it.
    """
    secret = "plx_" + "aB3-_" * 9
    one = replace(entry(f"because {secret}."), actor=secret, before={"a": [{secret: secret}]}, after=secret)

    kept = as_row(chain(one, 1, BEGINNING))

    assert secret not in str(kept)
    assert kept["reason"] == "because plx_…."
    assert clean("plx_short and explx_0123456789") == "plx_short and explx_…"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET reason = 'other' WHERE id = 2",
        "UPDATE audit SET actor = CAST(x'ff6f7073' AS TEXT) WHERE id = 2",
        "UPDATE audit SET before = x'7b7d' WHERE id = 2",
        "UPDATE audit SET epoch = epoch + 1 WHERE id = 2",
        "UPDATE audit SET latch = 99 WHERE id = 2",
        "UPDATE audit SET latch = NULL WHERE id = 2",
        "UPDATE audit SET previous = hash WHERE id = 2",
        "UPDATE audit SET hash = previous WHERE id = 2",
        "UPDATE audit SET id = 9 WHERE id = 2",
        "DELETE FROM audit WHERE id = 2",
        "DELETE FROM audit WHERE id >= 2",
        "UPDATE audit SET reason = CASE id WHEN 2 THEN 'step 3' ELSE 'step 2' END WHERE id IN (2, 3)",
    ],
)
def test_what_is_done_to_the_file_is_found_and_all_can_still_be_read(store: Store, path: Path, statement: str) -> None:
    """
    A line that was tampered with is shown as it is now, and the store goes on: new lines are chained to what was there.
    """
    for epoch in (1, 2, 3):
        store.save(intent(epoch), entry(f"step {epoch}", epoch, latch=epoch))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)

    assert store.verify() == 2
    store.audit(entry("after"))
    assert store.verify() == 2
    shown = store.entries()
    assert "after" in {line.reason for line in shown}
    assert canonical([asdict(line) for line in shown])


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit WHERE id = 3", 3),
        ("UPDATE head SET lines = 2", 3),
        ("UPDATE head SET hash = 'x'", 3),
        ("DELETE FROM head", 1),
        ("UPDATE audit SET id = 0 WHERE id = 1", 1),
    ],
)
def test_what_is_done_to_both_ends_is_found(store: Store, path: Path, statement: str, found: int) -> None:
    """
    A cut end, an end that isn't known any more, something before the beginning.
    """
    for epoch in (1, 2, 3):
        store.save(intent(epoch), entry(f"step {epoch}", epoch))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)

    assert store.verify() == found


@pytest.mark.parametrize("undo", ["head", "audit"])
def test_a_store_that_does_not_fit_itself_is_broken(
    store: Store, path: Path, undo: str, raises_corrupt: Callable[[Callable[[], object]], None]
) -> None:
    """
    Without its head, or with a line where the next one belongs, nothing is written into it.
    """
    store.save(intent(1), entry())
    with closing(sqlite3.connect(path)) as other, other:
        if undo == "head":
            other.execute("DELETE FROM head")
        else:
            other.execute("UPDATE head SET lines = 0")

    raises_corrupt(lambda: store.save(intent(2), entry()))
    raises_corrupt(lambda: store.audit(entry()))
    assert store.load() == intent(1)


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE intents SET intent = '{"epoch":2,"mirror":100.0,"new":90.0}' WHERE epoch = 2""",
        "UPDATE intents SET intent = 'x', sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'",
        "UPDATE intents SET intent = x'00'",
        "UPDATE intents SET intent = CAST(intent AS BLOB)",
        "UPDATE intents SET sha256 = CAST(sha256 AS BLOB)",
        "UPDATE intents SET epoch = 7 WHERE epoch = 2",
    ],
)
def test_an_intent_that_is_not_what_was_saved_moves_nobody(
    store: Store, path: Path, statement: str, raises_corrupt: Callable[[Callable[[], object]], None]
) -> None:
    """
    SQLite has no checksums: a flipped bit would be another share of the users.
    """
    for epoch in (1, 2):
        store.save(intent(epoch), entry())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)

    raises_corrupt(store.load)
