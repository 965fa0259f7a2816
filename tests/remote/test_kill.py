"""
`parallax kill`: each way when those before it fail, and nothing said to have worked that wasn't seen to.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.remote import latch
from proxy.remote.find import Target
from proxy.remote.kill import Outcome, kill
from proxy.remote.registry import running
from tests.parts.admin import WEIGHTS, admin
from tests.parts.registered import registered

# What a supervisor does as far as `kill` can see it: obeys the file and the signal, as its arguments allow, and keeps
# the latch on disk.
SUPERVISOR = """
import json, os, signal, sys, time
state, file, by_signal = sys.argv[1], sys.argv[2] == "file", sys.argv[3] == "signal"
def latch(*_):
    with open(f"{state}/new", "w") as new:
        json.dump({"killed": True, "by": "", "reason": "", "at": "", "number": 1}, new)
    os.replace(f"{state}/new", f"{state}/latch.json")
signal.signal(signal.SIGUSR1, latch if by_signal else signal.SIG_IGN)
print("up", flush=True)
while True:
    if file and os.path.exists(f"{state}/kill"):
        latch()
    time.sleep(0.02)
"""
NOBODY = "127.0.0.1:1"


@contextmanager
def supervisor(folder: Path, admin_at: str, *, file: bool = True, by_signal: bool = True) -> Iterator[Target]:
    """
    A registered supervisor that obeys what it is said to.
    """
    state = folder / "state"
    state.mkdir(mode=0o700)
    words = [sys.executable, "-c", SUPERVISOR, str(state), "file" if file else "-", "signal" if by_signal else "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            with registered(folder / "registry", state, admin_at, pid=process.pid):
                (entry,) = running((folder / "registry",))
                yield Target(url=f"http://{admin_at}", entry=entry)
        finally:
            process.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where something comes of it, a slow machine gets its time.
    """
    monkeypatch.setattr(latch, "PATIENCE", 20.0)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where nothing comes of it, nobody waits for long.
    """
    monkeypatch.setattr(latch, "PATIENCE", 0.2)


def outcome(target: Target, kill_file: Path | None = None) -> tuple[Outcome, list[str]]:
    """
    How killing went, and what was said on the way.
    """
    told: list[str] = []
    return kill(target, "why", kill_file, told.append), told


def test_with_control_there_it_is_asked() -> None:
    """
    And nothing else is done.
    """
    with admin({"POST /admin/kill": (200, {**WEIGHTS, "killed": True})}) as port:
        found, told = outcome(Target(url=port.url))

    assert (found.way, found.seen, told) == ("api", True, ["one worker lags (warning)"])
    assert found.said == f"killed {port.url}: everything goes to old and nothing is copied, in every worker (1)"


def test_workers_that_lag_are_named() -> None:
    """
    The latch is set, and they have not said so yet.
    """
    with admin({"POST /admin/kill": (202, {**WEIGHTS, "killed": True, "lagging": ["host/0"]})}) as port:
        found, _ = outcome(Target(url=port.url))

    assert found.said.endswith("not yet in host/0, which will get it or be replaced")


@pytest.mark.usefixtures("hurried")
def test_a_supervisor_that_hangs_has_not_killed(tmp_path: Path) -> None:
    """
    Control took the kill and nobody obeys: the other ways are tried, and it isn't said to be done.
    """
    taken = {**WEIGHTS, "killed": True, "lagging": [worker["id"] for worker in WEIGHTS["workers"]]}
    with (
        admin({"POST /admin/kill": (202, taken)}) as port,
        supervisor(tmp_path, NOBODY, file=False, by_signal=False) as target,
    ):
        found, told = outcome(replace(target, url=port.url))

    assert (found.way, found.seen) == (None, False)
    assert told[0] == "the API: control took it, but not one worker has it yet, nor does the supervisor say so"


@pytest.mark.usefixtures("patient")
def test_with_control_away_the_file_is_laid(tmp_path: Path) -> None:
    """
    And its effect is seen.
    """
    with supervisor(tmp_path, NOBODY) as target:
        found, told = outcome(target)
        left = json.loads((tmp_path / "state" / "kill").read_text())

    assert (found.way, found.seen) == ("file", True)
    assert len(told) == 1
    assert told[0].startswith("the API: nothing answers at http://127.0.0.1:1 (connection refused); ")
    assert left["reason"] == "why"
    assert found.back({"--ca": None}) == f'rm {tmp_path / "state" / "kill"}; parallax restore --reason "…"'
    assert sorted(path.name for path in (tmp_path / "state").iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("answer", [(401, {"error": "x"}), (500, {"error": "x"}), (200, [])])
@pytest.mark.usefixtures("patient")
def test_a_control_that_refuses_is_no_obstacle(answer: tuple[int, object], tmp_path: Path) -> None:
    """
    A lost token must not keep anybody from killing.
    """
    with (
        admin({"POST /admin/kill": answer}) as port,
        supervisor(tmp_path, port.url.removeprefix("http://")) as target,
    ):
        assert outcome(target)[0].way == "file"


def test_a_file_that_nobody_looks_at_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its disk may hang: the signal needs none.
    """
    monkeypatch.setattr(latch, "PATIENCE", 3.0)
    with supervisor(tmp_path, NOBODY, file=False) as target:
        found, told = outcome(target)

    assert (found.way, found.seen) == ("signal", True)
    assert told[1].startswith("the file: ")
    assert told[1].endswith("is there, and nothing was seen to come of it within 1.5 s")


