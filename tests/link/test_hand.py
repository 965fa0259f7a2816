"""
What a comparer has in hand can be read by another process, whole or not at all, also when it is dead.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proxy.link.hand import LENGTH, LONGEST, SIZE, Hand
from tests.parts.parallax import PROJECT


@pytest.fixture
def page() -> Iterator[int]:
    """
    The descriptor of an empty page.
    """
    descriptor = os.memfd_create("hand")
    os.ftruncate(descriptor, SIZE)
    yield descriptor
    os.close(descriptor)


def test_nothing_is_in_hand_at_first_nor_after_it_was_let_go(page: int) -> None:
    """
    And another pair replaces the one before, longer or shorter.
    """
    mine, other = Hand(page), Hand(page)
    seen = [other.held()]
    for name in (b"GET /a/long/one", b"GET /b"):
        mine.hold(name)
        seen.append(other.held())
    mine.free()

    assert [*seen, other.held()] == ["", "GET /a/long/one", "GET /b", ""]


def test_a_name_that_is_too_long_is_cut(page: int) -> None:
    """
    It stays within its page.
    """
    hand = Hand(page)
    hand.hold(b"x" * SIZE * 2)

    assert hand.held() == "x" * LONGEST


def test_what_is_no_text_or_no_length_is_read_all_the_same(page: int) -> None:
    """
    Whoever dies may have written anything.
    """
    hand = Hand(page)
    hand.hold(b"GET /\xff")
    assert hand.held() == "GET /\N{REPLACEMENT CHARACTER}"
    os.pwrite(page, LENGTH.pack(0xFFFF), 0)

    assert len(hand.held()) <= LONGEST


def test_it_outlives_the_process_that_held_it(page: int) -> None:
    """
    Killed in the middle of its work.
    """
    program = f"from proxy.link.hand import Hand; import os; Hand({page}).hold(b'GET /a'); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", program], pass_fds=[page], cwd=PROJECT, check=False, timeout=30)

    assert died.returncode == -signal.SIGKILL
    assert Hand(page).held() == "GET /a"
