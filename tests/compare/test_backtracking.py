"""
Expressions that can take exponential time are told from those that can't.
"""

import re
from time import process_time

import pytest

from proxy.compare.backtracking import may_explode

# Each with a text that it fails on in exponential time.
SLOW = [
    (r"(a+)+b", "a", "!"),
    (r"(a*)*b", "a", "!"),
    (r"(a|a)*$", "a", "!"),
    (r"(a|aa)+$", "a", "!"),
    (r"(\w|\d\d)+x", "1", "!"),
    (r"(\d\d?)*z", "1", "!"),
    (r"(\w+\s?)*!", "a", "."),
    (r"(.*)*x", "a", "!"),
    (r"((a+)b?)+$", "a", "!"),
    (r"(\w\d|\d\w)+$", "11", "!"),
    (r"(a+?)+$", "a", "!"),
    (r"((ab)*|(ab)+)*$", "ab", "!"),
    (r"(?:a{1,50}){1,50}$", "a", "!"),
    (r"(x+x+)+y", "x", "!"),
    (r"(?i:(A+)+)b", "a", "!"),
    (r"b?((c+)*a?)*d", "c", "!"),
    (r"(?=(a+)+b)a", "a", "!"),
]
QUICK = [
    r"", r"req-[0-9]+", r"^/v[12]/", r"[a-z]+@[a-z]+", r"(\d+,)*\d+", r"(,\d{1,3})*", r"(/[^/]+)*", r"(\w\s)*",
    r"(a?b)*",
    r"([0-9a-f]{2}:){5}[0-9a-f]{2}", r"(?:[A-Z][a-z]+ )*x", r"(foo|bar)+", r"(foo|fab)+", r"(ab|[a-z]c)+",
    r"(?:a|b|c)*",
    r"(a++)+b", r"(?>a+)+", r"(a+){2}", r"(\d{3})+", r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z", r"(?=a+)*b",
    r'"([^"\\]|\\.)*"', r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}", r"(a)(\1+,)?",
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "again", "end"), SLOW)
def test_those_that_explode_are_found(pattern: str, again: str, end: str) -> None:
    """
    And they do: with a few letters more, several times as long.
    """
    assert may_explode(pattern)
    compiled = re.compile(pattern)

    def seconds(times: int) -> float:
        began = process_time()
        compiled.match(again * times + end)
        return process_time() - began

    times = 4
    while seconds(times) < 0.002:
        times += 1
    assert times < 40


@pytest.mark.parametrize("pattern", QUICK)
def test_those_that_do_not_are_not_accused(pattern: str) -> None:
    """
    Where something marks the end of each pass, there is one way only.
    """
    assert not may_explode(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" + "".join(f"(?:{one}x?|{one}{one}y?|z)" for one in "abcdefghij") * 4 + ")*",
        "(?:a?|b?){60}c",
        "(?:a?b?c?d?){90}",
    ],
)
def test_what_cannot_be_told_in_so_many_steps_is_not_told(pattern: str) -> None:
    """
    Looking ends by itself, and nobody is accused.
    """
    assert not may_explode(pattern)
