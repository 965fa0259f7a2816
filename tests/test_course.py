"""
A course comes of one table; what the next table leaves as it was goes on, and what it has no use for comes to its end.
"""

import gc
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.course import Course, Reach
from proxy.plane import LEAVING
from proxy.routing.intent import Intent, killed, with_intent
from proxy.routing.table import decode, encode
from tests.parts.plane import GET, OK, Data, data_plane
from tests.parts.values import a_table

PROXY = Path(__file__).parents[1] / "proxy"
MARKER = b"X-Parallax-Shadow: 1\r\n"


@pytest.fixture
def data() -> Iterator[Data]:
    """
    By default: old is live, everything is mirrored.
    """
    with data_plane() as made:
        yield made


def kept(data: Data, **settings: Any) -> list[bool]:
    """
    Which sides are shared with the course before, when these settings change.
    """
    before = data.plane.sides
    data.swap(a_table(**settings))
    return [one is other for one, other in zip(before, data.plane.sides, strict=True)]


# What goes on...


def test_another_intent_changes_nothing_but_the_intent(data: Data) -> None:
    """
    Connections, breakers and the parser's memory are those that were there.
    """
    before = data.plane.course
    data.swap(with_intent(before.table, Intent(epoch=2, new=100.0, mirror=50.0)))

    assert data.plane.course.sides == before.sides
    assert data.plane.course.parser is before.parser
    assert data.plane.pairs.open is before.pairs.open
    assert data.plane.pairs.budget is before.pairs.budget
    assert (data.plane.course.table.weight, data.plane.course.mirror.percent) == (100.0, 50.0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"limits": {"body": 1000}}, [True, True]),
        ({"timeouts": {"keep_alive": "10s"}}, [True, True]),
        ({"mirror": {"max_body": "10 KiB"}}, [True, True]),
        ({"mirror": {"credentials": "strip"}}, [True, True]),
        ({"pseudonym": "else"}, [True, True]),
        ({"new": {"url": "http://127.0.0.1:9003"}}, [True, False]),
        ({"old": {"url": "http://127.0.0.1:9001", "host": "upstream"}}, [False, True]),
        ({"timeouts": {"answer_head": "10s"}}, [False, False]),
        ({"mirror": {"concurrency": 7}}, [False, False]),
        ({"compare": {"headers": "all"}}, [False, False]),
        ({"compare": {"cookies": "attributes"}}, [False, False]),
        ({"limits": {"fields": 10}}, [False, False]),
    ],
)
def test_a_side_goes_on_unless_something_it_is_made_of_changed(
    settings: dict[str, Any], expected: list[bool], data: Data
) -> None:
    """
    What one side is made of is no business of the other.
    """
    assert kept(data, **settings) == expected


@pytest.mark.parametrize(("cookies", "said"), [("names", b"a"), ("attributes", b"a; secure")])
def test_the_configuration_says_what_is_compared_of_cookies(cookies: str, said: bytes, data: Data) -> None:
    """
    Also once the table has travelled.
    """
    data.swap(decode(encode(a_table(compare={"cookies": cookies}))))
    head = data.plane.course.parser.parse(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Secure")

    assert head.significant == [(b"set-cookie:", said)]


def test_nothing_that_a_reach_uses_is_forgotten_when_courses_are_compared() -> None:
    """
    Whoever makes a pool look at another limit or timeout has to name it in `_reaching`, or a reload wouldn't change it.
    """
    course = (PROXY / "course.py").read_text()
    built, compared = course.partition("def _parsing")[::2]
    users = [PROXY / name for name in ("net/pool.py", "net/upstream.py", "wire/body.py", "wire/answer.py")]
    text = built + "".join(path.read_text() for path in users)

    for value in ("limits", "timeouts", "mirror"):
        used = set(re.findall(rf"(?<!proxy\.)\b_?{value}\.(\w+)", text)) - {"max_body", "patient"}
        assert used <= set(re.findall(rf"\b{value}\.(\w+)", compared))
        assert used


def test_the_budget_follows_the_table_and_what_is_held_stays_counted(data: Data) -> None:
    """
    Less than what is held: nothing more is taken until it fits again.
    """
    old, new = data.both()
    data.client.feed(GET)
    held = data.pairs.budget.used
    assert held
    table = data.plane.table
    data.swap(replace(table, mirror=replace(table.mirror, memory_budget=1)))

    assert data.pairs.budget.limit == 1
    assert data.pairs.budget.used == held
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"memory_budget": 1}
    data.settled()


