"""
The command line against a real Parallax: found, signed in to, changed, watched, and killed whatever is broken.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP
from typing import Any

import trustme

from tests.parts.kernel import children
from tests.parts.parallax import PROJECT, Configuration, Parallax, running, until

PATIENCE = 30.0
SIDES: Configuration = {"old": {"url": "http://127.0.0.1:1"}, "new": {"url": "http://127.0.0.1:2"}}
STICKY: Configuration = {"sticky": {"key": ["header:X-User"]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """
    What a command said, and how it ended.
    """

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """
    An operator's shell on the machine where `parallax` runs.
    """

    parallax: Parallax
    folder: Path

    async def run(self, *words: str, **environment: str) -> Ran:
        """
        One command.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", *words),
            cwd=PROJECT,
            env=self.environment(environment),
            stdout=PIPE,
            stderr=PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Ran(code=process.returncode, out=out.decode(), err=err.decode())

    async def weights(self) -> dict[str, Any]:
        """
        What is in force, as scripts get it.
        """
        answer: dict[str, Any] = json.loads((await self.run("weights", "--json")).out)
        return answer

    @property
    def control(self) -> int:
        """
        The process id of control.
        """
        (pid,) = (pid for pid, line in children(self.parallax.pid).items() if "proxy.control" in line)
        return pid

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """
        The shell's variables: nothing of another Parallax, and no other registry than the test's.
        """
        usual = {key: value for key, value in os.environ.items() if not key.startswith("PARALLAX_")}
        return {**usual, "XDG_RUNTIME_DIR": str(self.folder), **more}


@asynccontextmanager
async def desk(folder: Path, **configuration: Any) -> AsyncIterator[Desk]:
    """
    A Parallax in front of two sides that nobody asks, and its operator.
    """
    environment = {"XDG_RUNTIME_DIR": str(folder)}
    async with running({**SIDES, **STICKY, **configuration}, folder / "home", environment=environment) as parallax:
        found = Desk(parallax=parallax, folder=folder)

        async def answers() -> bool:
            return (await found.run("weights")).code == 0

        await until(answers, "control answers", PATIENCE)
        yield found


async def test_weights_are_changed_and_told(tmp_path: Path) -> None:
    """
    Nobody says where it is or who they are; the audit has what was done.
    """
    async with desk(tmp_path, workers=2) as here:
        change = await here.run("weights", "set", "--new", "25", "--reason", "first users")
        copies = await here.run("mirror", "set", "--percent", "50", "--reason", "new is short of disk")
        stale = await here.run("weights", "set", "--new", "50", "--epoch", "1", "--reason", "late")
        bad = await here.run("weights", "set", "--new", "50", "--reason", "")
        now = await here.weights()
        audit = await here.run("audit")
        reload = await here.run("reload")

    assert change.code == 0
    assert change.out.startswith("new 0 % → 25 % (epoch 1 → 2)\n")
    assert copies.out.startswith("mirror 100 % → 50 % (epoch 2 → 3)\n")
    assert (stale.code, bad.code) == (1, 2)
    assert "refuses (409): " in stale.err
    assert "refuses (422): reason" in bad.err
    assert (now["new"], now["mirror"], now["epoch"]) == (25.0, 50.0, 3)
    assert "weights  new 0 → 25" in audit.out
    assert audit.out.splitlines()[0].split()[1:] == [
        "local",
        "mirror",
        "mirror",
        "100",
        "→",
        "50",
        "new",
        "is",
        "short",
        "of",
        "disk",
    ]
    assert reload.out.startswith("reloaded ")


async def test_a_kill_and_the_way_back(tmp_path: Path) -> None:
    """
    Four letters, no reason; and what stood before is in force again.
    """
    async with desk(tmp_path) as here:
        await here.run("weights", "set", "--new", "25", "--reason", "first users")
        kill = await here.run("kill")
        killed = await here.weights()
        # On a machine that is slow enough the API was given up, and the file was laid too.
        (here.parallax.folder / "var" / "kill").unlink(missing_ok=True)
        restore = await here.run("restore", "--reason", "orders are found again")
        after = await here.weights()

    assert kill.code == 0
    assert kill.out.startswith("killed ")
    assert ": everything goes to old and nothing is copied" in kill.out
    assert killed["killed"]
    assert (restore.code, after["killed"], after["new"]) == (0, False, 25.0)
    assert "old answers 75 % of requests, new 25 %" in restore.out