@pytest.mark.usefixtures("patient")
def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """
    And the signal is sent.
    """
    with supervisor(tmp_path, NOBODY) as target:
        found, told = outcome(target, tmp_path / "gone" / "kill")

    assert found.way == "signal"
    assert told[1] == f"the file: {tmp_path / 'gone' / 'kill'} can't be made (no such file or directory)"


@pytest.mark.usefixtures("hurried")
def test_when_nothing_is_seen_to_work_it_says_so(tmp_path: Path) -> None:
    """
    A stopped supervisor: with its process id, and what would help.
    """
    with supervisor(tmp_path, NOBODY, file=False, by_signal=False) as target:
        found, told = outcome(target)
        assert target.entry is not None
        pid = target.entry.pid

    assert (found.way, found.seen) == (None, False)
    assert found.said == (
        f"not seen to be killed: is the supervisor (process {pid}) stopped? It obeys when it goes on: kill -CONT {pid}"
    )
    assert len(told) == 3


@pytest.mark.usefixtures("hurried")
def test_a_supervisor_that_is_gone_is_not_signalled(tmp_path: Path) -> None:
    """
    Its process id may be somebody else's.
    """
    with supervisor(tmp_path, NOBODY, file=False) as target:
        pass
    found, told = outcome(target)

    assert found.way is None
    assert told[-1].endswith("is gone; start `parallax serve`")


def test_a_kill_file_alone_is_laid_and_cannot_be_checked(tmp_path: Path) -> None:
    """
    For a Parallax of another user, or in a container with that folder mounted.
    """
    file = tmp_path / "kill"
    found, _ = outcome(Target(url=f"http://{NOBODY}"), file)

    assert (found.way, found.seen) == ("file", False)
    assert found.said == f"{file} is laid: a Parallax that looks there obeys within 1 s, which can't be seen from here"
    assert file.exists()


def test_a_kill_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """
    Killing twice is no failure, and who was first keeps the reason.
    """
    file = tmp_path / "kill"
    file.write_text("mine")
    found, _ = outcome(Target(url=f"http://{NOBODY}"), file)

    assert found.way == "file"
    assert file.read_text() == "mine"


def test_nowhere_to_go_is_told_with_what_would_help() -> None:
    """
    No API, no file, no process.
    """
    found, _ = outcome(Target(url=f"http://{NOBODY}"))

    assert found.way is None
    assert "name its kill file with --kill-file PATH" in found.said


def test_a_hung_control_that_killed_all_the_same_is_enough(tmp_path: Path) -> None:
    """
    It didn't answer in time, and the latch is set: no file is laid that a restore would trip over.
    """
    with admin({}) as port, supervisor(tmp_path, port.url.removeprefix("http://")) as target:
        entry = target.entry
        assert entry is not None
        port.answers["POST /admin/kill"] = lambda: os.kill(entry.pid, signal.SIGUSR1)
        found, told = outcome(target)

    assert (found.way, found.seen) == ("api", True)
    assert "didn't answer within 2.5 s" in told[0]
    assert not (tmp_path / "state" / "kill").exists()
