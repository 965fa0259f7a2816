"""
Bodies, fields and rules that want to cost a comparer its time, its memory or its life.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from proxy.comparer import Clock, TookTooLong
from proxy.settings.model import Judge
from tests.parts.bombs import bombs
from tests.parts.hostile import Case, settle
from tests.parts.traps import traps

ROOT = Path(__file__).parents[2]
CASES = [*bombs(), *traps()]
# Judges all of them, one after the other, with the address space and the time that a comparer has, and prints what came
# of each. As many as may wait for a sample do all the time, and then one is made.
SCRIPT = """
import signal, sys
from dataclasses import replace
from proxy.compare.judge import FRAMES
from proxy.comparer import Clock
from tests.compare.test_hostile import CASES
from proxy.compare.redaction import Redaction
from proxy.evidence.redact import Redactor
from proxy.evidence.sample import Spotted, make_sample
from proxy.evidence.sampling import WAITING, Sampling
from tests.parts.hostile import settle
sampling, redactor, kept = Sampling(), Redactor(Redaction(paths=("$..id",)), b"salt"), []
def take(judgement, answers):
    kept.append(judgement.signature.id)
    other = judgement._replace(signature=replace(judgement.signature, id=str(len(kept))))
    sampling.note(Spotted(endpoint="", route="", judgement=other, version=1, at=0.0, context=b"{}",
        heads=(b"{}", b"{}"), answers=answers), 0.0)
    if len(kept) > WAITING:
        clock.start()
        make_sample(sampling.next(0.0), redactor, "1")
        clock.since = 0.0
sys.setrecursionlimit(FRAMES)
clock = Clock()
for case in CASES:
    if case.name in sys.argv:
        print(case.name, settle(case, clock, take), sep="\\t", flush=True)
signal.setitimer(signal.ITIMER_REAL, 0)
"""


@pytest.fixture
def clock() -> Iterator[Clock]:
    """
    A comparer's clock, which is put away afterwards.
    """
    before = signal.getsignal(signal.SIGALRM)
    clock = Clock()
    yield clock
    clock.since = 0.0
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("all_of_them", [False, pytest.param(True, marks=pytest.mark.prove)])
def test_each_gets_a_verdict_or_a_reason_within_the_memory_and_the_time_of_a_comparer(all_of_them: bool) -> None:
    """
    Also when one process gets all of them in a row.
    """
    memory = Judge().memory
    chosen = [case for case in CASES if all_of_them or not case.long]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *(case.name for case in chosen)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
    )
    told = [line.split("\t") for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name, _ in told] == [case.name for case in chosen]
    assert [(case.name, said) for case, (_, said) in zip(chosen, told, strict=True) if said not in case.may] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith(("ignore_values", "rewrite"))])
def test_a_regular_expression_that_never_ends_is_ended(case: Case, clock: Clock) -> None:
    """
    At the limit of what a pair may cost.
    """
    clock.limit = 0.05

    assert settle(case, clock) == "took too long"


def test_the_clock_stops_when_it_is_told_to_however_long_that_took(clock: Clock) -> None:
    """
    A signal that came while something else was raised, and is looked at only when the clock is being stopped, is none.
    """
    clock.limit = -1.0
    clock.start()

    def fail() -> None:
        try:
            # Both in one call of C, and the second fails: nobody looks for signals in between.
            list(map(ctypes.pythonapi.PyErr_SetInterruptEx, chain([int(signal.SIGALRM)], map(ord, [""]))))
        finally:
            clock.since = 0.0

    with pytest.raises(TypeError, match="ord"):
        fail()
    signal.raise_signal(signal.SIGALRM)


def test_the_clock_raises_until_it_is_stopped(clock: Clock) -> None:
    """
    What is raised the first time may be lost.
    """
    clock.limit = -1.0
    clock.start()

    for _ in range(2):
        with pytest.raises(TookTooLong):
            signal.raise_signal(signal.SIGALRM)
