"""
A set of keys has what its file lists, however long that is.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.keyset import LINES, KeySet

KEYS = st.binary(min_size=1, max_size=20).filter(lambda key: b"\n" not in key and key == key.strip())


def filled(data: bytes) -> KeySet:
    """
    The keys of a file.
    """
    keys = KeySet()
    for _ in keys.fill(data):
        pass
    return keys


@given(st.sets(KEYS), st.sets(KEYS), st.sampled_from([b"\n", b"\r\n", b" \n\n"]))
def test_a_set_has_what_is_listed_and_nothing_else(listed: set[bytes], others: set[bytes], end: bytes) -> None:
    """
    One a line, without the space around it; empty lines are none.
    """
    keys = filled(end.join(listed))

    assert all(key in keys for key in listed)
    assert not any(key in keys for key in others - listed)
    assert b"" not in keys


def test_a_byte_order_mark_is_no_part_of_a_key() -> None:
    """
    Spreadsheets write it.
    """
    keys = filled(b"\xef\xbb\xbfann\r\nbob\r\n")

    assert (b"ann" in keys, b"bob" in keys, len(keys)) == (True, True, 2)


def test_many_keys_are_taken_in_small_steps() -> None:
    """
    So that somebody else gets a turn; until it is over nobody is listed.
    """
    data = b"".join(b"user-%d\n" % number for number in range(20_000))
    keys = KeySet()
    steps = 0
    for _ in keys.fill(data):
        steps += 1
        assert b"user-7" not in keys

    assert steps > 20_000 // LINES
    assert all(b"user-%d" % number in keys for number in range(20_000))
    assert not any(b"user-%d" % number in keys for number in range(20_000, 40_000))
