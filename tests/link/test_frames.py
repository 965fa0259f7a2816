"""
Frames survive whatever the socket does to them.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LinkError
from proxy.link.frames import HEADER, LARGEST, Frame, FrameReader, Kind, pack

FRAMES = st.lists(
    st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=8
)


@given(frames=FRAMES, cuts=st.lists(st.integers(0, 3000)))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(frames: list[Frame], cuts: list[int]) -> None:
    """
    A link is a stream; the reader finds the frames again.
    """
    stream = b"".join(pack(frame.kind, frame.payload, frame.incarnation) for frame in frames)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader()

    read = [frame for start, end in pairwise(edges) for frame in reader.feed(stream[start:end])]

    assert read == frames


def test_byte_by_byte_is_the_same() -> None:
    """
    The worst cut there is.
    """
    stream = pack(Kind.READY, b"abc", 7) + pack(Kind.STOP)
    reader = FrameReader()

    read = [frame for byte in stream for frame in reader.feed(bytes([byte]))]

    assert read == [Frame(Kind.READY, 7, b"abc"), Frame(Kind.STOP, 0, b"")]


def test_an_unfinished_frame_is_kept_for_later() -> None:
    """
    Trailing bytes are the beginning of the next frame.
    """
    reader = FrameReader()

    first = reader.feed(pack(Kind.CLOSING) + pack(Kind.STOP)[:5])
    second = reader.feed(pack(Kind.STOP)[5:])

    assert [frame.kind for frame in first] == [Kind.CLOSING]
    assert [frame.kind for frame in second] == [Kind.STOP]


@pytest.mark.parametrize("kind", [0, 99, 255])
def test_an_unknown_kind_is_an_error(kind: int) -> None:
    """
    A process of another version, or garbage.
    """
    with pytest.raises(LinkError, match="unknown"):
        FrameReader().feed(HEADER.pack(0, kind, 0))


def test_an_impossible_length_is_refused_before_anything_is_buffered_for_it() -> None:
    """
    The header alone is enough to refuse.
    """
    with pytest.raises(LinkError, match="limit"):
        FrameReader().feed(HEADER.pack(LARGEST + 1, Kind.TABLE, 0))