def test_a_pair_keeps_to_the_limit_that_it_began_with(data: Data) -> None:
    """
    The next one keeps to the new.
    """
    old, new = data.both()
    data.client.feed(GET)
    data.swap(a_table(mirror={"max_body": 4}))
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"identical": 1}

    data.client.feed(GET)
    before = data.pairs.budget.used
    old.feed(OK)
    assert data.pairs.budget.used == before
    new.feed(OK)
    assert data.entries() == {"identical": 2}
    data.settled()


# What comes to its end...


def test_an_exchange_ends_on_the_course_that_it_began_on(data: Data) -> None:
    """
    Both sides moved; its answers still come from where it asked, and then those connections are closed.
    """
    spare = data.both()
    old, new = data.both()
    data.client.feed(GET)
    data.swap(a_table(old={"url": "http://127.0.0.1:9003"}, new={"url": "http://127.0.0.1:9004"}))
    moved = data.both()
    assert [transport.closed for transport in (*spare, old, new)] == [True, True, False, False]

    old.feed(OK)
    new.feed(OK)
    assert data.client.taken().endswith(b"hello")
    assert old.closed
    assert new.closed
    assert data.entries() == {"identical": 1}
    data.client.feed(GET)
    assert moved[0].written
    assert MARKER in moved[1].written
    for transport in moved:
        transport.feed(OK)
    assert data.entries() == {"identical": 2}
    data.settled()


def test_what_takes_too_long_to_end_is_cut(data: Data) -> None:
    """
    It counts against neither side.
    """
    data.swap(a_table(timeouts={"answer_head": 0}, mirror={"head_timeout": "1h"}))
    old, new = data.both()
    data.client.feed(GET)
    data.swap(a_table())
    data.plane.tick(data.plane.now + LEAVING - 1)
    assert len(data.plane.reaches()) == 4
    assert not old.closed

    data.plane.tick(data.plane.now + 2)
    assert old.aborted
    assert new.aborted
    assert data.client.written.startswith(b"HTTP/1.1 503 ")
    assert data.entries() == {"draining": 1}
    assert data.page().failed == [0, 0]
    assert data.books.errors == {"live|reload": 1}
    for transport in (old, new):
        transport.lose()
    data.plane.tick(data.plane.now + 1)
    assert len(data.plane.reaches()) == 2
    data.settled()


def test_a_table_that_nobody_goes_by_any_more_leaves_nothing(data: Data) -> None:
    """
    Neither itself nor its sides, and no cycles that only the collector would find; an exchange keeps just its own.
    """
    old, _ = data.both()
    data.client.feed(GET)
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(thing, Course | Reach) for thing in gc.get_objects())
        for port in range(1, 100):
            data.swap(a_table(old={"url": f"http://127.0.0.1:{port}"}))
        data.plane.tick(data.plane.now)
        after = sum(isinstance(thing, Course | Reach) for thing in gc.get_objects())
    finally:
        gc.enable()

    # The exchange's course with its old side; the one in force has an old side of its own.
    assert after == before + 2
    old.feed(OK)


# Killed...


def test_killed_everything_is_on_old_and_nothing_is_copied(data: Data) -> None:
    """
    On the same connections; the table's epoch and digest stay.
    """
    data.swap(replace(data.plane.table, weight=100.0))
    old, shadow = data.both()
    data.swap(killed(data.plane.table))
    data.client.feed(GET)
    old.feed(OK)

    assert data.client.written.endswith(b"hello")
    assert shadow.written == b""
    assert data.entries() == {"off": 1}
    data.settled()
