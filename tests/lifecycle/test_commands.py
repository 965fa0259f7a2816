"""
The command line against a real Parallax: found, signed in to, changed, watched, and killed whatever is broken.

All but one share that Parallax; each finds it with everything on old, copied, and not killed.
"""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP
from typing import Any

import pytest
import pytest_asyncio
import trustme

from tests.parts.client import Client, get
from tests.parts.kernel import children
from tests.parts.parallax import PROJECT, Configuration, Parallax, running, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

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
    # The processes of Parallax that the tests have killed.
    killed: set[int] = field(default_factory=set)

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

    @property
    def kill_file(self) -> Path:
        """
        Where the shared Parallax looks for one.
        """
        return self.parallax.folder / "place" / "kill"

    async def begin_anew(self) -> None:
        """
        Take back what a test has done, without any command.
        """
        self.kill_file.unlink(missing_ok=True)
        for method, target, body in (
            (b"POST", b"/admin/restore", b'{"reason": "next"}'),
            (b"PUT", b"/admin/weights", b'{"new": 0, "mirror": 100, "reason": "next"}'),
        ):
            fields = (b"Content-Type: application/json", b"Content-Length: %d" % len(body), b"Connection: close")
            signed = await self.parallax.signed_in()

            async def done(raw: bytes = get(target, signed, *fields, method=method, host=b"localhost") + body) -> bool:
                client = await Client.connect(self.parallax.admin)
                try:
                    return (await client.ask(raw)).status == 200
                finally:
                    client.close()

            await until(done, f"{target.decode()} is obeyed", PATIENCE)

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """
        The shell's variables: nothing of another Parallax, and no other registry than the test's.
        """
        usual = {key: value for key, value in os.environ.items() if not key.startswith("PARALLAX_")}
        return {**usual, "PARALLAX_RUNTIME_DIR": str(self.folder / "runtime"), **more}


