"""
What exchanges tell of events: every answer and every pair once, and nothing that says nothing of a side.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from proxy.gates.events import EventSpec, Of, event
from proxy.net.client import ClientConnection
from proxy.shadow import ShadowLeg
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.values import a_table

FINE = OK
WRONG = OK.replace(b"hello", b"HELLO")
ERROR = OK.replace(b"200 OK", b"503 Service Unavailable")
GARBAGE = b"nonsense\r\n\r\n"
PAIRS = {
    text: event(text)
    for text in ("mismatch", "old_ok & new_error", "old_error", "new_error", "failed", "new_ms > 100000")
}
ANSWERS: dict[Of, EventSpec] = {of: event("error", of=of) for of in ("served", "old", "new")}
EVENTS = (*PAIRS.values(), *ANSWERS.values())


@pytest.fixture
def data() -> Iterator[Data]:
    """
    Events are armed; old is live.
    """
    with data_plane() as made:
        arm(made)
        yield made


def arm(data: Data, **settings: object) -> None:
    """
    Another table, with all events.
    """
    data.swap(replace(a_table(**settings), epoch=2, events=EVENTS))


def told(data: Data, spec: EventSpec) -> tuple[int, int]:
    """
    Opportunities and bad ones.
    """
    n, bad, _ = data.plane.tally.snapshot(0.0)["events"][spec.id][""]
    return n, bad


@pytest.mark.parametrize(
    ("old", "new", "bad"),
    [
        (FINE, FINE, {"mismatch": 0, "old_ok & new_error": 0, "old_error": 0, "new_error": 0, "failed": 0}),
        (FINE, WRONG, {"mismatch": 1, "old_ok & new_error": 0, "old_error": 0, "new_error": 0, "failed": 0}),
        (FINE, ERROR, {"mismatch": 1, "old_ok & new_error": 1, "old_error": 0, "new_error": 1, "failed": 0}),
        (ERROR, FINE, {"old_ok & new_error": 0, "old_error": 1, "new_error": 0, "failed": 0}),
        (ERROR, ERROR, {"old_ok & new_error": 0, "old_error": 1, "new_error": 1, "failed": 0}),
        (FINE, GARBAGE, {"old_ok & new_error": 1, "old_error": 0, "new_error": 1, "failed": 1}),
        (GARBAGE, FINE, {"old_ok & new_error": 0, "old_error": 1, "new_error": 0, "failed": 1}),
        (GARBAGE, GARBAGE, {"old_ok & new_error": 0, "old_error": 1, "new_error": 1, "failed": 0}),
    ],
)
def test_a_pair_is_one_opportunity_of_what_is_known_of_it(
    old: bytes, new: bytes, bad: dict[str, int], data: Data
) -> None:
    """
    Whether the answers match is known where both are complete and old's is no error; latencies where both answered.
    """
    for live in (OLD, NEW):
        arm(data, weights={"new": 100 * live})
        live_leg, shadow_leg = data.both(live)
        data.client = data.a_client()
        data.client.feed(GET)
        live_leg.feed(new if live else old)
        shadow_leg.feed(old if live else new)

    latency = 0 if GARBAGE in (old, new) else 2
    assert {text: told(data, spec)[1] for text, spec in PAIRS.items() if text in bad} == {
        text: 2 * count for text, count in bad.items()
    }
    assert {text: told(data, spec)[0] for text, spec in PAIRS.items()} == {
        text: 2 if text in bad else latency if "ms" in text else 0 for text in PAIRS
    }


@pytest.mark.parametrize("live", [OLD, NEW])
@pytest.mark.parametrize("answer", [FINE, ERROR, GARBAGE])
def test_every_answer_of_a_side_counts_and_new_serves_what_clients_get(answer: bytes, live: int, data: Data) -> None:
    """
    Copies are answers of a side too, but nobody is served by them.
    """
    arm(data, weights={"new": 100 * live})
    live_leg, shadow_leg = data.both(live)
    data.client.feed(GET)
    live_leg.feed(answer)
    shadow_leg.feed(FINE)

    error = int(answer != FINE)
    assert told(data, ANSWERS["old"]) == (1, 0 if live else error)
    assert told(data, ANSWERS["new"]) == (1, error if live else 0)
    assert told(data, ANSWERS["served"]) == ((1, error) if live else (0, 0))


def test_answers_count_without_a_copy_too(data: Data) -> None:
    """
    What new serves is known however little is mirrored.
    """
    arm(data, weights={"new": 100}, mirror={"percent": 0})
    live_leg = data.idle(NEW, "live")
    data.client.feed(GET)
    live_leg.feed(FINE)

    assert told(data, ANSWERS["served"]) == told(data, ANSWERS["new"]) == (1, 0)
    assert told(data, PAIRS["failed"]) == (0, 0)


def test_a_client_that_goes_away_says_nothing_of_a_side(data: Data) -> None:
    """
    Neither of the pair nor of the answer; the copy was asked nonetheless.
    """
    data.both()
    data.client.feed(GET)
    data.client.lose()

    assert {told(data, spec) for spec in EVENTS} == {(0, 0)}
    assert data.plane.tally.snapshot(0.0)["traffic"] == {"(no route)": 1}


@pytest.mark.parametrize("leg", ["live", "shadow"])
def test_a_connection_that_we_have_no_room_for_says_nothing_of_a_side(leg: str, data: Data) -> None:
    """
    Whoever runs out of file descriptors must not roll back a migration for it.
    """
    data.both()
    data.client.feed(GET)
    (pair,) = data.pairs.open
    client = cast("ClientConnection", data.client.protocol)
    failing = client.exchange if leg == "live" else pair.shadow_leg
    cast("ShadowLeg", failing).failed("descriptors")

    assert data.entries() == {"concurrency": 1}
    assert {told(data, spec) for spec in EVENTS} == {(0, 0)}


def test_a_failover_is_a_failure_of_the_one_and_an_answer_of_the_other(data: Data) -> None:
    """
    The pair has both, as always.
    """
    arm(data, weights={"new": 100}, routes=[{"name": "all", "match": {"path": "/**"}, "failover": True}])
    new, copy = data.both(NEW)
    old = data.idle(OLD, "live")
    data.client.feed(GET)
    copy.feed(FINE)
    new.lose(ConnectionResetError())
    old.feed(FINE)

    assert data.client.taken().endswith(b"hello")
    assert told(data, ANSWERS["served"]) == (1, 1)
    assert told(data, ANSWERS["old"]) == (2, 0)
    assert told(data, PAIRS["old_ok & new_error"]) == (1, 1)


def test_a_new_table_goes_on_counting(data: Data) -> None:
    """
    What is under way when it comes counts once, as what comes after it.
    """
    old, new = data.both()
    data.client.feed(GET)
    arm(data, weights={"new": 1})
    old.feed(FINE)
    new.feed(WRONG)
    old, new = data.both()
    data.client.feed(GET)
    old.feed(FINE)
    new.feed(FINE)

    assert told(data, PAIRS["mismatch"]) == (2, 1)
    assert data.plane.tally.snapshot(0.0)["traffic"] == {"(no route)": 2}


def test_what_is_asked_for_noise_is_no_event(data: Data) -> None:
    """
    A twin's answer is no pair of old and new, and no answer to anybody.
    """
    with data_plane(noise={"sample": 100, "per_second": 100}) as noisy:
        arm(noisy, noise={"sample": 100, "per_second": 100})
        noisy.plane.tick(noisy.plane.now + 1)
        old, new = noisy.both()
        assert noisy.plane.course.twin is not None
        twin = noisy.idle_in(noisy.plane.course.twin.shadow)
        noisy.client.feed(GET)
        assert twin.written
        for leg in (old, new, twin):
            leg.feed(FINE)

        assert told(noisy, ANSWERS["old"]) == told(noisy, ANSWERS["new"]) == (1, 0)
        assert told(noisy, PAIRS["mismatch"]) == (1, 0)
