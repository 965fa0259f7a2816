"""
How long children may take, in looks.
"""

from itertools import count

import pytest

from proxy.supervise.child import Child, Role
from proxy.supervise.patience import Patience

PATIENCE = Patience(ready=10.0, silence=5.0, first_pulse=20.0, pulse=10.0)


def looks_until(child: Child) -> tuple[int, str]:
    """
    How many looks it takes until a child that does nothing is given up, and the reason.
    """
    for number in count(1):
        child.looks += 1
        child.silent += 1
        if why := PATIENCE.exhausted(child):
            return number, why
    raise AssertionError


@pytest.mark.parametrize(
    ("role", "works", "seconds", "why"),
    [
        (Role.WORKER, False, 10, "not ready within 10 s"),
        (Role.WORKER, True, 5, "silent for 5 s"),
        (Role.CONTROL, False, 20, "without a sign of life within 20 s"),
        (Role.CONTROL, True, 10, "silent for 10 s"),
    ],
)
def test_a_child_has_its_whole_time_and_one_look_more(role: Role, works: bool, seconds: int, why: str) -> None:
    """
    One look a second; the first may come right after its start.
    """
    child = Child(role, 0, 1, on_frame=lambda child, frame: None, on_end=lambda child: None)
    if works:
        child.works()

    assert looks_until(child) == (seconds + 1, why)


def test_a_worker_has_as_long_to_obey_a_kill_as_to_say_anything() -> None:
    """
    However much else it says.
    """
    worker = Child(Role.WORKER, 0, 1, on_frame=lambda child, frame: None, on_end=lambda child: None)
    worker.works()
    worker.defiant = 5
    assert PATIENCE.exhausted(worker) is None
    worker.defiant = 6

    assert PATIENCE.exhausted(worker) == "has not obeyed the kill latch for 5 s"
