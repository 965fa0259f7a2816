"""
What the hub keeps, and what it does when there is no room.
"""

import os
from typing import Any

import orjson
import pytest

import proxy.supervise.lives as room
from proxy.errors import LinkError
from proxy.link.frames import Frame, Kind
from proxy.log import LineWriter, build_log
from proxy.supervise.child import Child, Role
from proxy.supervise.hub import Hub
from proxy.supervise.latch import Latch
from proxy.supervise.memory import Nowhere
from proxy.supervise.quarantine import FIRST


class Told(Child):
    """
    A child without a process, that writes down what it is told, or has no room for what can be spared.
    """

    def __init__(self, role: Role, incarnation: int) -> None:
        super().__init__(role, 0, incarnation, on_frame=lambda child, frame: None, on_end=lambda child: None)
        self.frames: list[Frame] = []
        self.full = False

    def send(self, kind: Kind, payload: bytes = b"", incarnation: int = 0, *, always: bool = False) -> bool:
        """
        As `Child.send`.
        """
        if self.full and kind is Kind.SNAPSHOT and not always:
            return False
        self.frames.append(Frame(kind, incarnation, payload))
        return True

    def heard(self, kind: Kind) -> list[Any]:
        """
        Incarnation and payload of each frame of this kind.
        """
        return [(frame.incarnation, frame.payload) for frame in self.frames if frame.kind is kind]


@pytest.fixture
def hub() -> Hub:
    """
    A hub that logs to nowhere.
    """
    log = build_log("supervisor", LineWriter(os.open(os.devnull, os.O_WRONLY)))
    return Hub(table=b"table", host="host", log=log, changed=lambda: None, memory=Nowhere())


def lived(hub: Hub, incarnation: int, totals: bytes) -> None:
    """
    One worker comes, says its totals and goes.
    """
    worker = Told(Role.WORKER, incarnation)
    hub.joined(worker)
    hub.received(worker, Frame(Kind.SNAPSHOT, 0, totals))
    hub.left(worker)


def test_the_last_totals_of_a_dead_worker_reach_a_control_whose_link_was_full(hub: Hub) -> None:
    """
    A dropped snapshot is made up for by the next one, and there is no next one.
    """
    control, worker = Told(Role.CONTROL, 1), Told(Role.WORKER, 2)
    hub.joined(control)
    hub.joined(worker)
    control.full = True
    hub.received(worker, Frame(Kind.SNAPSHOT, 0, b"last"))

    assert control.heard(Kind.SNAPSHOT) == []

    hub.left(worker)

    assert control.heard(Kind.SNAPSHOT) == [(2, b"last")]
    assert control.frames[-1].kind is Kind.STATUS


def test_a_restarted_control_gets_all_totals_even_if_they_are_many(hub: Hub) -> None:
    """
    Totals kept for it are never dropped for lack of room.
    """
    for incarnation in (1, 2, 3):
        lived(hub, incarnation, b"totals")
    control = Told(Role.CONTROL, 4)
    control.full = True

    hub.joined(control)

    assert [incarnation for incarnation, _ in control.heard(Kind.SNAPSHOT)] == [1, 2, 3]


