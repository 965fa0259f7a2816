"""
Commands of checklists: real processes, whatever they do.
"""

import asyncio
import os
import re
import select
import sys
from pathlib import Path

import pytest

from proxy.sources.command import TAIL, Command, Ended, run
from proxy.tasks import spawn


def python(program: str, folder: Path, *, seconds: float = 30.0) -> Command:
    """
    A command that runs a few lines of Python.
    """
    return command([sys.executable, "-c", program], folder, seconds=seconds)


def command(line: str | list[str], folder: Path, *, seconds: float = 30.0) -> Command:
    """
    A command of a stage.
    """
    return Command(
        line=line, folder=folder, plan="orders", stage="live-1", admin_url="http://127.0.0.1:9900", seconds=seconds
    )


@pytest.mark.parametrize(("line", "code"), [("true", 0), ("false", 1), ("sh -c 'exit 7'", 7)])
async def test_the_exit_code_says_whether_it_is_good(line: str, code: int, tmp_path: Path) -> None:
    """
    0 is, and nothing else.
    """
    ended = await run(command(line, tmp_path))

    assert (ended.how, ended.code, ended.said) == ("exited", code, f"exit code {code}")
    assert ended.is_good == (code == 0)


async def test_no_shell_reads_the_line(tmp_path: Path) -> None:
    """
    What would be a second command, a variable or a redirection there is an argument here.
    """
    ended = await run(command("echo $HOME; echo 'a  b' > file", tmp_path))
    listed = await run(command("ls", tmp_path))

    assert ended.tail == "$HOME; echo a  b > file\n"
    assert listed.tail == ""


async def test_it_runs_in_the_folder_of_the_plan_and_gets_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Of the environment it gets what programs need to run, and what they need to know.
    """
    monkeypatch.setenv("PARALLAX_ADMIN_TOKEN", "plx_secret")
    monkeypatch.setenv("NEW_TOKEN", "secret")

    ended = await run(python("import os; print(os.getcwd(), *sorted(os.environ.items()), sep='\\n')", tmp_path))

    assert ended.tail.startswith(f"{tmp_path}\n")
    assert "('PARALLAX_PLAN', 'orders')\n('PARALLAX_STAGE', 'live-1')" in ended.tail
    assert "('PARALLAX_ADMIN_URL', 'http://127.0.0.1:9900')" in ended.tail
    assert "secret" not in ended.tail


async def test_its_time_is_up(tmp_path: Path) -> None:
    """
    It is killed with all its group, though it and its child would ignore a polite signal.
    """
    program = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "print(os.getpid(), child, flush=True) if child else None\n"
        "time.sleep(600)"
    )

    ended = await run(python(program, tmp_path, seconds=1.0))
    if not ended.tail:
        # On a slow day, a short time is up before it has begun.
        ended = await run(python(program, tmp_path, seconds=20.0))

    assert ended.how == "timed_out"
    assert not ended.is_good
    assert re.fullmatch(r"killed after \d+\.\d s", ended.said)
    pids = [int(pid) for pid in ended.tail.split()]
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def is_gone(pid: int) -> bool:
    """
    Has a process ended, or does it, now that it was killed?
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([descriptor], [], [], 20)[0])
    os.close(descriptor)
    return ended


async def test_a_flood_costs_no_memory(tmp_path: Path) -> None:
    """
    The end of it is kept: 64 MB came.
    """
    program = "import sys\nfor _ in range(1024): sys.stdout.write('x' * 65536)\nsys.stdout.write('the end')"

    ended = await run(python(program, tmp_path))

    assert ended.is_good
    assert len(ended.tail) == TAIL
    assert ended.tail.endswith("xthe end")


async def test_one_that_never_stops_writing_is_killed_too(tmp_path: Path) -> None:
    """
    There is always something to read.
    """
    ended = await run(command("yes", tmp_path, seconds=1.0))

    assert ended.how == "timed_out"
    assert "y\ny\n" in ended.tail


@pytest.mark.parametrize("leaves", ["", "os.setsid();"])
async def test_a_grandchild_that_holds_the_pipe_holds_up_nobody(leaves: str, tmp_path: Path) -> None:
    """
    Neither one of its group, which is killed, nor one that has left it.
    """
    program = f"import os, time\nprint('done', flush=True)\nif not os.fork(): {leaves} time.sleep(20)"

    ended = await asyncio.wait_for(run(python(program, tmp_path)), 15)

    assert (ended.how, ended.code, ended.tail) == ("exited", 0, "done\n")


async def test_what_wrote_to_both_outputs_is_told_in_order(tmp_path: Path) -> None:
    """
    Bytes that are no text included.
    """
    program = r"import os; os.write(1, b'a\n'); os.write(2, b'\xff\n'); os.write(1, b'c')"

    assert (await run(python(program, tmp_path))).tail == "a\n\ufffd\nc"


async def test_somebody_else_kills_it(tmp_path: Path) -> None:
    """
    That is no exit code.
    """
    ended = await run(python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path))

    assert (ended.how, ended.code, ended.said) == ("killed", None, "ended by a signal (Segmentation fault)")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nowhere/to/be/found --now", "nowhere/to/be/found is not there"),
        ("no-such-program", "no-such-program is not there"),
        ("./plain", "./plain may not be run"),
        ("./garbage", "it could not be started: exec format error"),
        ("unfinished 'quote", "it could not be started: No closing quotation"),
        ("", "it could not be started: there is no command"),
        (["a\0b"], "it could not be started: embedded null byte"),
    ],
)
async def test_what_cannot_be_started_says_why(line: str | list[str], said: str, tmp_path: Path) -> None:
    """
    In a sentence; nothing runs.
    """
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "garbage").write_bytes(b"\x00\x01garbage")
    (tmp_path / "garbage").chmod(0o700)

    assert await run(command(line, tmp_path)) == Ended(how="not_started", code=None, seconds=0.0, tail="", said=said)


async def test_a_folder_that_is_gone_says_so(tmp_path: Path) -> None:
    """
    It is the folder that is named.
    """
    assert (await run(command("true", tmp_path / "gone"))).said == f"{tmp_path}/gone is not there"


async def test_nobody_waits_any_more(tmp_path: Path) -> None:
    """
    Then it is killed: nobody will hear how it ends.
    """
    os.mkfifo(tmp_path / "alive")
    program = "import os, time; pipe = os.open('alive', os.O_WRONLY); os.write(pipe, b'here'); time.sleep(600)"
    running = spawn(run(python(program, tmp_path)), name="a command")
    pipe = await asyncio.to_thread(os.open, tmp_path / "alive", os.O_RDONLY)
    assert await asyncio.to_thread(os.read, pipe, 10) == b"here"

    running.cancel()

    # Only its end closes its end of the pipe.
    assert await asyncio.to_thread(os.read, pipe, 10) == b""
    os.close(pipe)
