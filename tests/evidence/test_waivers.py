"""
Waivers: until when, and which count.
"""

from datetime import UTC, datetime

import pytest

from proxy.compare.difference import Kind
from proxy.evidence.waivers import Waiver, in_force, parse_until, timestamp_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-12-24", "2026-12-25T00:00:00Z"),
        ("2026-11-22", "2026-11-23T00:00:00Z"),
        ("2026-12-24T12:00:00Z", "2026-12-24T12:00:00Z"),
        ("2026-12-24T12:00:00+02:00", "2026-12-24T10:00:00Z"),
    ],
)
def test_a_date_is_its_end_and_a_time_is_itself(text: str, until: str) -> None:
    """
    In UTC.
    """
    assert timestamp_of(parse_until(text, NOW)) == until


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "is no date"),
        (5, "is no date"),
        ("soon", "is no date"),
        ("2026-02-30", "is no date"),
        ("9999-12-31", "is no date"),
        ("2026-12-25T11:00:00", "has no zone"),
        ("2026-11-21", "is over already"),
        ("2028-01-01", "more than a year"),
    ],
)
def test_what_is_no_end_is_refused_in_words(value: object, says: str) -> None:
    """
    With the remedy, and without what was sent.
    """
    with pytest.raises(ValueError, match=says) as raised:
        parse_until(value, NOW)

    assert not isinstance(value, str) or value not in str(raised.value)


def test_of_one_signature_the_last_waiver_counts() -> None:
    """
    Those that are over or removed don't.
    """
    made = [
        Waiver(
            id=number,
            signature=signature,
            endpoint="",
            parts=(("$", Kind.BODY),),
            until=until,
            reason="",
            by="",
            removed=gone,
        )
        for number, (signature, until, gone) in enumerate(
            [("a", 5.0, None), ("a", 9.0, None), ("b", 5.0, None), ("c", 9.0, "then")]
        )
    ]

    assert {name: one.id for name, one in in_force(made, 4).items()} == {"a": 1, "b": 2}
    assert {name: one.id for name, one in in_force(made, 6).items()} == {"a": 1}
    assert in_force(made, 9) == {}
