"""
Calls that may block, without anybody waiting who doesn't want to.
"""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from proxy.threads import Thread, on_thread

PATIENCE = 10.0


async def test_calls_are_made_in_order_and_give_their_answers() -> None:
    """
    What is returned, and what is raised.
    """
    thread, made = Thread("calls"), []

    def call(number: int) -> int:
        made.append(number)
        return 1 // number

    answers = [thread.run(lambda number=number: call(number)) for number in (1, 0, 2)]  # type: ignore[misc]
    results = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), PATIENCE)

    assert [results[0], type(results[1]), results[2]] == [1, ZeroDivisionError, 0]
    assert made == [1, 0, 2]


async def test_a_call_that_hangs_holds_up_the_next_one_and_not_the_loop() -> None:
    """
    Who gives up waiting is free; the calls go on when they can.
    """
    thread, release = Thread("calls"), threading.Event()
    hung, after = thread.run(lambda: release.wait(PATIENCE)), thread.run(lambda: "after")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hung, 0.01)
    assert not after.done()
    release.set()

    assert await asyncio.wait_for(after, PATIENCE) == "after"


async def test_a_thread_that_is_ended_makes_the_calls_that_it_has() -> None:
    """
    Then it is gone, however long they took.
    """
    thread, release = Thread("ended"), threading.Event()
    late = thread.run(lambda: release.wait(PATIENCE))
    thread.end()
    release.set()

    assert await asyncio.wait_for(late, PATIENCE)
    for one in threading.enumerate():
        if one.name == "ended":
            one.join(PATIENCE)
            assert not one.is_alive()


async def test_a_thread_for_one_call_ends_with_it() -> None:
    """
    What is done each second must not leave a thread each second.
    """
    for number in (1, 0):
        answer = on_thread("once", lambda number=number: 1 // number)  # type: ignore[misc]
        if number:
            assert await asyncio.wait_for(answer, PATIENCE) == 1
        else:
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(answer, PATIENCE)
    for thread in threading.enumerate():
        if thread.name == "once":
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_a_process_ends_whatever_hangs() -> None:
    """
    With the call still out there, and when it comes back to a loop that is gone.
    """
    program = """
import asyncio, threading
from proxy.threads import Thread, on_thread

release = threading.Event()

async def main():
    Thread("hung for good").run(threading.Event().wait)
    Thread("comes back late").run(release.wait)
    on_thread("comes back late, too", release.wait)

asyncio.run(main())
release.set()
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )

    assert ran.stderr == ""