@asynccontextmanager
async def desk(folder: Path, **configuration: Any) -> AsyncIterator[Desk]:
    """
    A Parallax in front of two sides that nobody asks, and its operator.
    """
    environment = {"PARALLAX_RUNTIME_DIR": str(folder / "runtime")}
    async with running({**SIDES, **STICKY, **configuration}, folder / "home", environment=environment) as parallax:
        yield Desk(parallax=parallax, folder=folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """
    One for nearly all tests.
    """
    folder = tmp_path_factory.mktemp("desk")
    (folder / "home" / "place").mkdir(parents=True)
    async with desk(folder, workers=2, kill_file="place/kill") as made:
        made.parallax.forgiven.add("child_ended")
        yield made

        assert {line["pid"] for line in made.parallax.events("child_ended")} == made.killed


@pytest_asyncio.fixture(loop_scope="module")
async def here(shared_desk: Desk) -> AsyncIterator[Desk]:
    """
    The same as if it had just begun.
    """
    yield shared_desk
    await shared_desk.begin_anew()


@pytest.mark.parametrize("words", [("status",), ("weights", "set", "--new", "5", "--reason", "deployed")])
async def test_commands_work_from_the_ready_line_on(words: tuple[str, ...], tmp_path: Path) -> None:
    """
    A script that waits for it asks at once: the token lies there, and control, which begins meanwhile, answers.
    """
    async with desk(tmp_path) as here:
        token = here.parallax.folder / "var" / "admin-token"
        mode = token.stat().st_mode & 0o777
        ran = await here.run(*words)

    assert (mode, ran.code, ran.err) == (0o600, 0, "")


async def test_weights_are_changed_and_told(here: Desk) -> None:
    """
    Nobody says where it is or who they are; the audit has what was done.
    """
    first = (await here.weights())["epoch"]
    change = await here.run("weights", "set", "--new", "25", "--reason", "first users")
    copies = await here.run("mirror", "set", "--percent", "50", "--reason", "new is short of disk")
    stale = await here.run("weights", "set", "--new", "50", "--epoch", f"{first}", "--reason", "late")
    bad = await here.run("weights", "set", "--new", "50", "--reason", "")
    now = await here.weights()
    audit = await here.run("audit")
    reload = await here.run("reload")

    assert change.code == 0
    assert change.out.startswith(f"new 0 % → 25 % (epoch {first} → {first + 1})\n")
    assert copies.out.startswith(f"mirror 100 % → 50 % (epoch {first + 1} → {first + 2})\n")
    assert (stale.code, bad.code) == (1, 2)
    assert "refuses (409): " in stale.err
    assert "refuses (422): reason" in bad.err
    assert (now["new"], now["mirror"], now["epoch"]) == (25.0, 50.0, first + 2)
    assert re.search("weights +new 0 → 25 +first users", audit.out)
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


async def test_a_kill_and_the_way_back(here: Desk) -> None:
    """
    Four letters, no reason; and what stood before is in force again.
    """
    await here.run("weights", "set", "--new", "25", "--reason", "first users")
    kill = await here.run("kill")
    killed = await here.weights()
    # On a machine that is slow enough the API was given up, and the file was laid too.
    here.kill_file.unlink(missing_ok=True)
    restore = await here.run("restore", "--reason", "orders are found again")
    after = await here.weights()

    assert kill.code == 0
    assert kill.out.startswith("killed ")
    assert ": everything goes to old and nothing is copied" in kill.out
    assert killed["killed"]
    assert (restore.code, after["killed"], after["new"]) == (0, False, 25.0)
    assert "old answers 75 % of requests, new 25 %" in restore.out


async def test_with_control_hung_the_kill_file_kills(here: Desk) -> None:
    """
    It is given up after 2.5 s; and what holds the kill is told by kill, and by restore.
    """
    os.kill(here.control, SIGSTOP)
    kill = await here.run("kill", "--reason", "new loses orders")
    os.kill(here.control, SIGCONT)
    refused = await here.run("restore", "--reason", "too early")
    here.kill_file.unlink()
    restore = await here.run("restore", "--reason", "found them")
    audit = await here.run("audit")

    assert kill.code == 0
    assert "didn't answer within 2.5 s" in kill.err
    # On a machine that is slow enough nothing is seen to come of the file in time, and the signal follows.
    assert kill.out.startswith(
        (f"killed by the file {here.kill_file}: everything goes to old", "killed by SIGUSR1 to ")
    )
    assert kill.out.splitlines()[1] == f'back again: rm {here.kill_file}; parallax restore --reason "…"'
    assert refused.code == 1
    assert str(here.kill_file) in refused.err
    assert restore.code == 0
    assert "new loses orders" in audit.out


async def test_with_control_and_the_file_away_the_signal_kills(here: Desk) -> None:
    """
    Whatever else is broken, the supervisor hears it.
    """
    place = here.kill_file.parent
    place.rename(place.with_name("elsewhere"))
    try:
        os.kill(here.control, SIGSTOP)
        kill = await here.run("kill", "--json")
        os.kill(here.control, SIGCONT)
        weights = await here.weights()
    finally:
        place.with_name("elsewhere").rename(place)
    told = json.loads(kill.out)

    assert (kill.code, told["way"], told["seen"], told["file"]) == (0, "signal", True, None)
    assert "place/kill can't be made (no such file or directory)" in kill.err
    assert weights["killed"]


async def test_a_lost_token_keeps_nobody_from_killing(here: Desk) -> None:
    """
    But it keeps everybody from changing.
    """
    change = await here.run("weights", "set", "--new", "1", "--reason", "x", PARALLAX_ADMIN_TOKEN="plx_wrong")
    kill = await here.run("kill", PARALLAX_ADMIN_TOKEN="plx_wrong")
    weights = await here.weights()

    assert change.code == 1
    assert "doesn't know the token from PARALLAX_ADMIN_TOKEN" in change.err
    assert kill.code == 0
    assert kill.out.startswith("killed by ")
    assert weights["killed"]


async def test_a_watcher_outlives_control(here: Desk) -> None:
    """
    It has a line for the change that was made in between.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "status", "--watch"), cwd=PROJECT, env=here.environment({}), stdout=PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        first = await process.stdout.readline()
        here.killed.add(here.control)
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
        elsewhere = {"PARALLAX_RUNTIME_DIR": str(home), "PARALLAX_ADMIN_TOKEN": token}
        distrusted = await here.run("weights", "--admin", admin, **elsewhere)
        trusted = await here.run("weights", "--admin", admin, "--ca", str(tmp_path / "ca.pem"), **elsewhere)
        # Renewed by whoever does that, and not taken yet.
        renewed = trustme.CA().issue_cert("127.0.0.1")
        renewed.private_key_and_cert_chain_pem.write_to_path(str(home / "certificate.pem"))
        meanwhile = await here.run("weights")

    assert (found.code, meanwhile.code) == (0, 0)
    assert distrusted.code == 1
    assert "isn't trusted (" in distrusted.err
    assert trusted.out.startswith("killed: everything goes to old")
