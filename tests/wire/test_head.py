"""
Heads are cut into lines at CRLF and nowhere else; lengths are digits and nothing else.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.fields import FIELD_BYTES
from proxy.wire.head import LARGEST_LENGTH, parse_length, split_head

LINES = st.lists(st.lists(st.sampled_from(list(FIELD_BYTES)), max_size=20).map(bytes), min_size=1, max_size=6)


@given(LINES)
def test_lines_come_out_as_they_went_in(lines: list[bytes]) -> None:
    """
    Every byte that may stand in a field line survives.
    """
    assert split_head(b"\r\n".join(lines)) == lines


@given(LINES, st.sampled_from([bytes([byte]) for byte in range(256) if byte not in FIELD_BYTES]), st.integers(0, 120))
def test_a_byte_that_must_not_be_there_is_found_anywhere(lines: list[bytes], bad: bytes, at: int) -> None:
    """
    Bare CR, bare LF, NUL and every other control; a CR or LF that happens to complete a CRLF is a line's end.
    """
    block = b"\r\n".join(lines)
    at %= len(block) + 1
    spoilt = block[:at] + bad + block[at:]
    if spoilt.replace(b"\r\n", b"").translate(None, FIELD_BYTES) == b"":
        return

    with pytest.raises(BadMessage) as refused:
        split_head(spoilt)

    assert refused.value.status == 400


@given(st.integers(0, LARGEST_LENGTH))
def test_any_length_below_two_to_the_63_is_read(length: int) -> None:
    """
    As many as anybody can count.
    """
    assert parse_length(b"%d" % length) == length


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"+1", b"-1", b"1 ", b" 1", b"1,1", b"1, 1", b"0x1", b"1e3", b"1_0", b"\xb2", b"9" * 19, b"0" * 20],
)
def test_what_is_not_only_digits_is_no_length(value: bytes) -> None:
    """
    Python's `int` is more generous than RFC 9110 §8.6; lists of equal values, which it lets us repair, are refused.
    """
    with pytest.raises(BadMessage) as refused:
        parse_length(value)

    assert refused.value.status == 400
