"""
Secrets where they are: in the environment and in files.
"""

from pathlib import Path

import pytest

from proxy.references import LARGEST, Unreadable, is_reference, look_up, resolve


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env:TOKEN", True),
        ("file:secrets/token", True),
        ("file:/etc/token", True),
        ("env:", False),
        ("file", False),
        ("https://example.org", False),
        ("mailto://a@example.org", False),
        ("environment:X", False),
    ],
)
def test_what_names_a_place_is_told_from_what_is_a_value(text: str, expected: bool) -> None:
    """
    No URL is taken for a place.
    """
    assert is_reference(text) is expected


def test_a_value_is_read_where_it_is(tmp_path: Path) -> None:
    """
    Without the line end that editors leave in files; what is written out is itself.
    """
    (tmp_path / "token").write_text(" from a file\n")

    assert look_up("env:TOKEN", tmp_path, {"TOKEN": "from a variable"}) == "from a variable"
    assert look_up("file:token", tmp_path, {}) == "from a file"
    assert look_up(f"file:{tmp_path}/token", Path("/"), {}) == "from a file"
    assert resolve("written out", tmp_path, {}) == "written out"
    assert resolve("env:TOKEN", tmp_path, {"TOKEN": "x"}) == "x"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:GONE", "there is no such environment variable; set it for parallax serve"),
        ("file:gone", "can't be read (no such file or directory); write the path of a file"),
        ("file:.", "can't be read (is a directory); write the path of a file"),
        ("file:a\0b", "can't be read (unreadable); write the path of a file"),
        ("file:large", f"is longer than {LARGEST:,} characters"),
        ("env:LARGE", f"is longer than {LARGEST:,} characters"),
    ],
)
def test_why_a_value_cannot_be_had_never_tells_one(reference: str, why: str, tmp_path: Path) -> None:
    """
    The place is named by who asks for several.
    """
    (tmp_path / "large").write_text("secret" * 2000)
    environment = {"LARGE": "secret" * 2000}

    with pytest.raises(Unreadable) as raised:
        look_up(reference, tmp_path, environment)
    with pytest.raises(Unreadable) as named:
        resolve(reference, tmp_path, environment)

    assert str(raised.value) == why
    assert str(named.value) == f"{reference}: {why}"
