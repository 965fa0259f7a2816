"""
Everything that workers counted is read once, whoever dies, is restarted or reads late.
"""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LinkError
from proxy.gates.events import event
from proxy.gates.merging import GRACE, Count, Counts, Marks, Reading, begin, parse, read
from proxy.gates.tally import MATCHED, MISMATCHED, NEW_OK, OLD_OK, UNKNOWN, Tally
from proxy.metrics.books import DIVERGENT, IDENTICAL, Books
from proxy.routing.buckets import bucket
from proxy.routing.ways import Ways
from tests.parts.payloads import snapshot
from tests.parts.values import a_request, a_table

SALT = b"salt"
WAYS = Ways(a_table(routes=[{"name": "a", "match": {"path": "/a"}}], sticky={"key": ["header:x-user"]}))
ALL = event("mismatch", per_route=True)
BY_KEY = event("mismatch", unit="key/60s")
EVENTS = (ALL, BY_KEY)
HOUR = 3600.0


class Worker:
    """
    One life of a worker that counts.
    """

    def __init__(self, life: str, now: float = HOUR) -> None:
        self.tally = Tally(life)
        self.tally.arm(EVENTS, SALT, now)
        self.books = Books()

    def pair(self, user: str = "u", *, bad: bool = False, path: str = "/a") -> None:
        """
        One judged pair of this user.
        """
        head = a_request(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n".encode())
        page = self.books.page("GET /a")
        page.eligible[0] += 1
        page.judged(0, DIVERGENT if bad else IDENTICAL)
        assert self.tally.pairs is not None
        code = OLD_OK | NEW_OK | (MISMATCHED if bad else MATCHED)
        self.tally.pairs.count(WAYS.find(head), head, b"", code, UNKNOWN, UNKNOWN)

    def told(self, now: float = HOUR) -> Reading:
        """
        Its snapshot, as control reads it.
        """
        raw = {**snapshot(self.books), "tally": self.tally.snapshot(now)}
        reading = parse(orjson.loads(orjson.dumps(raw)))
        assert reading is not None
        return reading


def nothing(now: float = HOUR) -> Marks:
    """
    Marks before anything was counted.
    """
    return begin([], now)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["good", "bad", "told", "die", "read", "restart"]), st.integers(0, 2)), max_size=60
    )
)
def test_totals_are_exact_but_for_what_was_never_told(steps: list[tuple[str, int]]) -> None:
    """
    Three workers count, tell, die and are replaced; the reader reads now and then, and may be killed before its marks
    are saved, with what it made of the counts.
    """
    lives = [Worker(f"life {number}") for number in range(3)]
    told: dict[str, Reading] = {}
    saved: Any = (nothing().as_values(), 0, 0)
    begun = 3
    for what, number in [*steps, ("read", 0)]:
        if what in {"good", "bad"}:
            lives[number].pair(bad=what == "bad")
        elif what == "told":
            told[lives[number].tally.life] = lives[number].told()
        elif what == "die":
            if (last := told.get(lives[number].tally.life)) is not None:
                told[last.life] = replace(last, is_over=True)
            lives[number] = Worker(f"life {begun}")
            begun += 1
        else:
            raw, n, bad = orjson.loads(orjson.dumps(saved))
            counts, marks = read(told.values(), Marks.from_values(raw), EVENTS, HOUR)
            count = counts.events[ALL.id].get("a", Count())
            if what == "read":
                saved = (marks.as_values(), n + count.n, bad + count.bad)

    def total(what: str) -> int:
        return sum(one.totals.get(f"event|{ALL.id}|a|{what}", 0) for one in told.values())

    assert saved[1:] == (total("n"), total("bad"))


def test_one_reading_has_everything_that_came() -> None:
    """
    By route and merged; how complete the pairs are, and each route's traffic.
    """
    worker = Worker("one")
    worker.books.page("GET /b").eligible[1] += 3
    for _ in range(2):
        worker.books.page("GET /b").skip(1, "method")
    worker.pair("u", bad=True)
    worker.pair("v")
    worker.pair("v", path="/b")
    worker.tally.traffic = None
    told = worker.told()
    told = replace(told, totals={**told.totals, "traffic|a": 2, "traffic|(no route)": 4})

    counts, marks = read([told], nothing(), EVENTS, HOUR)

    assert counts == Counts(
        events={
            ALL.id: {
                "": Count(n=3, bad=1, keys=1 << bucket(SALT, b"u")),
                "a": Count(n=2, bad=1, keys=1 << bucket(SALT, b"u")),
                "(no route)": Count(n=1),
            },
            BY_KEY.id: {"": Count(keys=1 << bucket(SALT, b"u"))},
        },
        traffic={"a": 2, "(no route)": 4},
        eligible=6,
        compared=3,
        skipped={"method": 2},
    )
    again, _ = read([told], marks, EVENTS, HOUR)
    assert (again.eligible, again.traffic, again.events[ALL.id][""].n) == (0, {}, 0)


