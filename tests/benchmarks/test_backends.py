"""
What the benchmark's backends answer.
"""

import orjson
import pytest

from benchmarks.backends import SIZES, document


@pytest.mark.parametrize("size", SIZES.values())
def test_documents_have_the_size_that_was_asked_for(size: int) -> None:
    """
    To the byte, and they are JSON that fits between nginx's single quotes.
    """
    body = document(size)

    assert len(body) == size
    assert orjson.loads(body)["items"]
    assert not {b"'"[0], b"$"[0], b"\\"[0]} & set(body)
