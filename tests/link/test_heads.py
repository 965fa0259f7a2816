"""
The answers of a pair are what its heads and contents say, whether those were met before or not.
"""

import orjson
import pytest

from proxy.compare.answer import Answer, Cut
from proxy.errors import LinkError
from proxy.link.heads import LONGEST, REMEMBERED, Heads
from proxy.link.pairs import NEW_CUT, OLD_CUT, PairMessage, pack_cut


def head(**said: object) -> bytes:
    """
    One side's head.
    """
    return orjson.dumps({"status": 200, "fields": [["etag", "1"]], "media": "text/plain", "coding": "", **said})


def pair(old: bytes, new: bytes, *contents: bytes, flags: int = 0) -> PairMessage:
    """
    A pair with these heads.
    """
    ours, theirs = contents or (b"a", b"b")
    return PairMessage(1, flags, b"GET /", b"", b"{}", old, ours, new, theirs)


def test_each_side_has_its_own_head_and_content() -> None:
    """
    Also when both heads are the same, and when they come again.
    """
    heads = Heads()
    old, new = Answer(200, (("etag", "1"),), "text/plain", "", b"a"), Answer(500, (), "", "gzip", b"b")
    for _ in range(2):
        made = heads.answers(pair(head(), head(status=500, fields=[], media="", coding="gzip")))
        assert made == (old, new)
        assert heads.answers(pair(head(), head())) == (old, old._replace(content=b"b"))
        assert heads.answers(pair(head(status=500, fields=[], media="", coding="gzip"), head()))[1].status == 200


def test_a_content_that_was_too_long_is_its_length_and_digest() -> None:
    """
    On the side whose flag says so.
    """
    cut = pack_cut(2**30, b"d" * 32)
    one, other = Heads().answers(pair(head(), head(), cut, b"b", flags=OLD_CUT))
    assert (one.content, other.content) == (Cut(length=2**30, digest=b"d" * 32), b"b")
    one, other = Heads().answers(pair(head(), head(), cut, cut, flags=NEW_CUT))
    assert (one.content, other.content) == (cut, Cut(length=2**30, digest=b"d" * 32))


def test_heads_are_not_remembered_without_end() -> None:
    """
    Neither many nor long ones; they are read all the same.
    """
    heads = Heads()
    for number in range(2 * REMEMBERED):
        assert heads.answers(pair(head(media=str(number)), head()))[0].media == str(number)
    assert heads.answers(pair(head(media="x" * LONGEST), head()))[0].media == "x" * LONGEST


@pytest.mark.parametrize("broken", [b"", b"[]", b"{}", head(fields=7)])
def test_a_head_of_another_shape_is_refused(broken: bytes) -> None:
    """
    On either side.
    """
    for one in (pair(broken, head()), pair(head(), broken)):
        with pytest.raises((KeyError, TypeError, LinkError)):
            Heads().answers(one)
