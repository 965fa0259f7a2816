"""
What a change may look like, and that refusals say why without repeating it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.body import LARGEST, BadBody, parse_change

SECRET = "s3cr3t"


def said(body: bytes) -> str:
    with pytest.raises(BadBody) as caught:
        parse_change(body)
    return str(caught.value)


def test_an_object_is_taken_as_it_is() -> None:
    """
    Types stay: what a value means is somebody else's question.
    """
    assert parse_change(b' {"new": 25, "mirror": 0.5, "reason": "\xc3\xa9\\u00e9", "deep": {"a": [1, null]}}\r\n') == {
        "new": 25,
        "mirror": 0.5,
        "reason": "éé",
        "deep": {"a": [1, None]},
    }  # fmt: skip
    assert parse_change(b'{"n": 123456789012345678901234567890}') == {"n": 123456789012345678901234567890}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "the body is empty; "),
        (b" \n", "the body is empty; "),
        (b'{"reason": "s3cr3t"', "the body is no JSON (line 1, column "),
        (b'{"a": 1}\n{"s3cr3t": 1}', "the body is no JSON (line 2, column 1); "),
        (b"reason=s3cr3t&new=100", "the body is no JSON (line 1, column 1); "),
        (b'{"a": NaN}', "the body is no JSON"),
        (b'{"a": 1e999}', "the body is no JSON"),
        (b'{"a": "\\ud800"}', "the body is no JSON"),
        (b'{"a": "\xff"}', "the body is no JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "the body is no JSON"),
        ('{"a": 1}'.encode("utf-16"), "the body is no JSON"),
        (b"[1]", "the body is JSON, but no object; "),
        (b'"s3cr3t"', "the body is JSON, but no object; "),
        (b"null", "the body is JSON, but no object; "),
        (b'{"s3cr3t": 1, "s3cr3t": 2}', "the body has a key twice"),
        (b'{"a": {"s3cr3t": 1, "s3cr3\\u0074": 2}}', "the body has a key twice"),
        (b"[" * LARGEST, "the body is no JSON"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "the body is nested too deeply; "),
        (b'{"a": ' + b"9" * 60_000 + b"}", "the body "),
    ],
)
def test_anything_else_is_refused_in_words_that_repeat_nothing(body: bytes, expected: str) -> None:
    """
    Where it is, as line and column, and what would be right.
    """
    sentence = said(body)

    assert sentence.startswith(expected)
    assert SECRET not in sentence


@given(st.binary(max_size=200))
def test_whatever_comes_is_an_object_or_refused(body: bytes) -> None:
    """
    Nothing else is ever raised.
    """
    try:
        value = parse_change(body)
    except BadBody:
        return
    assert isinstance(value, dict)
