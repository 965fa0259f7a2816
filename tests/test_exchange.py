"""
An exchange answers its client from one side, copies to the other, and owes the books exactly one entry.

Real connections over transports that go nowhere; how it all behaves with sockets is shown in `tests/conformance` and
`tests/faults`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.books import FAILED, IDENTICAL
from tests.parts.plane import ENDPOINT, GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport

MARKER = b"X-Parallax-Shadow: 1\r\n"
POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"
BODY = GET.replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"


@pytest.fixture
def data() -> Iterator[Data]:
    """
    By default: old is live, everything is mirrored.
    """
    with data_plane() as made:
        yield made


@pytest.fixture
def data_with() -> Iterator[Callable[..., Data]]:
    """
    With settings.
    """
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(data_plane(**settings))


# Both legs...


@pytest.mark.parametrize(("weight", "live"), [(0, OLD), (100, NEW), (50.01, NEW), (50, OLD)])
def test_one_side_answers_and_the_other_gets_the_same_bytes(
    weight: float, live: int, data_with: Callable[..., Data]
) -> None:
    """
    The dice say 0.5; the copy differs by its marker only.
    """
    data = data_with(weights={"new": weight})
    front, back = data.both(live)

    data.client.feed(GET)
    assert back.written == front.written.removesuffix(b"\r\n") + MARKER + b"\r\n"
    front.feed(OK)
    assert data.client.taken().endswith(b"\r\n\r\nhello")
    assert data.entries() == {}
    back.feed(OK)

    assert data.page().verdicts[live][IDENTICAL] == 1
    assert data.page().eligible[live] == 1
    assert data.client.written == b""
    data.settled()


def test_content_goes_to_both_legs(data: Data) -> None:
    """
    In the same framing, piece by piece.
    """
    old, new = data.both()
    data.client.feed(BODY[:-3], BODY[-3:])

    assert old.written.endswith(b"\r\n\r\nhello")
    assert new.written.endswith(MARKER + b"\r\nhello")
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"identical": 1}
    data.settled()


def test_a_difference_is_shown_before_it_is_forgotten(data: Data) -> None:
    """
    With both contents.
    """
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)
    new.feed(OK.replace(b"hello", b"HELLO"))

    assert data.entries() == {"divergent": 1}
    assert data.divergent == [(b"hello", b"HELLO")]


def test_a_shadow_may_be_first(data: Data) -> None:
    """
    Its answer waits; nothing of it reaches the client.
    """
    old, new = data.both()
    data.client.feed(GET)
    new.feed(OK.replace(b"hello", b"shade"))
    assert data.client.written == b""
    old.feed(OK)

    assert b"shade" not in data.client.written
    assert data.entries() == {"divergent": 1}
    data.settled()


def test_the_next_request_does_not_wait_for_the_shadow(data: Data) -> None:
    """
    On the same connection, with the first copy still out.
    """
    old, first = data.both()
    data.client.feed(GET)
    old.feed(OK)
    second = data.idle(NEW, "shadow")
    data.client.feed(GET)
    old.feed(OK)
    assert data.client.taken().count(b"hello") == 2
    second.feed(OK)
    first.feed(OK)

    assert data.entries() == {"identical": 2}
    data.settled()


# Not copied...


@pytest.mark.parametrize(
    ("request_", "settings", "reason"),
    [
        (POST, {}, "method"),
        (POST, {"mirror": {"percent": 0}}, "off"),
        (GET, {"mirror": {"percent": 0}}, "off"),
        (GET, {"mirror": {"percent": 50}}, "sampled_out"),
        (GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost"), {}, "upgrade"),
        (GET.replace(b"Host", b"Accept: text/event-stream\r\nHost"), {}, "streaming"),
        (BODY, {"mirror": {"max_body": 4}}, "body_too_large"),
    ],
)
def test_reasons_not_to_copy(
    request_: bytes, settings: dict[str, Any], reason: str, data_with: Callable[..., Data]
) -> None:
    """
    One entry, nothing sent to the other side, and the client gets its answer.
    """
    data = data_with(**settings)
    old, new = data.both()
    data.client.feed(request_)
    old.feed(OK)

    assert data.entries() == {reason: 1}
    assert new.written == b""
    assert data.client.written.endswith(b"hello")
    data.settled()


def test_a_copy_that_does_not_fit_into_the_budget_is_not_made(data: Data) -> None:
    """
    Its request already takes memory.
    """
    data.pairs.budget.limit = 10
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)

    assert data.entries() == {"memory_budget": 1}
    assert new.written == b""
    data.settled()


def test_copies_under_way_are_bounded(data_with: Callable[..., Data]) -> None:
    """
    What is over the limit is not queued.
    """
    data = data_with(mirror={"concurrency": 1})
    old, new = data.both()
    spare = data.idle(NEW, "shadow")
    data.client.feed(GET)
    old.feed(OK)
    data.client.feed(GET)
    old.feed(OK)
    new.feed(OK) if new.written else spare.feed(OK)

    assert data.entries() == {"concurrency": 1, "identical": 1}
    data.settled()


def test_nothing_is_copied_while_draining(data: Data) -> None:
    """
    Nobody would wait for the answer.
    """
    data.plane.closing = True
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)

    assert data.entries() == {"draining": 1}
    assert new.written == b""


def test_credentials_are_kept_from_the_shadow_where_that_is_configured(data_with: Callable[..., Data]) -> None:
    """
    The live side sees them.
    """
    data = data_with(mirror={"credentials": "strip"})
    old, new = data.both()
    data.client.feed(GET.replace(b"Host", b"Authorization: secret\r\nCookie: secret\r\nHost"))

    assert old.written.count(b"secret") == 2
    assert b"secret" not in new.written
    assert new.written.endswith(MARKER + b"\r\n")


# When something fails...


@pytest.mark.parametrize("fault", ["reset", "garbage", "silence", "endless"])
@pytest.mark.parametrize("when", ["first", "last"])
def test_whatever_the_shadow_does_the_client_gets_the_same(fault: str, when: str, data: Data) -> None:
    """
    Byte for byte, and the connection goes on.
    """
    old, new = data.both()
    data.client.feed(GET)

    def misbehave() -> None:
        match fault:
            case "reset":
                new.lose(ConnectionResetError())
            case "garbage":
                new.feed(b"\x00")
            case "silence":
                data.plane.tick(data.plane.now + 31.0)
            case _:
                new.feed(b"HTTP/1.1 200 OK\r\n\r\n")
                for _ in range(5):
                    data.plane.tick(data.plane.now + 0.25)
                    if new.is_reading():
                        new.feed(b"x" * 300_000)

    if when == "first":
        misbehave()
    old.feed(OK)
    if when == "last":
        misbehave()
    elif fault == "endless":
        # It is ahead of the live answer for long enough to have been held back.
        new.feed(b"x" * 300_000)

    assert data.client.written == (
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello"
    )
    assert not data.client.closed
    assert data.entries() == {"body_too_large" if fault == "endless" else "failed": 1}
    assert data.page().failed == ([0, 0] if fault == "endless" else [0, 1])
    data.settled()


def test_a_live_side_that_fails_is_told_to_the_client_and_counted_against_it(data: Data) -> None:
    """
    A timeout is not retried.
    """
    old, new = data.both()
    data.client.feed(GET)
    new.feed(OK)
    data.plane.tick(data.plane.now + 61.0)

    assert data.client.written.startswith(b"HTTP/1.1 504 ")
    assert data.page().verdicts[OLD][FAILED] == 1
    assert data.page().failed == [1, 0]
    assert data.books.errors == {"live|timeout": 1}
    assert old.aborted
    data.settled()


@pytest.mark.parametrize(("said", "late"), [({"answer_head": 5}, 6.0), ({"answer_head": 5, "answer_idle": 1}, 6.0)])
def test_a_route_waits_as_long_as_it_says(said: dict[str, float], late: float) -> None:
    """
    For its live answer; requests without the route wait as long as any.
    """
    route = {"name": "one", "match": {"path": "/one"}, "timeouts": said}
    for path, answered in ((b"/one", b"504"), (b"/two", b"")):
        with data_plane(timeouts={"answer_head": 60}, routes=[route]) as data:
            data.both()
            data.client.feed(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
            data.plane.tick(data.plane.now + late)

            assert bytes(data.client.written[9:12]) == answered


def test_a_route_without_a_limit_waits_for_ever() -> None:
    """
    0, as in `timeouts`.
    """
    route = {"name": "one", "match": {"path": "/"}, "timeouts": {"answer_head": 0}}
    with data_plane(timeouts={"answer_head": 60}, routes=[route]) as data:
        front, _ = data.both()
        data.client.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        data.plane.tick(data.plane.now + 10_000.0)
        front.feed(OK)

        assert bytes(data.client.written[9:12]) == b"200"


def test_a_client_that_goes_away_takes_both_legs_along(data: Data) -> None:
    """
    Neither side works for nobody.
    """
    old, new = data.both()
    data.client.feed(GET)
    data.client.lose()

    assert old.aborted
    assert new.aborted
    assert data.entries() == {"client_gone": 1}
    data.settled()


def test_a_client_that_goes_away_after_its_answer_leaves_the_shadow_alone(data: Data) -> None:
    """
    Its part is done; the comparison isn't.
    """
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)
    data.client.lose()
    new.feed(OK)

    assert data.entries() == {"identical": 1}
    data.settled()


@pytest.mark.parametrize("method", [b"HEAD", b"GET"])
@pytest.mark.parametrize("who", ["live", "shadow"])
def test_a_stream_of_events_is_not_compared(method: bytes, who: str, data: Data) -> None:
    """
    It has no end. Also when it is the answer to HEAD, and ends at once.
    """
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    plain = OK.removesuffix(b"hello") if method == b"HEAD" else OK
    old, new = data.both()
    data.client.feed(GET.replace(b"GET", method))
    new.feed(stream if who == "shadow" else plain)
    old.feed(stream if who == "live" else plain)

    assert data.entries() == {"streaming": 1}
    data.settled()


@pytest.mark.parametrize("request_", [GET, POST])
def test_a_connection_that_died_before_the_answer_is_tried_once_more_where_that_is_safe(
    request_: bytes, data_with: Callable[..., Data]
) -> None:
    """
    On a new connection, which the limit doesn't allow here; a POST is not repeated.
    """
    data = data_with(limits={"upstream_connections": 1}, mirror={"percent": 0})
    data.idle(OLD, "live")
    old = data.idle(OLD, "live", reused=True)
    data.client.feed(request_)
    old.lose(ConnectionResetError())

    cause = "limit" if request_ == GET else "terminated"
    assert data.books.errors == {f"live|{cause}": 1}
    assert data.client.written.startswith(b"HTTP/1.1 503 " if request_ == GET else b"HTTP/1.1 502 ")


def test_without_a_connection_there_is_no_waiting(data_with: Callable[..., Data]) -> None:
    """
    The limit is ours, so no side has failed; nothing is copied either.
    """
    data = data_with(limits={"upstream_connections": 1})
    data.idle(OLD, "live")
    new = data.idle(NEW, "shadow")
    data.client.feed(GET)
    late = data.a_client()
    late.feed(GET)

    assert late.written.startswith(b"HTTP/1.1 503 ")
    assert data.entries() == {"concurrency": 1}
    assert data.page().failed == [0, 0]
    assert new.written.count(MARKER) == 1


def test_an_answer_before_the_request_is_complete_is_not_compared(data: Data) -> None:
    """
    The copy never will be.
    """
    old, new = data.both()
    data.client.feed(BODY[:-1])
    old.feed(OK)

    assert data.entries() == {"client_gone": 1}
    assert new.aborted
    data.settled()


def test_content_beyond_the_budget_ends_the_copy_only(data: Data) -> None:
    """
    The live leg goes on.
    """
    data.pairs.budget.limit = 600
    old, new = data.both()
    data.client.feed(BODY.replace(b": 5", b": 900").removesuffix(b"hello"), b"x" * 900)
    old.feed(OK)

    assert data.entries() == {"memory_budget": 1}
    assert new.aborted
    assert old.written.endswith(b"x" * 900)
    assert data.client.written.endswith(b"hello")
    data.settled()


# Answered here...


def test_a_request_that_goes_round_in_circles_is_stopped(data: Data) -> None:
    """
    The third time it comes through, by its Via.
    """
    via = b"Via: 1.1 parallax, 1.1 x\r\nVia: 1.1 parallax, 1.1 parallax\r\nHost"
    data.client.feed(GET.replace(b"Host", via))

    assert data.client.written.startswith(b"HTTP/1.1 508 ")
    assert data.entries() == {}
    assert data.page().eligible == [0, 0]


@pytest.mark.parametrize(("left", "sent"), [(0, None), (1, 0), (7, 6)])
def test_max_forwards_of_options_counts_down(left: int, sent: int | None, data: Data) -> None:
    """
    At 0 it is answered here (RFC 9110 §7.6.2).
    """
    old, _ = data.both()
    data.client.feed(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nmax-forwards: %d\r\n\r\n" % left)

    if sent is None:
        assert data.client.written.startswith(b"HTTP/1.1 200 ")
        assert old.written == b""
    else:
        assert b"\r\nMax-Forwards: %d\r\n" % sent in old.written


# Flow control...


def test_a_slow_client_slows_the_live_side_and_not_the_shadow(data: Data) -> None:
    """
    And the pair's latency is not counted then.
    """
    old, new = data.both()
    data.client.feed(GET)
    data.client.clog()
    old.feed(OK.replace(b": 5", b": 80005").removesuffix(b"hello"), b"x" * 80_000)
    assert old.paused
    assert not new.paused
    new.feed(OK)
    data.client.take(80_000)
    assert not old.is_closing()
    old.feed(b"x" * 5)

    assert data.entries() == {"divergent": 1}
    assert sum(data.page().deltas[OLD]) == 0
    data.settled()


def test_a_slow_shadow_slows_nobody(data: Data) -> None:
    """
    What it doesn't take waits within the budget.
    """
    old, new = data.both()
    new.clog()
    data.client.feed(BODY.replace(b": 5", b": 90000").removesuffix(b"hello"), b"x" * 90_000)

    assert not data.client.paused
    assert len(old.written) > 90_000
    assert data.pairs.budget.used > 90_000
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"identical": 1}
    data.settled()


def test_a_slow_live_side_slows_the_client(data: Data) -> None:
    """
    Until it caught up.
    """
    old, _ = data.both()
    old.clog()
    data.client.feed(POST.replace(b": 5", b": 90000").removesuffix(b"hello"), b"x" * 80_000)
    assert not data.client.is_reading()
    old.take(80_000)

    assert data.client.is_reading()


# Any order...

STEPS = st.lists(
    st.tuples(st.sampled_from(["old", "new"]), st.sampled_from(["some", "rest", "reset", "garbage"])), max_size=8
)


def played(steps: list[tuple[str, str]], answers: dict[str, bytes], gone_at: int) -> bytes:
    """
    What the client got when both sides did this, and the client left at this step. The books must balance in the end.
    """
    with data_plane() as data:
        transports: dict[str, FakeTransport] = dict(zip(("old", "new"), data.both(), strict=True))
        left = dict(answers)
        data.client.feed(GET)
        for number, (side, act) in enumerate(steps):
            if number == gone_at and not data.client.lost:
                data.client.lose()
            transport = transports[side]
            if transport.closed:
                continue
            match act:
                case "some":
                    piece, left[side] = left[side][:30], left[side][30:]
                    if piece:
                        transport.feed(piece)
                case "rest":
                    piece, left[side] = left[side], b""
                    if piece:
                        transport.feed(piece)
                case "reset":
                    transport.lose(ConnectionResetError())
                case "garbage":
                    transport.feed(b"\x00")
                case _:
                    pass
        got = data.client.written
        data.plane.tick(data.plane.now + 100.0)
        data.settled()
        assert sum(data.entries().values()) == data.page(ENDPOINT).eligible[OLD] == 1
        return got


@given(
    STEPS,
    st.sampled_from([OK, OK.replace(b"200", b"500"), OK.replace(b"a/b", b"text/event-stream")]),
    st.integers(0, 16),
)
def test_whatever_happens_in_whatever_order_the_books_balance(
    steps: list[tuple[str, str]], new: bytes, gone_at: int
) -> None:
    """
    One exchange, one entry, nothing held; and the client's bytes don't depend on the shadow.
    """
    silent = [(side, act if side == "old" else "nothing") for side, act in steps]

    assert played(steps, {"old": OK, "new": new}, gone_at) == played(silent, {"old": OK, "new": new}, gone_at)