def test_totals_of_the_dead_are_bounded_and_the_oldest_go_first(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A worker that dies all day doesn't grow the supervisor without end; the living are never forgotten.
    """
    monkeypatch.setattr(room, "KEPT_BYTES", 250)
    alive = Told(Role.WORKER, 1)
    hub.joined(alive)
    hub.received(alive, Frame(Kind.SNAPSHOT, 0, b"x" * 1000))
    for incarnation in range(2, 7):
        lived(hub, incarnation, b"x" * 100)

    assert list(hub.lives.known) == [1, 5, 6]


def test_the_dead_without_totals_are_not_kept(hub: Hub) -> None:
    """
    A crash loop before the first snapshot leaves nothing behind.
    """
    worker = Told(Role.WORKER, 1)
    hub.joined(worker)
    hub.left(worker)

    assert hub.lives.known == {}


@pytest.mark.parametrize(
    ("role", "frame"),
    [
        (Role.WORKER, Frame(Kind.TABLE, 0, b"{}")),
        (Role.WORKER, Frame(Kind.CLAIM, 0, b"short")),
        (Role.WORKER, Frame(Kind.GRANT, 0, b"")),
        (Role.CONTROL, Frame(Kind.CLAIM, 0, bytes(16))),
        (Role.WORKER, Frame(Kind.READY, 0, b"no json")),
        (Role.WORKER, Frame(Kind.READY, 0, b"[]")),
        (Role.WORKER, Frame(Kind.REPORT, 0, b"\xff")),
        (Role.CONTROL, Frame(Kind.DRAIN, 0, b"{}")),
        (Role.CONTROL, Frame(Kind.SNAPSHOT, 0, b"{}")),
        (Role.CONTROL, Frame(Kind.STATUS, 0, b"{}")),
        (Role.CONTROL, Frame(Kind.KILL, 0, b"no json")),
        (Role.CONTROL, Frame(Kind.RESTORE, 0, b"[]")),
        (Role.WORKER, Frame(Kind.KILL, 0, b"{}")),
        (Role.WORKER, Frame(Kind.SETUP, 0, b"{}")),
        (Role.WORKER, Frame(Kind.PULSE, 0, b"")),
        (Role.WORKER, Frame(Kind.JUDGED, 0, b"{}")),
        (Role.WORKER, Frame(Kind.QUARANTINE, 0, b"{}")),
        (Role.COMPARER, Frame(Kind.READY, 0, b"no json")),
        (Role.COMPARER, Frame(Kind.READY, 0, b"[]")),
        (Role.COMPARER, Frame(Kind.JUDGING, 0, b"{}")),
        (Role.COMPARER, Frame(Kind.SNAPSHOT, 0, b"{}")),
        (Role.COMPARER, Frame(Kind.KILL, 0, b"{}")),
        (Role.CONTROL, Frame(Kind.JUDGED, 0, b"{}")),
    ],
)
def test_frames_that_make_no_sense_from_there_are_refused(hub: Hub, role: Role, frame: Frame) -> None:
    """
    The channel loses the link for it.
    """
    child = Told(role, 1)
    hub.joined(child)

    with pytest.raises(LinkError):
        hub.received(child, frame)


def test_a_table_is_passed_on_whatever_it_is(hub: Hub) -> None:
    """
    The hub doesn't look into it; later workers and controls get it too.
    """
    control, worker = Told(Role.CONTROL, 1), Told(Role.WORKER, 2)
    hub.joined(control)
    hub.joined(worker)
    hub.received(control, Frame(Kind.TABLE, 0, b""))
    successor, late = Told(Role.CONTROL, 3), Told(Role.WORKER, 4)
    hub.joined(successor)
    hub.joined(late)

    assert worker.heard(Kind.TABLE) == [(0, b"table"), (0, b"")]
    assert late.heard(Kind.TABLE) == [(0, b"")]
    assert successor.heard(Kind.TABLE) == [(0, b"")]


def test_workers_hear_of_a_kill_before_it_is_kept_and_before_control(hub: Hub) -> None:
    """
    Nothing that may be slow or broken comes first.
    """
    order: list[str] = []
    worker, control = Told(Role.WORKER, 1), Told(Role.CONTROL, 2)
    hub.joined(worker)
    hub.joined(control)

    class Noted(Nowhere):
        """
        Notes who has heard what by the time that it is asked to keep the latch.
        """

        def keep_latch(self, _latch: Latch) -> None:
            """
            As `Memory.keep_latch`.
            """
            order.extend(frame.kind.name for frame in worker.frames if frame.kind is Kind.LATCH)
            order.extend(frame.kind.name for frame in control.frames if b'"killed":true' in frame.payload)
            order.append("kept")

    hub.memory = Noted()
    hub.received(control, Frame(Kind.KILL, 0, b'{"by": "ops", "reason": "errors"}'))

    assert order == ["LATCH", "kept"]
    assert b'"reason":"errors"' in control.frames[-1].payload


def test_status_is_told_when_something_in_it_changed_and_not_otherwise(hub: Hub) -> None:
    """
    A new control is told in any case.
    """
    control, worker = Told(Role.CONTROL, 1), Told(Role.WORKER, 2)
    hub.joined(control)
    hub.joined(worker)
    ready = Frame(Kind.READY, 0, b'{"epoch": 1, "digest": "d1", "killed": false}')
    hub.received(worker, ready)
    before = len(control.heard(Kind.STATUS))
    hub.received(worker, ready)
    hub.settle(None)

    assert len(control.heard(Kind.STATUS)) == before

    hub.settle("workers keep dying")

    assert len(control.heard(Kind.STATUS)) == before + 1
    told = orjson.loads(control.heard(Kind.STATUS)[-1][1])
    assert (told["ready"], told["not_ready"]) == (False, "workers keep dying")

    hub.left(control)
    successor = Told(Role.CONTROL, 3)
    hub.joined(successor)

    assert successor.heard(Kind.STATUS) == control.heard(Kind.STATUS)[-1:]


def test_a_reload_that_nobody_could_obey_is_for_the_next_control_once(hub: Hub) -> None:
    """
    After everything that it has to know first.
    """
    hub.reload()
    hub.reload()
    control, successor = Told(Role.CONTROL, 1), Told(Role.CONTROL, 2)
    hub.joined(control)
    hub.left(control)
    hub.joined(successor)

    assert [frame.kind for frame in control.frames[-2:]] == [Kind.JOINED, Kind.RELOAD]
    assert successor.heard(Kind.RELOAD) == []


# Comparers.


def comparers_told(control: Told) -> list[dict[str, Any]]:
    """
    What the last STATUS says of comparers.
    """
    told: list[dict[str, Any]] = orjson.loads(control.heard(Kind.STATUS)[-1][1])["comparers"]
    return told


def test_a_judging_table_is_kept_and_passed_on_whatever_it_is(hub: Hub) -> None:
    """
    To the comparers that live, to later ones, to later controls, and to whoever keeps it; never to workers.
    """
    kept: list[bytes] = []

    class Noted(Nowhere):
        """
        Notes what it is asked to keep.
        """

        def keep_judging(self, judging: bytes) -> None:
            """
            As `Memory.keep_judging`.
            """
            kept.append(judging)

    hub.memory, hub.judging = Noted(), b"first"
    control, comparer, worker = Told(Role.CONTROL, 1), Told(Role.COMPARER, 2), Told(Role.WORKER, 3)
    for child in (control, comparer, worker):
        hub.joined(child)
    hub.received(control, Frame(Kind.JUDGING, 0, b"second"))
    late, successor = Told(Role.COMPARER, 4), Told(Role.CONTROL, 5)
    hub.joined(late)
    hub.joined(successor)

    assert comparer.heard(Kind.JUDGING) == [(0, b"first"), (0, b"second")]
    assert late.heard(Kind.JUDGING) == successor.heard(Kind.JUDGING) == [(0, b"second")]
    assert worker.heard(Kind.JUDGING) == []
    assert kept == [b"second"]


def test_lists_of_endpoints_are_kept_and_told_to_later_workers_and_controls(hub: Hub) -> None:
    """
    Those of a predecessor too, before the table: a worker's first request is of an endpoint.
    """
    kept: list[bytes] = []

    class Noted(Nowhere):
        """
        Notes what it is asked to keep.
        """

        def keep_endpoints(self, endpoints: bytes) -> None:
            """
            As `Memory.keep_endpoints`.
            """
            kept.append(endpoints)

    hub.memory, hub.endpoints = Noted(), b"first"
    control, worker = Told(Role.CONTROL, 1), Told(Role.WORKER, 2)
    hub.joined(control)
    hub.joined(worker)
    hub.received(control, Frame(Kind.ENDPOINTS, 0, b"second"))

    assert control.heard(Kind.ENDPOINTS) == [(0, b"first")]
    assert worker.heard(Kind.ENDPOINTS) == [(0, b"first"), (0, b"second")]
    assert kept == [b"second"]


def test_workers_hear_where_comparers_listen_before_they_hear_what_to_route_by(hub: Hub) -> None:
    """
    No exchange is settled by bytes alone because its worker didn't know yet; without comparers nothing is said.
    """
    without, worker = Told(Role.WORKER, 1), Told(Role.WORKER, 2)
    hub.joined(without)
    hub.places = ("one", "two")
    hub.joined(worker)
    kinds = [frame.kind for frame in worker.frames]

    assert without.heard(Kind.COMPARERS) == []
    assert worker.heard(Kind.COMPARERS) == [(0, b'["one","two"]')]
    assert kinds.index(Kind.COMPARERS) < kinds.index(Kind.TABLE)


def test_control_is_told_who_judges_by_what(hub: Hub) -> None:
    """
    None until it does; one that is gone isn't told.
    """
    control, comparer = Told(Role.CONTROL, 1), Told(Role.COMPARER, 2)
    hub.joined(control)
    hub.joined(comparer)
    assert comparers_told(control) == [{"number": 0, "incarnation": 2, "version": None}]
    hub.received(comparer, Frame(Kind.READY, 0, b'{"version": 7}'))
    assert comparer.ready
    assert comparers_told(control) == [{"number": 0, "incarnation": 2, "version": 7}]
    hub.received(comparer, Frame(Kind.READY, 0, b'{"version": "seven"}'))
    assert comparers_told(control)[0]["version"] is None
    hub.left(comparer)

    assert comparers_told(control) == []


def test_what_a_comparer_saw_goes_to_control_unread(hub: Hub) -> None:
    """
    With who it was; without control it goes nowhere.
    """
    control, comparer = Told(Role.CONTROL, 1), Told(Role.COMPARER, 2)
    hub.joined(comparer)
    hub.received(comparer, Frame(Kind.JUDGED, 0, b"lost"))
    hub.joined(control)
    hub.received(comparer, Frame(Kind.JUDGED, 0, b"anything"))

    assert control.heard(Kind.JUDGED) == [(2, b"anything")]


def test_the_second_comparer_that_dies_of_an_endpoint_keeps_it_away_in_later_workers_too(hub: Hub) -> None:
    """
    The first death says nothing of the pair in hand.
    """
    worker, late = Told(Role.WORKER, 1), Told(Role.WORKER, 2)
    hub.joined(worker)
    hub.blame(0, "GET /a")
    hub.blame(0, "GET /b")
    assert worker.heard(Kind.QUARANTINE) == []
    hub.blame(1, "GET /a")
    [(_, told)] = worker.heard(Kind.QUARANTINE)
    hub.joined(late)
    [(_, told_late)] = late.heard(Kind.QUARANTINE)

    assert orjson.loads(told) == {"endpoint": "GET /a", "seconds": FIRST}
    assert orjson.loads(told_late)["endpoint"] == "GET /a"
    assert FIRST - 30.0 < orjson.loads(told_late)["seconds"] <= FIRST
    assert [frame.kind for frame in late.frames].index(Kind.QUARANTINE) == 0
