"""
What was acknowledged survives whatever end the process comes to.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.store.store import Store
from tests.parts.keeping import intent

ROOT = Path(__file__).parents[2]
# Saves without end from the epoch after the newest, and says each time what was acknowledged: an intent with its line,
# then a line alone.
PROGRAM = """
import sys
from itertools import count
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

store = Store.open(sys.argv[1]).store
known = store.load()
first = known.epoch + 1 if known else 1
for epoch in count(first):
    store.save(intent(epoch, new=epoch % 100), entry(f"save {epoch}", epoch))
    print(epoch, flush=True)
    store.audit(entry(f"line {epoch}", epoch))
    print(epoch, flush=True)
"""


def killed_after(url: str, acknowledgements: int) -> int:
    """
    Kill a process in the middle of its saves, once it has acknowledged so much. Returns the last epoch that it told.
    """
    with subprocess.Popen([sys.executable, "-c", PROGRAM, url], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(acknowledgements)]
        os.kill(process.pid, signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines()]
    assert process.returncode == -signal.SIGKILL
    return told[-1]


def check(url: str, told: int, lines: int) -> int:
    """
    All that was acknowledged is there, in order, and at most one more of each kind. Returns the newest epoch.
    """
    opened = Store.open(url)
    assert opened.trouble is None
    found = opened.store.load()
    assert found is not None
    assert told <= found.epoch <= told + 1
    assert found == intent(found.epoch, new=found.epoch % 100)
    entries = opened.store.entries(100_000)
    kept = [line.reason for line in reversed(entries)]
    assert len(kept) >= lines
    assert [reason for reason in kept if reason.startswith("save")] == [f"save {e}" for e in range(1, found.epoch + 1)]
    assert opened.store.verify() is None
    opened.store.close()
    return found.epoch


@pytest.mark.parametrize("acknowledgements", [1, 2, 57, 290])
def test_a_process_that_is_killed_in_the_middle_of_its_saves_loses_none(url: str, acknowledgements: int) -> None:
    """
    Every acknowledged intent and line is there, every intent with its line, and the audit verifies.
    """
    check(url, killed_after(url, acknowledgements), acknowledgements)


def test_one_that_is_killed_again_and_again_goes_on_where_it_was(url: str) -> None:
    """
    Each time from the newest epoch.
    """
    newest = 0
    for acknowledgements in (40, 1, 90):
        told = killed_after(url, acknowledgements)
        assert told > newest
        newest = check(url, told, acknowledgements)


@pytest.mark.prove
def test_fifty_kills(url: str) -> None:
    """
    At any moment, the first milliseconds included.
    """
    newest = 0
    for kill in range(50):
        told = killed_after(url, 1 + kill * 37 % 250)
        newest = check(url, told, 1)
    assert newest > 1000
