"""
Codings undone, within bounds.
"""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.decode import MOST_CODINGS, MOST_MEMBERS, TooLarge, Undecodable, codings, decode
from tests.parts.judged import PACKERS

WHOLE = sorted(name for name in PACKERS if not name.endswith(("-cut", "-more")))
LIMIT = 1000


@given(st.binary(max_size=200), st.lists(st.sampled_from(WHOLE), max_size=MOST_CODINGS))
def test_codings_are_undone_in_the_order_they_were_applied(content: bytes, names: list[str]) -> None:
    """
    Any of them, several times too.
    """
    applied, packed = [], content
    for name in names:
        coding, pack = PACKERS[name]
        packed = pack(packed)
        applied.append(coding)

    assert decode(packed, ", ".join(applied), 10_000) == content


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip", "x", ",gzip,,"]))
def test_garbage_is_undecodable_and_nothing_else(content: bytes, coding: str) -> None:
    """
    Never another exception.
    """
    try:
        decoded = decode(content, coding, LIMIT)
    except (Undecodable, TooLarge):
        return
    assert len(decoded) <= LIMIT


@pytest.mark.parametrize("name", WHOLE)
def test_the_limit_is_exact(name: str) -> None:
    """
    So many bytes and none more.
    """
    coding, pack = PACKERS[name]

    assert decode(pack(bytes(LIMIT)), coding, LIMIT) == bytes(LIMIT)
    with pytest.raises(TooLarge):
        decode(pack(bytes(LIMIT + 1)), coding, LIMIT)


@pytest.mark.parametrize("coding", ["", "identity", "identity, identity"])
def test_content_without_a_coding_has_the_limit_too(coding: str) -> None:
    """
    And is as it is.
    """
    assert decode(b"ab", coding, 2) == b"ab"
    with pytest.raises(TooLarge):
        decode(b"abc", coding, 2)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, zstd"])
def test_nothing_in_a_coding_is_nothing(coding: str) -> None:
    """
    As in an answer to HEAD.
    """
    assert decode(b"", coding, LIMIT) == b""


@pytest.mark.parametrize("name", ["gzip-cut", "br-cut", "zstd-cut", "deflate-more"])
def test_content_that_breaks_off_or_goes_on_is_undecodable(name: str) -> None:
    """
    A client would see an error too, or something else than we.
    """
    coding, pack = PACKERS[name]

    with pytest.raises(Undecodable):
        decode(pack(b"some content"), coding, LIMIT)


def test_members_and_what_may_follow_them_are_bounded() -> None:
    """
    Zeros after the last one are filling.
    """
    member = gzip.compress(b"a", mtime=0)

    assert decode(member * MOST_MEMBERS + bytes(100), "gzip", LIMIT) == b"a" * MOST_MEMBERS
    with pytest.raises(Undecodable, match="more than"):
        decode(member * (MOST_MEMBERS + 1), "gzip", LIMIT)
    with pytest.raises(TooLarge):
        decode(gzip.compress(bytes(LIMIT - 1)) + gzip.compress(b"ab"), "gzip", LIMIT)


def test_what_is_said_of_codings_is_read_as_a_list() -> None:
    """
    Without regard to case, and without identity.
    """
    assert codings(" GZip , identity,br,, ") == ["gzip", "br"]
    with pytest.raises(Undecodable, match="unknown"):
        decode(b"a", "compress", LIMIT)
    with pytest.raises(Undecodable, match="on top of each other"):
        decode(zlib.compress(b"a"), ", ".join(["deflate"] * (MOST_CODINGS + 1)), LIMIT)
