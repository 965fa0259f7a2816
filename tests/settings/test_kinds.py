"""
Sizes, durations, percentages and lists mean what people mean by them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings.kinds import (
    parse_endpoints,
    parse_headers,
    parse_health_path,
    parse_methods,
    parse_percent,
    parse_seconds,
    parse_size,
    parse_token,
    parse_version,
    show_number,
    show_size,
)


@given(st.integers(0, 2**50))
def test_a_size_reads_back_as_it_is_shown(size: int) -> None:
    """
    Whatever unit a size is shown in, nothing is lost.
    """
    assert parse_size(show_size(size)) == size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("65536", 65536),
        ("64 KiB", 65536),
        ("64kib", 65536),
        ("1.5 MiB", 1572864),
        ("2 GB", 2 * 10**9),
        ("7 B", 7),
    ],
)
def test_sizes_have_units(text: str, expected: int) -> None:
    """
    KiB, MiB and GiB count by 1024; kB, MB and GB by 1000.
    """
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "many", "64 Mi", "-1", "1e3", "1.5", "0.0001 KiB", "1 MiB please"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """
    An unknown unit is never guessed, and half a byte is none.
    """
    with pytest.raises(ValueError, match="; write"):
        parse_size(text)


@given(st.integers(0, 10**7).map(lambda thousandths: thousandths / 1000))
def test_seconds_read_back_as_they_are_shown(seconds: float) -> None:
    """
    A duration with up to three decimals survives.
    """
    assert parse_seconds(show_number(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("5", 5), ("5s", 5), ("100ms", 0.1), ("0.5 s", 0.5), ("2m", 120), ("1h", 3600)]
)
def test_durations_have_units(text: str, expected: float) -> None:
    """
    Plain numbers are seconds.
    """
    assert parse_seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("value", ["", "soon", "5 minutes", "-1s", "1S", float("inf"), float("nan")])
def test_what_is_no_duration_is_refused(value: object) -> None:
    """
    YAML's .inf and .nan included: a timer can't be set to them.
    """
    with pytest.raises(ValueError, match="no duration; write"):
        parse_seconds(value)


@pytest.mark.parametrize(("value", "said"), [(-0.1, "0 to 100"), (100.01, "0 to 100"), (12.345, r"write 12\.3[45]$")])
def test_a_percentage_is_within_bounds_and_has_two_decimals(value: float, said: str) -> None:
    """
    More decimals would be promised and not kept: weights have two.
    """
    with pytest.raises(ValueError, match=said):
        parse_percent(value)


@pytest.mark.parametrize("value", [0, 0.01, 33.33, 99.99, 100])
def test_a_percentage_with_two_decimals_is_taken(value: float) -> None:
    """
    Bounds included.
    """
    assert parse_percent(value) == value


def test_compared_headers_are_lower_case_and_once() -> None:
    """
    A list keeps its order.
    """
    assert parse_headers(["Content-Type", "X-Total-*", "content-type"]) == ("content-type", "x-total-*")


@pytest.mark.parametrize("value", ["some", ["a b"], ["*"], ["x-*-y"], [1], {"a": 1}, True])
def test_what_is_no_header_list_is_refused(value: object) -> None:
    """
    A star stands only for the rest of a name.
    """
    with pytest.raises(ValueError, match="write significant, all, or a list"):
        parse_headers(value)


@pytest.mark.parametrize("value", ["GET /a", ["/a"], ["get /a"], ["GET a"], ["GET /a?b"], ["GET /a b"], [None]])
def test_what_is_no_endpoint_is_refused(value: object) -> None:
    """
    An endpoint is a method and a path template, without a query.
    """
    with pytest.raises(ValueError, match="write a list such as"):
        parse_endpoints(value)


def test_a_pseudonym_is_a_token() -> None:
    """
    It goes into Via, where a space or a comma would mean something.
    """
    assert parse_token("parallax-1") == "parallax-1"
    with pytest.raises(ValueError, match="is no name"):
        parse_token("a, b")


def test_methods_are_a_list_of_tokens() -> None:
    """
    Case counts, and a comma is no part of one.
    """
    assert parse_methods(["BAN", "refresh", "BAN"]) == ("BAN", "refresh")
    for wrong in ("BAN", ["BAN,REFRESH"], [1], {"BAN": 1}):
        with pytest.raises(ValueError, match="write a list such as"):
            parse_methods(wrong)


@pytest.mark.parametrize("path", ["/", "/healthz", "/up?deep=1", None])
def test_a_health_path_is_a_path_or_nothing(path: str | None) -> None:
    """
    With a query if there is one; null asks for nothing.
    """
    assert parse_health_path(path) == path


@pytest.mark.parametrize("path", ["", "healthz", "http://a/b", "/a b", "/a\r\nX: y", "/ü", 5, True])
def test_what_would_break_a_check_is_refused(path: object) -> None:
    """
    It is sent as it stands.
    """
    with pytest.raises(ValueError, match="; "):
        parse_health_path(path)


@pytest.mark.parametrize("value", [None, "header:X-Version", "2.4.1", "release/2026-11-22_a+b:7", "x" * 64])
def test_a_version_is_a_field_of_answers_or_given(value: str | None) -> None:
    """
    As it is shown anywhere.
    """
    assert parse_version(value) == value


@pytest.mark.parametrize("value", [1.2, "", "header:", "header:two words", "with spaces", "x" * 65, "<b>"])
def test_what_is_no_version_is_refused(value: object) -> None:
    """
    A number would lose its zeros: 1.10 is not 1.1.
    """
    with pytest.raises(ValueError, match="; write header:NAME"):
        parse_version(value)
