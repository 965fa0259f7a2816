"""
Bitmaps of buckets survive the journey to control, and windows that are over are let go.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.windows import KEPT, Windows, pack_bits, unpack_bits, window_of
from proxy.routing.buckets import BUCKETS


@given(buckets=st.sets(st.integers(0, BUCKETS - 1), max_size=50))
def test_a_bitmap_comes_out_as_it_went_in(buckets: set[int]) -> None:
    """
    No bucket is lost, none is added.
    """
    bits = sum(1 << number for number in buckets)

    assert unpack_bits(pack_bits(bits)) == bits


@pytest.mark.parametrize("text", ["%", "AA", pack_bits(1 << BUCKETS + 8)])
def test_what_is_no_bitmap_is_refused(text: str) -> None:
    """
    Nor one with more buckets than there are.
    """
    with pytest.raises(ValueError, match=r"base64|Incorrect padding|buckets|data"):
        unpack_bits(text)


def test_windows_are_minutes_of_the_wall_clock() -> None:
    """
    Of any process: so they are the same ones.
    """
    assert [window_of(now) for now in (0.0, 59.9, 60.0, 1_763_000_000.0)] == [0, 0, 1, 29_383_333]


def test_only_the_last_windows_are_told() -> None:
    """
    More is added to the one that it belongs to, however late; those before are forgotten.
    """
    windows = Windows()
    for number in range(10, 16):
        windows.add(number, 0b11, 0b01)
    windows.add(15, 0b100, 0)
    windows.add(15, 0, 0)
    assert windows.snapshot(15)["15"] == [pack_bits(0b111), pack_bits(0b001)]

    windows.add(15, 0b1000, 0b10)
    told = windows.snapshot(15)

    assert set(told) == {str(15 - back) for back in range(KEPT)}
    assert told["15"] == [pack_bits(0b1111), pack_bits(0b011)]
    assert windows.snapshot(100) == {}
