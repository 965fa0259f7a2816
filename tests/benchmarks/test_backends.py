"""
What the benchmark's backends answer.
"""

import re

import orjson
import pytest

from benchmarks.backends import ASKED, ASKED_LENGTH, DRAWN, DRAWN_LENGTH, SIZES, differing, document


@pytest.mark.parametrize("size", SIZES.values())
def test_documents_have_the_size_that_was_asked_for(size: int) -> None:
    """
    To the byte, and they are JSON that fits between nginx's single quotes.
    """
    body = document(size)

    assert len(body) == size
    assert orjson.loads(body)["items"]
    assert not {b"'"[0], b"$"[0], b"\\"[0]} & set(body)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("size", SIZES.values())
def test_answers_that_differ_have_the_same_size_and_differ_in_one_value(size: int, many: bool) -> None:
    """
    Of many things, the number of the one that was asked for is in both answers.
    """
    sets, returned = differing(size, many=many)
    parts = {f"${{{name}}}": part for name, part in re.findall(r"set \$(part\d+) '(.*?)';", sets)}
    for name, part in parts.items():
        returned = returned.replace(name, part)
    old, new = (
        returned.replace(DRAWN, drawn * DRAWN_LENGTH).replace(ASKED, "7" * ASKED_LENGTH).encode() for drawn in "ab"
    )
    one, other = orjson.loads(old), orjson.loads(new)

    assert len(old) == len(new) == size
    assert [name for name in one if one[name] != other[name]] == ["trace"]
    assert one.get("number") == ("7" * ASKED_LENGTH if many else None)
