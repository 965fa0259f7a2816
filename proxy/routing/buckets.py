"""
Buckets: who is on new at which weight. Written down as `murmur3-32/utf8/v1`, and never changed during a migration:
another way of counting would move users between the sides.

bucket = MurmurHash3 x86 32 bit, seed 0, unsigned, of `salt:key` in UTF-8, modulo 10,000. A weight of n hundredths of a
percent reaches buckets 0 to n - 1; so whoever is on new stays there while the weight grows, in every process, and at
one weight it is always the same users. Keys are bytes, hashed as they came: equal bytes are equal keys, UTF-8 or not.
Pure.
"""

import mmh3

ALGORITHM = "murmur3-32/utf8/v1"
BUCKETS = 10_000


def bucket(salt: bytes, key: bytes) -> int:
    """
    The bucket of a key, 0 to 9,999.
    """
    return mmh3.hash(salt + b":" + key, 0, False) % BUCKETS


def reached(weight: float) -> int:
    """
    How many buckets are on new at a weight in percent, exact to its two decimals.
    """
    return round(weight * 100.0)


def on_new(bucket: int, weight: float) -> bool:
    """
    Whether a bucket is on new at a weight in percent.
    """
    return bucket < reached(weight)
