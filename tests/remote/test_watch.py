"""
`parallax status --watch`, as a process: until Ctrl-C, and through whatever happens to what it watches.
"""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parts.admin import WEIGHTS, admin, ready

PROJECT = Path(__file__).parents[2]
PATIENCE = 20.0


@contextmanager
def watching(url: str, *words: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """
    A watcher, ended afterwards.
    """
    command = [sys.executable, "-m", "proxy", "status", "--watch", "--admin", url, *words]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=PROJECT, env=environment
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def next_line(run: subprocess.Popen[str]) -> str:
    assert run.stdout is not None
    assert select.select([run.stdout], [], [], PATIENCE)[0]
    return run.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_piped_it_says_one_line_for_each_change(number: signal.Signals) -> None:
    """
    With the time, and Ctrl-C is a proper end.
    """
    with admin(ready()) as port, watching(port.url) as run:
        first = next_line(run)
        port.answers.update(ready({**WEIGHTS, "new": 25.0, "old": 75.0, "epoch": 4}))
        second = next_line(run)
        run.send_signal(number)
        rest, errors = run.communicate(timeout=PATIENCE)

    assert first[8:].startswith("Z  ready; old 90 %, new 10 %, mirror 100 %; epoch 3 in 1 of 1 workers")
    assert second[8:].startswith("Z  ready; old 75 %, new 25 %, mirror 100 %; epoch 4 in 0 of 1 workers")
    assert (run.returncode, rest, errors) == (0, "", "")


def test_it_outlives_what_it_watches() -> None:
    """
    Control is restarted, and the watcher has a line for that and goes on.
    """
    with admin(ready()) as port, watching(port.url) as run:
        next_line(run)
        port.answers["GET /readyz"] = (503, "draining")
        gone = next_line(run)
        port.answers.update(ready())
        back = next_line(run)

    assert "not ready: draining; old 90 %" in gone
    assert "Z  ready; old 90 %" in back


def test_for_scripts_it_is_an_object_a_line() -> None:
    """
    The same that `status --json` has.
    """
    with admin(ready()) as port, watching(port.url, "--json") as run:
        assert next_line(run).startswith('{"ready": true, "reason": "", "weights": {"epoch": 3')


def test_a_terminal_gets_a_picture_and_its_cursor_back() -> None:
    """
    However it ends.
    """
    ours, theirs = pty.openpty()
    try:
        with admin(ready()) as port, watching(port.url, stdout=theirs) as run:
            shown = b""
            while b"copies" not in shown:
                assert select.select([ours], [], [], PATIENCE)[0]
                shown += os.read(ours, 65536)
            run.send_signal(signal.SIGTERM)
            assert run.wait(PATIENCE) == 0
            while select.select([ours], [], [], 0)[0]:
                shown += os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)

    assert b"\x1b[?25l" in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
