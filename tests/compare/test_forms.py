"""
Values that count as equal though they differ.
"""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.forms import (
    FORM_NAMES,
    LONGEST_REWRITTEN,
    both_of,
    number,
    rewriting,
    seconds_of,
    single_spaced,
    times_within,
    within,
    without_origin,
)

ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=40) | st.just([])
) | st.from_regex(r"[0-9]{1,4}([-:/T .][0-9]{1,4}){0,6}(Z|GMT|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True)
MAY = 1714557600.0


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1, Decimal(1)),
        (0.1, Decimal("0.1")),
        (Decimal("1e7000000"), Decimal("1e7000000")),
        ("12.50", Decimal("12.5")),
        ("-1e3", Decimal(-1000)),
        (True, None),
        ("1,5", None),
        (" 1", None),
        ("0x10", None),
        ("NaN", None),
        (float("inf"), None),
        ("1" * 500, None),
        (None, None),
    ],
)
def test_what_a_number_is(value: Any, read: Decimal | None) -> None:
    """
    Or a text that is one.
    """
    assert number(value) == read


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-05-01T10:00:00Z", MAY),
        ("2024-05-01T12:00:00+02:00", MAY),
        ("2024-05-01 10:00:00", MAY),
        ("20240501T100000Z", MAY),
        (" 2024-05-01T10:00:00.000Z ", MAY),
        ("2024-05-01", MAY - 36_000),
        ("Wed, 01 May 2024 10:00:00 GMT", MAY),
        ("Wed, 1 May 2024 12:00:00 +0200", MAY),
        (1714557600, MAY),
        (1714557600000, MAY),
        (1714557600000000, MAY),
        (1714557600000000000, MAY),
        (1714557600.25, MAY + 0.25),
        ("1714557600", MAY),
        (17, None),
        (10**30, None),
        (Decimal("1e9999999"), None),
        (True, None),
        ("soon", None),
        ("0000-00-00T00:00:00Z", None),
        ("2024-05-01T10:00:00Z" * 4, None),
    ],
)
def test_what_a_time_is(value: Any, seconds: float | None) -> None:
    """
    In whatever format, since 1970.
    """
    assert seconds_of(value) == seconds


@given(ANYTHING, ANYTHING)
def test_excuses_never_raise_and_prefer_no_side(old: Any, new: Any) -> None:
    """
    Whatever the two values are.
    """
    excuses = [within(Decimal("0.5"), Decimal(0)), within(Decimal(0), Decimal("0.1")), times_within(2.0)]
    excuses += [both_of(form) for form in FORM_NAMES]

    for excuse in excuses:
        assert excuse(old, new) is excuse(new, old)


@pytest.mark.parametrize(
    ("old", "new", "absolute", "relative", "near"),
    [
        (1, Decimal("1.5"), "0.5", "0", True),
        (1, Decimal("1.51"), "0.5", "0", False),
        (100, 110, "0", "0.1", True),
        (-100, -89, "0", "0.1", False),
        (0.1, 0.3, "0.2", "0", True),
        ("1.0", "1.1", "0.2", "0", True),
        ("1.0", 1.1, "0.2", "0", False),
        (True, 1, "1", "1", False),
        (Decimal("1e9999999"), Decimal("2e9999999"), "1", "1", False),
    ],
)
def test_a_tolerance_is_exact(old: Any, new: Any, absolute: str, relative: str, near: bool) -> None:
    """
    In decimals, as people write it, its ends included.
    """
    assert within(Decimal(absolute), Decimal(relative))(old, new) is near


def test_what_texts_become() -> None:
    """
    Without a URL's origin, with single spaces, and without what is rewritten, unless that is too long.
    """
    long = "a" * (LONGEST_REWRITTEN + 1)
    rewrite = rewriting(re.compile("a"), "b")

    assert without_origin("https://user@example.org:8443/a//b?c=http://x/") == "/a//b?c=http://x/"
    assert without_origin("//example.org") == ""
    assert without_origin("/a://b") == "/a://b"
    assert single_spaced("\t a \u00a0\n b ") == "a b"
    assert rewrite("aa") == "bb"
    assert rewrite(long) == long
