"""
Pairs and verdicts as bytes: whatever was packed comes out again, however it was cut.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LinkError
from proxy.link.pairs import (
    HEADER,
    SMALL,
    PairMessage,
    PairReader,
    Verdict,
    VerdictReader,
    pack_cut,
    pack_pair,
    pack_verdicts,
    parse_cut,
    parse_head,
)

PART = st.binary(max_size=40)
PAIRS = st.lists(
    st.builds(PairMessage, st.integers(0, 2**64 - 1), st.integers(0, 31), PART, PART, PART, PART, PART, PART, PART),
    max_size=5,
)
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=30)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """
    The same bytes in pieces of these sizes, over and over.
    """
    pieces: list[bytes] = []
    while data:
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@given(PAIRS, CUTS)
def test_pairs_come_out_as_they_went_in(pairs: list[PairMessage], cuts: list[int]) -> None:
    """
    However the bytes were cut.
    """
    data = b"".join(piece for pair in pairs for piece in pack_pair(pair))
    reader = PairReader()

    assert [pair for piece in cut(data, cuts) for pair in reader.feed(piece)] == pairs


def test_large_contents_are_not_copied() -> None:
    """
    The very bytes that were given are among the pieces.
    """
    content = b"x" * SMALL
    pieces = pack_pair(PairMessage(1, 0, b"GET /", b"", b"{}", b"{}", content, b"{}", b""))

    assert any(piece is content for piece in pieces)
    assert [pair.old_content for pair in PairReader().feed(b"".join(pieces))] == [content]


@pytest.mark.parametrize(
    "header", [HEADER.pack(2**32 - 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), HEADER.pack(41, 1, 0, 1, 1, 1, 1, 1, 1, 1)]
)
def test_lengths_that_do_not_add_up_are_refused(header: bytes) -> None:
    """
    Before anything is waited for.
    """
    with pytest.raises(LinkError):
        list(PairReader().feed(header))


@given(st.lists(st.builds(Verdict, *[st.integers(0, 255)] * 6)), CUTS)
def test_verdicts_come_out_as_they_went_in(verdicts: list[Verdict], cuts: list[int]) -> None:
    """
    However the bytes were cut.
    """
    reader = VerdictReader()

    assert [one for piece in cut(pack_verdicts(verdicts), cuts) for one in reader.feed(piece)] == verdicts


def test_a_cut_content_is_its_length_and_digest() -> None:
    """
    Of whatever length.
    """
    assert parse_cut(pack_cut(2**40, b"d" * 32)) == (2**40, b"d" * 32)


@pytest.mark.parametrize("head", [b"", b"[]", b"{"])
def test_a_head_is_an_object(head: bytes) -> None:
    """
    Nothing else.
    """
    with pytest.raises(LinkError):
        parse_head(head)
