"""
Rules as they are written: what is wrong with one, and what is meant by it.
"""

from typing import Any

import pytest

from proxy.settings.rules import PARSERS


@pytest.mark.parametrize(
    ("does", "written", "said"),
    [
        (
            "times",
            {"path": "$.at", "whithin": 1},
            "has no within and whithin doesn't belong here; write {path: $.created",
        ),
        ("times", {"path": "$.at"}, "has no within; write {path: $.created_at, within: 2}"),
        ("times", {"path": "$.at", "within": 1, "abs": 1}, "abs doesn't belong here; write"),
        ("times", {"path": "$.at", "within": "1 week"}, "'1 week' is no duration; write seconds, or a number with ms"),
        ("times", {"path": "$.at", "within": -1}, "within: -1 is no tolerance; write"),
        (
            "arrays",
            {"path": "$.a", "as": "set", "key": "id"},
            "says both as and key, where elements are matched by one",
        ),
        ("arrays", {"path": "$.a"}, "says neither how nor by which key elements are matched; write"),
        ("arrays", {"path": "$.a", "as": "list"}, "as: 'list' is no way to match elements; write"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(does: str, written: dict[str, Any], said: str) -> None:
    """
    A misspelt key by its name too.
    """
    with pytest.raises(ValueError, match="; write") as raised:
        PARSERS[does](written)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(("written", "seconds"), [(2, 2), (0.5, 0.5), ("2", 2.0), ("500ms", 0.5), ("1h", 3600.0)])
def test_a_tolerance_of_time_is_a_duration_as_everywhere(written: object, seconds: float) -> None:
    """
    Seconds, or a number with a unit.
    """
    assert PARSERS["times"]({"path": "$.at", "within": written}).given == {"within": seconds}
