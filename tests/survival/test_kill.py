"""
kill -9 of one process after the other, under load.
"""

import logging
from pathlib import Path

import pytest

from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

SHORT = ("worker", "control", "worker", "supervisor", "worker", "control")


async def strike(it: Siege, what: str, number: int) -> float:
    """
    Kill one process. Returns how long it took until its successor was at work.
    """
    match what:
        case "worker":
            blow, took = await it.kill_worker(number % 2)
        case "control":
            blow, took = await it.kill_control()
        case _:
            blow, took = await it.kill_supervisor()
    log.info("round %d: %s %d killed, back after %.2f s", number, blow.what, blow.pid, took)
    return took


@pytest.mark.timeout(120)
async def test_only_what_a_killed_worker_had_in_hand_is_lost(tmp_path: Path) -> None:
    """
    Each process in turn is killed under load: requests are lost only on the killed worker's connections, no counter
    shrinks while its supervisor lives, and the books balance after each round.
    """
    async with siege({}, tmp_path) as it:
        for number, what in enumerate(SHORT):
            await it.load.answered(100)
            await strike(it, what, number)
            await it.load.answered(100)
            stand = await it.quiet()
            log.info(
                "round %d: %d sent, %d lost, %d refused",
                number,
                len(it.load.asked),
                len(stand.lost),
                len(it.load.refused),
            )
            it.load.go_on()
