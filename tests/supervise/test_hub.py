"""
What the hub keeps, and what it does when there is no room.
"""

import os
from typing import Any

import pytest

import proxy.supervise.lives as room
from proxy.errors import LinkError
from proxy.link.frames import Frame, Kind
from proxy.log import LineWriter, build_log
from proxy.supervise.child import Child, Role
from proxy.supervise.hub import Hub
from proxy.supervise.memory import Nowhere


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
        (Role.WORKER, Frame(Kind.READY, 0, b"no json")),
        (Role.WORKER, Frame(Kind.READY, 0, b"[]")),
        (Role.WORKER, Frame(Kind.REPORT, 0, b"\xff")),
        (Role.CONTROL, Frame(Kind.DRAIN, 0, b"{}")),
        (Role.CONTROL, Frame(Kind.SNAPSHOT, 0, b"{}")),
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
