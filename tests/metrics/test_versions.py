"""
Which versions answer is known from their answers, within bounds, and forgotten when they are gone.
"""

import pytest

from proxy.metrics.versions import KEPT, LONGEST, Versions, in_service, name_in, version_of
from tests.parts.plane import GET, NEW, OLD, data_plane

NOW = 1000.0
Seen = list[tuple[dict[str, float], dict[str, float]]]


@pytest.mark.parametrize(("declared", "name"), [("header:X-Version", b"x-version"), ("2.4.1", b""), ("", b"")])
def test_a_field_is_declared_by_its_name(declared: str, name: bytes) -> None:
    """
    In any case of letters.
    """
    assert name_in(declared) == name


def test_a_value_is_shown_without_what_could_mean_something_else() -> None:
    """
    And never at any length.
    """
    assert version_of(b"v2.4.1+build_7") == "v2.4.1+build_7"
    assert version_of(b"<b>1\xff \x1b[0m") == "_b_1____0m"
    assert version_of(b"x" * 1000) == "x" * LONGEST


def test_of_too_many_versions_the_last_are_kept() -> None:
    """
    A field that differs with each answer fills nothing.
    """
    seen = Versions()
    for number in range(100):
        seen.note(NEW, str(number), NOW + number)
    seen.note(NEW, "92", NOW + 200)

    old, new = seen.snapshot()
    assert old == {}
    assert set(new) == {str(number) for number in range(100 - KEPT, 100)}
    assert new["92"] == NOW + 200


def test_versions_in_service_are_those_of_the_last_minute_or_as_declared() -> None:
    """
    Whichever worker saw them.
    """
    seen: Seen = [({"1": NOW}, {"7": NOW - 59, "6": NOW - 61}), ({}, {"8": NOW})]

    def shown(old: str, seen: Seen) -> list[set[str]]:
        return [set(one) for one in in_service((old, "header:v"), seen, NOW)]

    assert shown("header:v", seen) == [{"1"}, {"7", "8"}]
    assert shown("1.0", seen) == [{"1.0"}, {"7", "8"}]
    assert shown("", []) == [set(), set()]


def test_workers_note_what_answers_say_live_or_not() -> None:
    """
    Each side by its own field, however it is written; an empty value says nothing.
    """
    sides = {
        "old": {"url": "http://127.0.0.1:9001", "version": "header:X-Old"},
        "new": {"url": "http://127.0.0.1:9002", "version": "header:X-New"},
    }
    with data_plane(**sides) as data:
        for old_says, new_says in ((b"x-old: 1\r\nX-New: 7", b"X-NEW:  8 "), (b"X-Old:", b"X-Other: 9")):
            old, new = data.both(OLD)
            data.client = data.a_client()
            data.client.feed(GET)
            for leg, says in ((old, old_says), (new, new_says)):
                leg.feed(b"HTTP/1.1 200 OK\r\n" + says + b"\r\nContent-Length: 0\r\n\r\n")

        assert [set(seen) for seen in data.plane.versions.snapshot()] == [{"1"}, {"8"}]


def test_nothing_is_noted_unless_it_was_asked_for() -> None:
    """
    Answers aren't even looked at.
    """
    with data_plane() as data:
        old, new = data.both(OLD)
        data.client.feed(GET)
        for leg in (old, new):
            leg.feed(b"HTTP/1.1 200 OK\r\nX-Version: 1\r\nContent-Length: 0\r\n\r\n")

        assert data.plane.versions.snapshot() == [{}, {}]
