"""
Field names become codes, whatever their spelling, and what only looks like a name doesn't pass.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.fields import (
    COOKIE,
    COOKIE_ALONE,
    DROP,
    HOST,
    LENGTH,
    PLAIN,
    REMEMBERED,
    SIGNIFICANT,
    TRANSFER,
    TYPE,
    Names,
    answer_names,
    request_names,
)
from tests.parts.values import TOKEN


def code(names: Names, line: bytes) -> int:
    """
    As the parsers do it: the memory first.
    """
    found = names.codes.get(line[: line.find(b":") + 1])
    return names.learn(line) if found is None else found


@pytest.mark.parametrize("name", [b"host", b"Host", b"HOST", b"hOsT"])
def test_a_name_means_the_same_in_any_case(name: bytes) -> None:
    """
    RFC 9110 §5.1.
    """
    assert code(request_names(), name + b": a") == HOST


@pytest.mark.parametrize("name", [b"X_Parallax_Shadow", b"x-parallax_DRY-run", b"X_PARALLAX-Force"])
def test_look_alikes_of_our_own_fields_are_dropped(name: bytes) -> None:
    """
    Behind a gateway they would be the real ones; none of them says anything to us.
    """
    assert code(request_names(), name + b": 1") == DROP


@pytest.mark.parametrize("name", [b"X_Request_Id", b"x_parallax_else", b"X-Parallax-Else", b"xparallaxshadow", b"_"])
def test_other_names_with_underscores_are_names(name: bytes) -> None:
    """
    Dropping them all would lose fields of systems that use them.
    """
    assert code(request_names(), name + b": 1") == PLAIN


@given(st.text(TOKEN, min_size=1, max_size=20))
def test_any_token_is_a_name(name: str) -> None:
    """
    Unknown fields are forwarded, so every legal name must have a code; framing has look-alikes, which must not.
    """
    names = request_names()
    letters = "".join(character for character in name.lower() if character.isalpha())
    if letters in ("transferencoding", "contentlength"):
        return

    assert code(names, name.encode() + b": v") == code(names, name.encode() + b":other")


@given(st.binary(max_size=12).filter(lambda name: b":" not in name and name.translate(None, TOKEN.encode())))
def test_what_is_no_token_is_no_name(name: bytes) -> None:
    """
    Spaces, controls, bytes beyond ASCII and separators: refused, and never remembered as a good name.
    """
    names = request_names()
    before = dict(names.codes)

    with pytest.raises(BadMessage) as refused:
        names.learn(name + b": v")

    assert refused.value.status == 400
    assert names.codes == before


@pytest.mark.parametrize("line", [b"", b":", b": v", b"no colon", b"Name : v", b" Name: v", b"\tName: v"])
def test_a_line_that_is_no_field_is_refused(line: bytes) -> None:
    """
    Folded lines and spaces before the colon among them (RFC 9112 §5.1, §5.2).
    """
    with pytest.raises(BadMessage, match="malformed field line"):
        code(request_names(), line)


@pytest.mark.parametrize(
    "name", [b"Transfer_Encoding", b"Transfer-Encoding.", b"content_length", b"Content--Length", b"Content.Length1"]
)
def test_a_look_alike_of_a_framing_field_is_refused(name: bytes) -> None:
    """
    A side that folds `_` and `-` together would read another framing than we do.
    """
    with pytest.raises(BadMessage, match="looks like a framing field"):
        code(request_names(), name + b": 5")


def test_the_memory_for_spellings_is_bounded() -> None:
    """
    A client that makes up names can't make a worker grow; beyond the bound each is looked at anew.
    """
    names = request_names()
    for number in range(REMEMBERED + 500):
        assert names.learn(b"x-%d: v" % number) == PLAIN

    assert len(names.codes) == REMEMBERED
    assert names.learn(b"x-%d: v" % (REMEMBERED + 499)) == PLAIN


def test_a_clients_own_marker_is_never_forwarded() -> None:
    """
    Only Parallax says what is a copy.
    """
    assert code(request_names(), b"X-Parallax-Shadow: 1") == DROP


def test_compared_answer_fields_are_those_named() -> None:
    """
    By name, by prefix, and in any case; others are forwarded and accuse nobody.
    """
    names = answer_names(("etag", "access-control-*"))

    assert code(names, b"ETag: 1") == SIGNIFICANT
    assert code(names, b"Access-Control-Allow-Origin: *") == SIGNIFICANT
    assert code(names, b"Access-Contro: *") == PLAIN
    assert code(names, b"Set-Cookie: a=1") == COOKIE_ALONE


def test_all_fields_can_be_compared() -> None:
    """
    With `*` every field counts, except those that frame the message; of cookies the names do.
    """
    names = answer_names(("*",))

    assert code(names, b"X-Anything: 1") == SIGNIFICANT
    assert code(names, b"Set-Cookie: a=1") == COOKIE
    assert code(names, b"Content-Type: a/b") == TYPE
    assert code(names, b"Content-Length: 1") == LENGTH


def test_naming_a_framing_field_does_not_take_its_meaning() -> None:
    """
    Whoever lists `content-length` among the compared fields doesn't break framing.
    """
    names = answer_names(("content-length", "transfer-encoding"))

    assert code(names, b"content-length: 1") == LENGTH
    assert code(names, b"Transfer-Encoding: chunked") == TRANSFER
