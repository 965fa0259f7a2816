"""
What clients bring back is believed only as it was signed, and only for its time.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.signed import pack, verify

KEY = bytes(range(32))


@given(st.binary(min_size=0, max_size=40), st.integers(0, 2**40), st.binary(min_size=1, max_size=64))
def test_what_was_signed_is_read_until_its_time_is_over(text: bytes, until: int, key: bytes) -> None:
    """
    Whatever the text and the key.
    """
    value = pack(key, b"write", text, until)

    assert verify(key, b"write", value, until - 0.001) == text
    assert verify(key, b"write", value, until) is None


def test_nothing_else_is_believed() -> None:
    """
    No other key, no other kind, no changed byte, no piece of it.
    """
    value = pack(KEY, b"write", b"new", 1000)
    others = [value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in range(len(value))]
    pieces = [value[:at] for at in range(len(value))]

    assert verify(KEY, b"force", value, 0) is None
    assert verify(KEY[::-1], b"write", value, 0) is None
    assert [other for other in (*others, *pieces) if verify(KEY, b"write", other, 0) is not None] == []


@pytest.mark.parametrize("value", [b"", b".", b"..", b"new", b"new.1000", b"new.1000.", b"new.\xff.\xff", b"a.b.c.d"])
def test_what_nobody_signed_is_nothing(value: bytes) -> None:
    """
    However little it looks like it.
    """
    assert verify(KEY, b"write", value, 0) is None
