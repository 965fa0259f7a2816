"""
A key's bucket is the same everywhere and for ever, and a weight reaches as many buckets as it says.
"""

from functools import cache
from itertools import accumulate
from math import sqrt

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.buckets import ALGORITHM, BUCKETS, bucket, on_new, reached

MASK = 0xFFFFFFFF
KEYS = 1_000_000


def rotated(value: int, by: int) -> int:
    """
    32 bits, to the left.
    """
    return (value << by | value >> (32 - by)) & MASK


def murmur3(data: bytes) -> int:
    """
    MurmurHash3_x86_32 with seed 0, from its description.
    """
    state = 0
    for start in range(0, len(data), 4):
        block = data[start : start + 4]
        mixed = rotated(int.from_bytes(block, "little") * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK
        state ^= mixed
        if len(block) == 4:
            state = (rotated(state, 13) * 5 + 0xE6546B64) & MASK
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & MASK
    return state ^ state >> 16


@pytest.mark.parametrize(
    ("salt", "key", "expected"),
    [
        ("parallax", "", 8608),
        ("parallax", "1", 5135),
        ("parallax", "user-7", 4805),
        ("parallax", "9b2f1c1e-7d0a-4b53-9f6a-3c5d8f0a2b11", 5419),
        ("parallax", "zoë@example.com", 5263),
        ("parallax", "192.0.2.7", 5065),
        ("", "user-7", 6255),
        ("other", "user-7", 3423),
    ],
)
def test_buckets_are_written_down(salt: str, key: str, expected: int) -> None:
    """
    If one of these changes, users change sides in the middle of a migration.
    """
    assert ALGORITHM == "murmur3-32/utf8/v1"
    assert bucket(salt.encode(), key.encode()) == expected


def test_text_is_hashed_as_utf8() -> None:
    """
    So anybody can work a bucket out with any MurmurHash3.
    """
    assert bucket(b"parallax", "zoë".encode()) == mmh3.hash("parallax:zoë", signed=False) % BUCKETS


@pytest.mark.parametrize(
    ("text", "expected"), [(b"", 0), (b"a", 0x3C2569B2), (b"test", 0xBA6BD213), (b"Hello, world!", 0xC0363E43)]
)
def test_the_other_implementation_is_right(text: bytes, expected: int) -> None:
    """
    By values that are known for MurmurHash3.
    """
    assert murmur3(text) == expected


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_implementations_agree(salt: bytes, key: bytes) -> None:
    """
    Whatever the bytes are.
    """
    assert bucket(salt, key) == murmur3(salt + b":" + key) % 10_000


@given(st.binary(max_size=20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_whoever_is_on_new_stays_there_while_the_weight_grows(key: bytes, one: int, other: int) -> None:
    """
    And whoever is on old stays there while it falls.
    """
    less, more = sorted((one, other))
    mine = bucket(b"parallax", key)

    assert on_new(mine, more / 100) or not on_new(mine, less / 100)


@pytest.mark.parametrize("hundredths", [0, 1, 29, 57, 58, 3700, 9999, 10_000])
def test_a_weight_is_exact_to_its_two_decimals(hundredths: int) -> None:
    """
    0.29, 0.57 and 0.58 are no round numbers in binary.
    """
    assert sum(on_new(number, hundredths / 100) for number in range(BUCKETS)) == hundredths


def test_every_weight_reaches_one_bucket_more() -> None:
    """
    All 10,001 of them.
    """
    assert [reached(hundredths / 100) for hundredths in range(10_001)] == list(range(10_001))


@cache
def on_new_by_weight() -> list[int]:
    """
    How many of a million keys are on new, by the weight in hundredths of a percent.
    """
    counts = [0] * BUCKETS
    for number in range(KEYS):
        counts[bucket(b"parallax", b"user-%d" % number)] += 1
    return [0, *accumulate(counts)]


@pytest.mark.parametrize("weight", [0.01, 1.0, 37.0, 100.0])
def test_of_a_million_keys_as_many_are_on_new_as_the_weight_says(weight: float) -> None:
    """
    Within what chance allows: four standard deviations of a binomial distribution.
    """
    share = weight / 100
    found = on_new_by_weight()[reached(weight)]

    assert abs(found - KEYS * share) <= 4 * sqrt(KEYS * share * (1 - share))
