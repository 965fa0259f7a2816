"""
Patterns with `*` mean what a regular expression would, and cost no more than one look at each byte per piece.
"""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.routing.globs import compile_glob
from proxy.routing.match import Matcher
from proxy.routing.route import Match
from tests.parts.values import a_request


@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=10))
@example("a*a", "a")
@example("ab*ba", "aba")
@example("*ab*ab*", "aab")
@example("**", "")
@example("", "")
def test_a_glob_fits_what_a_regular_expression_would(pattern: str, value: str) -> None:
    """
    The oracle may take its time over values as short as these.
    """
    expected = re.fullmatch(".*".join(re.escape(piece) for piece in pattern.split("*")), value, re.DOTALL)

    assert compile_glob(pattern.encode())(value.encode()) == (expected is not None)


class Searched(bytes):
    """
    A value that notes how much of it was searched.
    """

    looks: list[tuple[int, int]]

    def find(self, piece: bytes, start: int, end: int) -> int:  # type: ignore[override]
        """
        As bytes do, and noted: from where to where was looked.
        """
        found = super().find(piece, start, end)
        self.looks.append((start, end if found < 0 else found))
        return found


@pytest.mark.parametrize("pattern", [b"*a*a*a*a*b*", b"a*a*a*a*a*ab*a", b"*" + b"a*" * 20 + b"c*"])
def test_a_value_is_gone_through_once(pattern: bytes) -> None:
    """
    However many stars there are, no stretch is searched again for another way to share it out.
    """
    value = Searched(b"a" * 8000)
    value.looks = []

    assert not compile_glob(pattern)(value)
    assert len(value.looks) <= pattern.count(b"*")
    assert all(end <= start for (_, end), (start, _) in zip(value.looks, value.looks[1:], strict=False))


SPITEFUL = "a" * 6000


@pytest.mark.parametrize(
    ("match", "target", "fields"),
    [
        (Match(path="/g/*a*a*a*a*a*a*b"), f"/g/{SPITEFUL}", ""),
        (Match(headers=(("x-h", "*a*a*a*a*a*a*b"),)), "/", f"X-H: {SPITEFUL}\r\n"),
        (Match(cookies=(("c", "*a*a*a*a*a*a*b"),)), "/", f"Cookie: c={SPITEFUL}\r\n"),
        (Match(query=(("q", "*a*a*a*a*a*a*b"),)), f"/?q={SPITEFUL}", ""),
    ],
)
def test_no_request_keeps_a_matcher_busy(match: Match, target: str, fields: str) -> None:
    """
    With a regular expression each of these would take longer than the universe has.
    """
    request = a_request(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())

    assert Matcher([match]).find(request) == -1
    assert Matcher([match, Match(path="/**")]).find(request) == 1
