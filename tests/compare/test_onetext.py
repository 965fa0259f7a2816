"""
Bodies of which one text differs: the short way says what the long one does, or nothing.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.difference import Steps
from proxy.compare.judge import judge
from proxy.compare.onetext import MARK, find_one_text
from proxy.compare.rules import Rule
from tests.parts.judged import answer, book

# Short ones, so that they are met again within others, and as names.
TEXTS = st.one_of(st.sampled_from(["", "a", "b", "ab", ",", ":", "[", '"', "\\", "é", "12"]), st.text(max_size=4))
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(-9, 10**20), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
RULES = [
    Rule(does="ignore", where="$.a"),
    Rule(does="case", where="$..b"),
    Rule(does="arrays", where="$..a", given={"as": "set"}),
    Rule(does="ignore_values", given={"pattern": "[a-z]*"}),
    Rule(does="whitespace", where="$[*]"),
]


def texts_in(value: Any, steps: Steps = ()) -> list[Steps]:
    """
    The places of all texts that are values.
    """
    if isinstance(value, str):
        return [steps]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, child in children for place in texts_in(child, (*steps, step))]


def put(value: Any, steps: Steps, text: str) -> Any:
    """
    The value with another text at a place.
    """
    if not steps:
        return text
    copy = value.copy()
    copy[steps[0]] = put(value[steps[0]], steps[1:], text)
    return copy


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('{"a":"x"}', '{"a":"y"}', (("a",), "x", "y")),
        ('{"a":""}', '{"a":"y"}', (("a",), "", "y")),
        ('{"a":[1,{"b": "10:17"}],"c":1}', '{"a":[1,{"b": "10:18"}],"c":1}', (("a", 1, "b"), "10:17", "10:18")),
        ('["same","ésame"]', '["same","ésome"]', ((1,), "ésame", "ésome")),
        ('["same","same"]', '["same","some"]', ((1,), "same", "some")),
        # Around it may be what only a careful reader keeps.
        ('[1e999,"x",{"a":1,"a":2}]'.replace("1e999", "12345678901234567890123"),
         '[1e999,"y",{"a":1,"a":2}]'.replace("1e999", "12345678901234567890123"), ((1,), "x", "y")),
        # Names, numbers, and more than one.
        ('{"a":"x"}', '{"b":"x"}', None),
        ('{"a":"x","b":1}', '{"a":"x","b":2}', None),
        ('[",",12,"x"]', '[",",13,"x"]', None),
        ('["a","b"]', '["b","a"]', None),
        ('["a","b"]', '["a","b","c"]', None),
        # A member that counts for nothing, as a later one has its name.
        ('{"a":"x","a":"z"}', '{"a":"y","a":"z"}', None),
        # What stands for something else, or is none of JSON.
        (r'["\u0061"]', r'["\u0062"]', None),
        (r'["x\"a"]', r'["x\"b"]', None),
        ('["a"', '["b"', None),
        ('["a\nc"]', '["b\nc"]', None),
        ('"a"', '"b"', None),
        ("", "x", None),
        (f'["{MARK}","a"]', f'["{MARK}","b"]', None),
    ],
)  # fmt: skip
def test_the_one_text_that_differs_is_found(old: str, new: str, found: object) -> None:
    """
    With its place and both its values; anything else is left to those who read all of it.
    """
    assert find_one_text(old.encode(), new.encode()) == found


def test_what_is_no_utf_8_is_left_alone() -> None:
    """
    On either side.
    """
    assert find_one_text(b'["a\xff"]', b'["b\xff"]') is None
    assert find_one_text(b'["a"]', b'["\xff"]') is None


@given(VALUES, TEXTS, st.data())
def test_the_short_way_says_what_the_long_one_does(value: Any, text: str, data: st.DataObject) -> None:
    """
    Whatever lies around the text, and whatever rules say: a survey takes the long way.
    """
    places = texts_in(value)
    other = put(value, data.draw(st.sampled_from(places)), text) if places else value
    rules = data.draw(st.lists(st.sampled_from(RULES), max_size=2, unique_by=lambda rule: rule.does))
    ascii_only = data.draw(st.booleans())
    old, new = (answer(json.dumps(one, ensure_ascii=ascii_only)) for one in (value, other))

    short, long = judge(old, new, book(*rules)), judge(old, new, book(*rules), surveyed=True)
    assert short == long._replace(survey=None)