async def test_with_control_hung_the_kill_file_kills(tmp_path: Path) -> None:
    """
    It is given up after 2.5 s; and what holds the kill is told by kill, and by restore.
    """
    async with desk(tmp_path) as here:
        os.kill(here.control, SIGSTOP)
        kill = await here.run("kill", "--reason", "new loses orders")
        os.kill(here.control, SIGCONT)
        refused = await here.run("restore", "--reason", "too early")
        file = here.parallax.folder / "var" / "kill"
        file.unlink()
        restore = await here.run("restore", "--reason", "found them")
        audit = await here.run("audit")

    assert kill.code == 0
    assert "didn't answer within 2.5 s" in kill.err
    # On a machine that is slow enough nothing is seen to come of the file in time, and the signal follows.
    assert kill.out.startswith((f"killed by the file {file}: everything goes to old", "killed by SIGUSR1 to "))
    assert kill.out.splitlines()[1] == f'back again: rm {file}; parallax restore --reason "…"'
    assert refused.code == 1
    assert str(file) in refused.err
    assert restore.code == 0
    assert "new loses orders" in audit.out


async def test_with_control_and_the_file_away_the_signal_kills(tmp_path: Path) -> None:
    """
    Whatever else is broken, the supervisor hears it.
    """
    async with desk(tmp_path, kill_file="gone/kill") as here:
        os.kill(here.control, SIGSTOP)
        kill = await here.run("kill", "--json")
        os.kill(here.control, SIGCONT)
        weights = await here.weights()
    told = json.loads(kill.out)

    assert (kill.code, told["way"], told["seen"], told["file"]) == (0, "signal", True, None)
    assert "gone/kill can't be made (no such file or directory)" in kill.err
    assert weights["killed"]


async def test_a_lost_token_keeps_nobody_from_killing(tmp_path: Path) -> None:
    """
    But it keeps everybody from changing.
    """
    async with desk(tmp_path) as here:
        change = await here.run("weights", "set", "--new", "1", "--reason", "x", PARALLAX_ADMIN_TOKEN="plx_wrong")
        kill = await here.run("kill", PARALLAX_ADMIN_TOKEN="plx_wrong")
        weights = await here.weights()

    assert change.code == 1
    assert "doesn't know the token from PARALLAX_ADMIN_TOKEN" in change.err
    assert kill.code == 0
    assert kill.out.startswith("killed by ")
    assert weights["killed"]


async def test_a_watcher_outlives_control(tmp_path: Path) -> None:
    """
    It has a line for the change that was made in between.
    """
    async with desk(tmp_path) as here:
        here.parallax.forgiven.add("child_ended")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", "status", "--watch"), cwd=PROJECT, env=here.environment({}), stdout=PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            first = await process.stdout.readline()
            os.kill(here.control, SIGKILL)
            assert (await here.run("weights", "set", "--new", "5", "--reason", "x")).code in (0, 1)

            async def changed() -> bool:
                return (await here.run("weights", "set", "--new", "5", "--reason", "x")).code == 0

            await until(changed, "control is back", PATIENCE)
            while b"new 5 %" not in (last := await process.stdout.readline()):
                assert last
            process.send_signal(SIGINT)
            assert await process.wait() == 0

    assert b"old 100 %, new 0 %" in first


async def test_an_admin_port_with_tls_is_trusted_by_its_own_certificate(tmp_path: Path) -> None:
    """
    On the same machine nobody names a CA; elsewhere it is wanted.
    """
    ca = trustme.CA()
    home = tmp_path / "home"
    home.mkdir()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    made = ca.issue_cert("parallax.example.com", "127.0.0.1")
    made.private_key_pem.write_to_path(str(home / "key.pem"))
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(str(home / "certificate.pem"), append=number > 0)
    tls = {"listen": "127.0.0.1:0", "tls": {"certificate": "certificate.pem", "key": "key.pem"}}
    async with desk(tmp_path, admin=tls) as here:
        found = await here.run("kill")
        admin = f"https://127.0.0.1:{here.parallax.admin[1]}"
        token = (home / "var" / "admin-token").read_text()
        elsewhere = {"XDG_RUNTIME_DIR": str(home), "PARALLAX_ADMIN_TOKEN": token}
        distrusted = await here.run("weights", "--admin", admin, **elsewhere)
        trusted = await here.run("weights", "--admin", admin, "--ca", str(tmp_path / "ca.pem"), **elsewhere)

    assert found.code == 0
    assert distrusted.code == 1
    assert "isn't trusted (" in distrusted.err
    assert trusted.out.startswith("killed: everything goes to old")