def test_a_minute_counts_once_when_it_is_over_and_a_key_once_in_it() -> None:
    """
    Whichever workers saw the key, and however often they tell of it.
    """
    one, other = Worker("one", HOUR), Worker("other", HOUR)
    now = HOUR + 60
    for worker in (one, other):
        worker.tally.tick(now)
        worker.pair("u")
        worker.pair("u")
    other.pair("v", bad=True)
    other.pair("v")
    marks, read_at = nothing(), now + 60 + GRACE
    found = []
    for at in (now + 1, now + 60, read_at - 0.1, read_at, read_at + 1, read_at + 60):
        counts, marks = read([one.told(now + 59), other.told(now + 59)], marks, EVENTS, at)
        found.append((counts.events[BY_KEY.id][""].n, counts.events[BY_KEY.id][""].bad))

    assert found == [(0, 0), (0, 0), (0, 0), (2, 1), (0, 0), (0, 0)]


def test_the_minute_in_which_reading_begins_does_not_count() -> None:
    """
    Its keys were seen before; nor does anything else that was counted by then.
    """
    worker = Worker("one")
    worker.pair("u", bad=True)
    marks = begin([worker.told()], HOUR)
    worker.pair("v")

    counts, marks = read([worker.told(HOUR + 30)], marks, EVENTS, HOUR + 30)
    later, _ = read([worker.told(HOUR + 70)], marks, EVENTS, HOUR + 70)

    assert (counts.events[ALL.id][""].n, counts.events[ALL.id][""].bad) == (1, 0)
    assert later.events[BY_KEY.id][""].n == 0


def test_minutes_that_nobody_read_count_as_far_as_workers_still_have_them() -> None:
    """
    Control may be away for two minutes.
    """
    worker = Worker("one")
    for minute in range(1, 6):
        worker.tally.tick(HOUR + minute * 60)
        worker.pair(f"user {minute}")

    counts, _ = read([worker.told(HOUR + 359)], nothing(), EVENTS, HOUR + 366)

    assert counts.events[BY_KEY.id][""].n == 3


def test_a_clock_that_is_put_back_stops_nothing_for_long() -> None:
    """
    The minutes from the next one on count.
    """
    far = Marks(window=10**9)
    worker = Worker("one")
    worker.tally.tick(HOUR + 60)
    worker.pair()

    _, marks = read([worker.told(HOUR + 1)], far, EVENTS, HOUR + 1)
    worker.tally.tick(HOUR + 60)
    worker.pair()
    counts, _ = read([worker.told(HOUR + 119)], marks, EVENTS, HOUR + 126)

    assert counts.events[BY_KEY.id][""].n == 1


def test_bad_keys_are_those_of_this_minute_and_the_last() -> None:
    """
    So a guard doesn't add up a year of clients.
    """
    worker = Worker("one")
    for minute in range(4):
        worker.tally.tick(HOUR + minute * 60)
        worker.pair(f"user {minute}", bad=True)

    counts, _ = read([worker.told(HOUR + 200)], nothing(), EVENTS, HOUR + 200)

    assert counts.events[ALL.id][""].keys == sum(1 << bucket(SALT, f"user {minute}".encode()) for minute in (2, 3))


def test_what_was_not_counted_for_a_while_goes_on() -> None:
    """
    Neither lost nor counted twice.
    """
    worker = Worker("one")
    worker.pair()
    _, marks = read([worker.told()], nothing(), EVENTS, HOUR)
    worker.pair()
    worker.tally.arm((), SALT, HOUR)
    _, marks = read([worker.told()], marks, EVENTS, HOUR)
    worker.tally.arm(EVENTS, SALT, HOUR)
    worker.pair()

    counts, _ = read([worker.told()], marks, EVENTS, HOUR)

    assert counts.events[ALL.id][""].n == 2


def test_a_life_that_is_not_told_of_for_a_while_is_not_read_twice() -> None:
    """
    Whoever reads before all is there again, or while a replica is away, has no other totals for it afterwards.
    """
    one, other = Worker("one"), Worker("other")
    one.pair()
    other.pair()
    marks, total = nothing(), 0
    for readings in ([one.told(), other.told()], [], [other.told()], [one.told(), other.told()]):
        counts, marks = read(readings, Marks.from_values(marks.as_values()), EVENTS, HOUR)
        total += counts.events[ALL.id][""].n

    assert total == 2


def test_marks_of_the_dead_are_their_names() -> None:
    """
    A worker that dies all day doesn't fill the store.
    """
    worker = Worker("one")
    worker.pair()
    told = replace(worker.told(), is_over=True)
    counts, marks = read([told], nothing(), EVENTS, HOUR)

    assert counts.events[ALL.id][""].n == 1
    assert marks == Marks(window=marks.window, over=("one",))
    _, marks = read([], marks, EVENTS, HOUR)
    assert read([told], marks, EVENTS, HOUR)[0].events[ALL.id][""].n == 0


def test_a_worker_that_counts_nothing_is_no_reading_and_nonsense_is_refused() -> None:
    """
    The worker of another version is not ours.
    """
    assert parse(snapshot(Books())) is None
    tally = Tally("a").snapshot(0.0)
    for wrong in (
        {"life": "a"},
        {**tally, "events": {"e": {"a": [1]}}},
        {**tally, "keys": {"e": {"a": {"x": ["", ""]}}}},
    ):
        with pytest.raises(LinkError, match="a tally has the wrong shape"):
            parse({**snapshot(Books()), "tally": wrong})
