"""
A tally is the sum of what was counted, whatever the events are, in whatever order they come and are armed.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gates.events import EventSpec, compile_event, event
from proxy.gates.tally import (
    CELLS,
    CODES,
    EVENTS,
    FAILED,
    MATCHED,
    MEASURES,
    MISMATCHED,
    NEW_OK,
    OLD_OK,
    UNKNOWN,
    UNROUTED,
    Tally,
    check,
)
from proxy.gates.windows import unpack_bits
from proxy.routing.buckets import bucket
from proxy.routing.ways import Way, Ways
from tests.parts.values import a_request, a_table

SALT = b"salt"
ROUTES = [{"name": name, "match": {"path": f"/{name}/**"}} for name in ("a", "b")]
WAYS = Ways(a_table(routes=ROUTES, sticky={"key": ["header:x-user"]}))
PAIRS = (
    event("mismatch", per_route=True, unit="key/60s"),
    event("old_ok & new_error", routes=("a",)),
    event("new_ms > 1.10 * old_ms + 2", per_route=True),
    event("new_ms > 400 | new_error"),
    event("failed | mismatch", routes=("a", UNROUTED), per_route=True),
    event("old_error", unit="key/60s"),
)


@dataclass(frozen=True)
class Pair:
    """
    What a pair tells.
    """

    route: str
    user: str
    old_ok: bool
    new_ok: bool
    failed: bool
    mismatch: bool | None
    ms: tuple[float, float] | None

    @property
    def code(self) -> int:
        """
        Its facts in one number.
        """
        judged = 0 if self.mismatch is None else MISMATCHED if self.mismatch else MATCHED
        return OLD_OK * self.old_ok | NEW_OK * self.new_ok | FAILED * self.failed | judged

    def bad(self, spec: EventSpec) -> bool | None:
        """
        What one event makes of it, by itself.
        """
        if spec.routes and self.route not in spec.routes:
            return None
        old, new = self.ms or (None, None)
        facts = {"old_ok": self.old_ok, "new_ok": self.new_ok, "failed": self.failed, "mismatch": self.mismatch}
        return compile_event(spec.expression, spec.of).bad({**facts, "old_ms": old, "new_ms": new})


def put(tally: Tally, pair: Pair) -> None:
    """
    As `mirror.counting` does.
    """
    path = "c" if pair.route == UNROUTED else pair.route
    user = f"X-User: {pair.user}\r\n" if pair.user else ""
    head = a_request(f"GET /{path}/1 HTTP/1.1\r\nHost: a\r\n{user}\r\n".encode())
    way: Way = WAYS.find(head)
    assert tally.pairs is not None
    tally.pairs.count(way, head, b"", pair.code, *(pair.ms or (UNKNOWN, UNKNOWN)))


def buckets_of(told: dict[str, Any], spec: EventSpec, route: str, place: int) -> set[int]:
    """
    The buckets in all windows of a snapshot: asked (0), or bad (1).
    """
    windows = told["keys"].get(spec.id, {}).get(route, {})
    bits = 0
    for window in windows.values():
        bits |= unpack_bits(window[place])
    return {number for number in range(bits.bit_length()) if bits >> number & 1}


PAIR = st.builds(
    Pair,
    route=st.sampled_from(["a", "b", UNROUTED]),
    user=st.sampled_from(["", "u", "v", "w"]),
    old_ok=st.booleans(),
    new_ok=st.booleans(),
    failed=st.booleans(),
    mismatch=st.none() | st.booleans(),
    ms=st.none() | st.tuples(st.sampled_from([1.0, 100.0, 500.0]), st.sampled_from([1.0, 112.0, 112.5, 500.0])),
)


@given(
    pairs=st.lists(PAIR, max_size=30),
    armed=st.sets(st.sampled_from(PAIRS)),
    kept=st.sets(st.sampled_from(PAIRS)),
    folded=st.sets(st.integers(0, 30)),
    rearmed=st.integers(0, 30),
)
def test_totals_are_those_of_each_event_by_itself(
    pairs: list[Pair], armed: set[EventSpec], kept: set[EventSpec], folded: set[int], rearmed: int
) -> None:
    """
    By route and merged, however often it is folded; and events that are armed again go on.
    """
    tally = Tally("life")
    tally.arm(PAIRS, SALT, 60.0)
    for number, pair in enumerate(pairs):
        if number == rearmed:
            tally.arm(tuple(armed | {PAIRS[0]}), SALT, 60.0)
            tally.arm(tuple(armed | kept | {PAIRS[0]}), SALT, 60.0)
        if number in folded:
            tally.fold()
        put(tally, pair)
    told = tally.snapshot(60.0)

    was_rearmed = rearmed < len(pairs)
    assert set(told["events"]) == {spec.id for spec in (armed | kept | {PAIRS[0]} if was_rearmed else PAIRS)}
    for spec in armed | {PAIRS[0]} if was_rearmed else PAIRS:
        for route, (n, bad, unkeyed) in told["events"][spec.id].items():
            outcomes = [(pair, pair.bad(spec)) for pair in pairs if route in ("", pair.route)]
            wanting = [pair for pair, is_bad in outcomes if is_bad or (is_bad is False and spec.unit == "key/60s")]
            bad_keys = {bucket(SALT, pair.user.encode()) for pair, is_bad in outcomes if is_bad and pair.user}

            assert (n, bad) == (sum(is_bad is not None for _, is_bad in outcomes), sum(bool(b) for _, b in outcomes))
            assert unkeyed == sum(not pair.user for pair in wanting)
            assert buckets_of(told, spec, route, 1) == bad_keys
            if spec.unit == "key/60s":
                assert buckets_of(told, spec, route, 0) == {
                    bucket(SALT, pair.user.encode()) for pair in wanting if pair.user
                }


GOOD = Pair(route="a", user="u", old_ok=True, new_ok=True, failed=False, mismatch=False, ms=None)


def test_a_key_counts_in_the_window_that_it_was_seen_in() -> None:
    """
    What was met before the clock moved on belongs to the window before.
    """
    tally = Tally()
    tally.arm((PAIRS[0],), SALT, 119.0)
    put(tally, replace(GOOD, user="u"))
    tally.tick(120.0)
    put(tally, replace(GOOD, user="v", mismatch=True))

    windows = tally.snapshot(121.0)["keys"][PAIRS[0].id]["a"]

    asked, bad = ({key: unpack_bits(kept[place]) for key, kept in windows.items()} for place in (0, 1))
    assert asked == {"1": 1 << bucket(SALT, b"u"), "2": 1 << bucket(SALT, b"v")}
    assert bad == {"1": 0, "2": 1 << bucket(SALT, b"v")}


def test_nothing_is_looked_at_while_nothing_is_armed() -> None:
    """
    Nor after the last event was disarmed. When one is armed again its total goes on, as if nothing had been.
    """
    tally = Tally("life")
    tally.arm(PAIRS, SALT, 0.0)
    put(tally, GOOD)
    tally.arm((), SALT, 0.0)

    assert [tally.pairs, tally.live, tally.copies, tally.traffic] == [None] * 4
    assert tally.snapshot(0.0) == {"life": "life", "events": {}, "keys": {}, "traffic": {}}
    tally.arm((PAIRS[0],), SALT, 0.0)
    put(tally, GOOD)
    assert tally.snapshot(0.0)["events"] == {PAIRS[0].id: {"": [2, 0, 0], "a": [2, 0, 0]}}


def test_what_is_not_counted_any_more_is_kept_within_bounds() -> None:
    """
    A plan that is changed again and again doesn't fill a worker.
    """
    tally = Tally()
    for limit in range(CELLS + 50):
        tally.arm((event(f"new_ms > {limit}"),), SALT, 0.0)
        put(tally, replace(GOOD, ms=(1.0, 1.0)))

    tally.arm((first := event("new_ms > 0"), recent := event(f"new_ms > {CELLS}")), SALT, 0.0)
    assert {key: cells[""][0] for key, cells in tally.snapshot(0.0)["events"].items()} == {first.id: 0, recent.id: 1}


def test_memory_is_bounded_whatever_latencies_there_are() -> None:
    """
    Codes are folded early when there are many, and nothing is lost by it.
    """
    specs = tuple(event(f"new_ms > {limit}", per_route=True) for limit in range(12))
    tally = Tally()
    tally.arm(specs, SALT, 0.0)
    assert tally.pairs is not None
    way = WAYS.find(head := a_request(b"GET /a/1 HTTP/1.1\r\nHost: a\r\n\r\n"))
    for code in range(3 * CODES):
        tally.pairs.count(way, head, b"", code << 20, 5.5, 5.5)

    told = tally.snapshot(0.0)["events"]

    assert [told[spec.id]["a"][:2] for spec in specs] == [[3 * CODES, 3 * CODES if n <= 5 else 0] for n in range(12)]


def test_routes_beyond_the_bound_are_counted_merged_only() -> None:
    """
    A reload can bring more routes than were there when the events were armed.
    """
    routes = [{"name": f"r{number}", "match": {"path": f"/{number}"}} for number in range(CELLS + 10)]
    ways = Ways(a_table(routes=routes))
    tally = Tally()
    tally.arm((spec := PAIRS[2],), SALT, 0.0)
    assert tally.pairs is not None
    for number in range(CELLS + 10):
        head = a_request(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        tally.pairs.count(ways.find(head), head, b"", NEW_OK | OLD_OK, 1.0, 1.0)

    told = tally.snapshot(0.0)["events"][spec.id]

    assert told[""][0] == CELLS + 10
    assert len(told) == CELLS


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([event(f"new_ms > {n} | mismatch") for n in range(EVENTS + 1)], f"{EVENTS + 1} events are more than {EVENTS}"),
        ([event("mismatch | failed", per_route=True), event("mismatch", per_route=True)], "604 counts, by event"),
        ([event("mismatch", per_route=True, unit="key/60s")], "302 counts by key are more than 128"),
        ([event(f"new_ms > {n}") for n in range(MEASURES + 1)], "33 comparisons of latencies are more than 32"),
    ],
)
def test_more_than_a_worker_counts_is_refused(specs: list[EventSpec], said: str) -> None:
    """
    Before it is armed, in words.
    """
    with pytest.raises(ValueError, match=said):
        check(specs, 300)

    check(PAIRS, 40)
