"""
Path patterns: what is understood, and what is refused with a remedy.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.difference import write_path
from proxy.compare.paths import ANY, DEEP, DEEPEST, LONGEST, Pattern, parse_path


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$.a.b-c", ("a", "b-c")),
        ("$.größe", ("größe",)),
        ("$['a b']", ("a b",)),
        ('$["a.b"]', ("a.b",)),
        (r"$['it\'s']", ("it's",)),
        (r"$['a\nb\u00e9']", ("a\nbé",)),
        ("$['']", ("",)),
        ("$[0][12]", (0, 12)),
        ("$['0']", ("0",)),
        ("$.items[*].id", ("items", ANY, "id")),
        ("$.*", (ANY,)),
        ("$..id", (DEEP, "id")),
        ("$..*", (DEEP, ANY)),
        ("$..[*]", (DEEP, ANY)),
        ("$..['a b']", (DEEP, "a b")),
        ("$..[0]", (DEEP, 0)),
        ("$.a.**.b", ("a", DEEP, "b")),
        ("$.**", (DEEP,)),
        ("$.**..a", (DEEP, "a")),
    ],
)
def test_a_path_is_read_as_segments(text: str, pattern: Pattern) -> None:
    """
    Names, indices, and what stands for several.
    """
    assert parse_path(text) == pattern


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.b", "does not begin with $; write a path such as $.items[*].id"),
        ("", "does not begin with $"),
        ("$a", "from character 2 on; write .name"),
        ("$.", "from character 3 on; write a name there"),
        ("$.a b", "from character 4 on; write .name"),
        ("$.1a", "from character 3 on; write a name there"),
        ("$[1:2]", "from character 4 on; close it with ]"),
        ("$[-1]", "from character 2 on; write [0], [*] or ['name']"),
        ("$[?@.a]", "filters"),
        ("$['a','b']", "close it with ]"),
        ("$['a", "write [0], [*] or ['name']"),
        ("$[01]", "close it with ]"),
        ("$[9999999999]", "close it with ]"),
        ("$...a", "write a name there"),
        ("$." + "a" * LONGEST, f"write at most {LONGEST}"),
        ("$" + ".a" * (DEEPEST + 1), f"write at most {DEEPEST}"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, said: str) -> None:
    """
    And with what would be right.
    """
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_path(text)


@given(st.lists(st.text(max_size=8) | st.integers(0, 10**8), max_size=8))
def test_every_place_that_is_told_of_can_be_written_as_a_rule(steps: list[str | int]) -> None:
    """
    People copy the paths of differences into their rules.
    """
    told = write_path(tuple(steps))

    assert told.isprintable()
    if len(told) <= LONGEST:
        assert parse_path(told) == tuple(steps)


@given(st.text(max_size=12).map("$".__add__))
def test_anything_else_is_refused_in_no_other_way(text: str) -> None:
    """
    Whatever people write: segments, or a sentence with a remedy.
    """
    said = "; "
    try:
        parse_path(text)
    except ValueError as error:
        said = str(error)
    assert "; " in said
