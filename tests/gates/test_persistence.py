"""
Tests of patience with sources that say yes or no.
"""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.persistence import Look, Looks, Persistence, looked, persisted

SPEC = Persistence(pass_of=(3, 4), fail_of=(2, 5), errors=3)
LETTERS: dict[str, Look] = {"g": "good", "b": "bad", "n": "no data", "e": "error"}


def after(looks: str) -> Looks:
    """
    These looks, by their letters, the newest last.
    """
    found = Looks()
    for letter in looks:
        found = looked(SPEC, found, LETTERS[letter])
        found = Looks.from_values(json.loads(json.dumps(asdict(found))))
    return found


@pytest.mark.parametrize(
    ("looks", "result"),
    [
        ("", "inconclusive"),
        ("gg", "inconclusive"),
        ("ggg", "pass"),
        ("gbgg", "pass"),
        ("gggn", "inconclusive"),  # nothing passes without data
        ("gggng", "pass"),
        ("nnnn", "inconclusive"),
        ("gggb", "pass"),
        ("bgggb", "fail"),
        ("bggggb", "pass"),  # the first bad one is out of the last five
        ("ggge", "inconclusive"),  # nothing passes on an error
        ("gggeg", "pass"),
        ("gggee", "inconclusive"),
        ("gggeee", "error"),
        ("eee", "error"),
        ("eeeg", "inconclusive"),
        ("bbeee", "fail"),
    ],
)
def test_so_many_of_the_last(looks: str, result: str) -> None:
    """
    Bad ones outweigh errors, and both outweigh good ones.
    """
    assert persisted(SPEC, after(looks)).result == result


@given(st.text("gbne", max_size=12))
def test_what_is_missing_is_what_passes(looks: str) -> None:
    """
    So many more good ones in a row pass, and one fewer doesn't, unless bad ones have failed it.
    """
    missing = persisted(SPEC, after(looks)).missing
    if missing:
        assert persisted(SPEC, after(looks + "g" * missing)).result in {"pass", "fail"}
        assert persisted(SPEC, after(looks + "g" * (missing - 1))).result != "pass"


@given(st.text("gbne", max_size=40))
def test_little_is_kept(looks: str) -> None:
    """
    No more than the longer of the two windows.
    """
    assert len(after(looks).recent) <= 5
