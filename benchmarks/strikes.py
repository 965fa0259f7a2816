"""
What becomes of Parallax's own comparer while every answer differs: killed, or stopped so that it says nothing any more.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGSTOP, Signals
from typing import Final

from benchmarks.contenders import Contender
from benchmarks.processes import tree

# By fault. After a stop the supervisor takes 5 s to replace it: it hangs for two blocks of 2 s with the copy, or three.
STRIKES: Final[dict[str, Signals]] = {"comparer killed": SIGKILL, "comparer hung": SIGSTOP}


@contextmanager
def struck(contender: Contender, fault: str, delay: float) -> Iterator[None]:
    """
    Strike the contender's comparers `delay` seconds from now, if that is the fault, while the block goes on.
    """
    number = STRIKES.get(fault)
    if number is None:
        yield
        return
    timer = threading.Timer(delay, _strike, (contender.pid or 0, number))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _strike(root: int, number: Signals) -> None:
    for pid in tree(root):
        # Who has ended meanwhile needs no strike.
        with suppress(OSError):
            if b"proxy.comparer" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, number)
