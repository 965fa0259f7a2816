"""
A real Parallax in processes of its own: started from a configuration, asked through its admin port, stopped by signal.
"""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import MappingProxyType
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from proxy.tasks import spawn
from tests.parts.client import Address, Client, get
from tests.parts.kernel import children
from tests.parts.strict import PATIENCE

PROJECT = Path(__file__).parents[2]
Configuration = dict[str, Any]

BASE: Configuration = {
    "listen": "127.0.0.1:0",
    "health": {"listen": "127.0.0.1:0"},
    "admin": {"listen": "127.0.0.1:0"},
    "workers": 1,
    "drain": {"delay": 0},
    # A machine that stalls is no overload of ours.
    "overload": {"lag": 0},
}
# Books are published once a second.
BOOKS_PATIENCE = 20.0


def merged(base: Configuration, change: Configuration) -> Configuration:
    """
    `base` with the keys of `change`, section by section.
    """
    result = dict(base)
    for key, value in change.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


async def until(condition: Callable[[], Awaitable[bool]], what: str, patience: float = PATIENCE) -> None:
    """
    Return once `condition` holds; fail, naming `what`, when it does not within `patience` seconds.
    """
    try:
        async with asyncio.timeout(patience):
            while not await condition():  # noqa: ASYNC110
                # The one place that waits by the clock: for a fact that another process publishes by the clock.
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {patience} s: {what}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """
    What Parallax says it did, all endpoints and workers together. What never happened is not listed.
    """

    eligible: int
    verdicts: dict[str, int]
    skipped: dict[str, int]
    errors: dict[str, int]
    requests: dict[str, int]
    memory: int

    @property
    def balanced(self) -> bool:
        """
        Every eligible exchange has one end.
        """
        return self.eligible == sum(self.verdicts.values()) + sum(self.skipped.values())

    def since(self, earlier: "Books") -> "Books":
        """
        What happened after `earlier`. `memory` stays as it is now.
        """
        return Books(
            eligible=self.eligible - earlier.eligible,
            verdicts=_less(self.verdicts, earlier.verdicts),
            skipped=_less(self.skipped, earlier.skipped),
            errors=_less(self.errors, earlier.errors),
            requests=_less(self.requests, earlier.requests),
            memory=self.memory,
        )


def _less(now: dict[str, int], then: dict[str, int]) -> dict[str, int]:
    return {key: count - then.get(key, 0) for key, count in now.items() if count != then.get(key, 0)}


class Parallax:
    """
    A running Parallax, whose configuration lies in `folder`. `log` holds what it wrote to stderr, line by line, parsed.
    """

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.log: list[dict[str, Any]] = []
        self.noise: list[str] = []
        # Events that may be logged as errors, because the test causes them.
        self.forgiven: set[str] = set()
        self.ready: dict[str, Any] = {}
        self._is_ready = asyncio.Event()
        self._reading = spawn(self._read(), name="parallax stderr")

    @property
    def pid(self) -> int:
        """
        The supervisor's process id.
        """
        return self.process.pid

    @property
    def address(self) -> Address:
        """
        Where clients connect.
        """
        return _address(self.ready["listen"])

    @property
    def admin(self) -> Address:
        """
        Where control answers.
        """
        return _address(self.ready["admin"])

    @property
    def health(self) -> Address:
        """
        Where the supervisor answers probes.
        """
        return _address(self.ready["health"])

    def workers(self) -> list[int]:
        """
        The process ids of the workers.
        """
        return sorted(pid for pid, line in children(self.pid).items() if "proxy.worker" in line)

    def controls(self) -> list[int]:
        """
        The process id of control, if it is there.
        """
        return [pid for pid, line in children(self.pid).items() if "proxy.control" in line]

    def control(self) -> int:
        """
        The process id of control, 0 while there is none.
        """
        return next((pid for pid, line in children(self.pid).items() if "proxy.control" in line), 0)

    def events(self, name: str) -> list[dict[str, Any]]:
        """
        The log lines of one event.
        """
        return [line for line in self.log if line.get("event") == name]

    async def wait_ready(self, patience: float = 20.0) -> None:
        """
        Return once the "ready" line is there. Raises `AssertionError` with what was logged instead.
        """
        gone = spawn(self.process.wait(), name="parallax exit")
        waiting = spawn(self._is_ready.wait(), name="parallax ready")
        await asyncio.wait({gone, waiting}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, waiting):
            task.cancel()
        assert self.ready, f"Parallax is not ready; exit {self.process.returncode}, said {self.log} {self.noise}"

    async def client(self, *, receive_buffer: int | None = None, trusted: ssl.SSLContext | None = None) -> Client:
        """
        A new connection to the proxy's port; with `trusted`, over TLS.
        """
        return await Client.connect(self.address, receive_buffer=receive_buffer, trusted=trusted)

    async def fetch(self, address: Address, target: bytes, *fields: bytes) -> tuple[int, bytes]:
        """
        Status and body of one GET on the admin or health port.
        """
        client = await Client.connect(address)
        try:
            answer = await client.ask(get(target, b"Connection: close", *fields, host=b"localhost"))
            return answer.status, bytes(answer.body)
        finally:
            client.close()

    async def signed_in(self) -> bytes:
        """
        The field that signs in to the admin port with the token that Parallax made, where none is configured.
        """
        # Control makes it before it answers anything.
        await self.fetch(self.admin, b"/healthz")
        return b"Authorization: Bearer " + (self.folder / "var" / "admin-token").read_bytes().strip()

    async def books(self) -> Books:
        """
        The books as /metrics has them now: up to a second old, and each worker's totals of one instant.
        """
        status, body = await self.fetch(self.admin, b"/metrics")
        assert status == 200, f"/metrics answered {status}"
        totals: dict[str, dict[str, int]] = {key: {} for key in _LABEL}
        eligible = memory = 0
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                count = int(sample.value)
                if sample.name in totals:
                    name = "|".join(sample.labels[label] for label in _LABEL[sample.name])
                    totals[sample.name][name] = totals[sample.name].get(name, 0) + count
                elif sample.name == "parallax_eligible_total":
                    eligible += count
                elif sample.name == "parallax_shadow_memory_bytes":
                    memory += count
        verdicts, skipped, errors, requests = (_less(totals[key], {}) for key in _LABEL)
        return Books(
            eligible=eligible, verdicts=verdicts, skipped=skipped, errors=errors, requests=requests, memory=memory
        )

    async def settled(self, eligible: int) -> Books:
        """
        The books once they know `eligible` exchanges or more and every one has its end.
        """
        books = await self.books()

        async def done() -> bool:
            nonlocal books
            books = await self.books()
            return books.eligible >= eligible and books.balanced

        try:
            await until(done, f"balanced books with {eligible} eligible", BOOKS_PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last were {books}") from None
        return books

    def signal(self, number: Signals = SIGTERM) -> None:
        """
        Send the supervisor a signal.
        """
        self.process.send_signal(number)

    async def exited(self, patience: float = 35.0) -> int:
        """
        The exit code, once it has ended and its log is read to the end.
        """
        async with asyncio.timeout(patience):
            code = await self.process.wait()
            await self._reading
        return code

    async def stop(self, number: Signals = SIGTERM) -> None:
        """
        Stop by signal and check the way it went: exit 0, no traceback, nothing on stderr that is not a log line.
        """
        self.signal(number)
        code = await self.exited()
        trouble = [
            line
            for line in self.log
            if line.get("level") in ("error", "critical") and line["event"] not in self.forgiven
        ]

        assert code == 0, f"exit {code}: {self.log[-5:]} {self.noise[-20:]}"
        # What configuration warns of is said before the log begins.
        noise = [line for line in self.noise if not line.endswith("(warning)")]
        assert not noise, f"not log lines: {noise[:20]}"
        assert not trouble, f"errors in the log: {trouble[:5]}"

    async def destroy(self) -> None:
        """
        Leave no process behind, whatever state it is in.
        """
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, SIGKILL)
        await self.process.wait()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip()
            try:
                entry = json.loads(line)
            except ValueError:
                self.noise.append(line)
                continue
            self.log.append(entry)
            if entry.get("event") == "ready":
                self.ready = entry
                self._is_ready.set()


# Which labels make the name of a total, in the order in which `Books` has them.
_LABEL = {
    "parallax_comparisons_total": ("verdict",),
    "parallax_skipped_total": ("reason",),
    "parallax_errors_total": ("where", "cause"),
    "parallax_requests_total": ("side", "role", "code"),
}


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def write(configuration: Configuration, folder: Path) -> Path:
    """
    A configuration file with `configuration` over `BASE`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "parallax.yaml"
    file.write_text(yaml.safe_dump(merged(BASE, configuration)))
    return file


async def launch(
    configuration: Configuration | None,
    folder: Path,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    words: tuple[str, ...] = (),
    program: str = "proxy",
) -> Parallax:
    """
    Start Parallax on `configuration` over `BASE`, or on what the file holds, without waiting for anything. The caller
    destroys it. `environment` is laid over ours, `words` are more options, `program` is the module that is run.
    """
    file = folder / "parallax.yaml" if configuration is None else write(configuration, folder)
    usual = {key: value for key, value in os.environ.items() if not key.startswith("PARALLAX_")}
    # Commands of other tests, or of whoever works here meanwhile, don't find it.
    usual["PARALLAX_RUNTIME_DIR"] = str(folder / "runtime")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", program, "serve", "-c", str(file), *words),
        cwd=PROJECT,
        env={**usual, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=1024 * 1024,
        start_new_session=True,
    )
    return Parallax(process, folder)


@asynccontextmanager
async def running(
    configuration: Configuration,
    folder: Path,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    words: tuple[str, ...] = (),
    program: str = "proxy",
) -> AsyncIterator[Parallax]:
    """
    A Parallax that is ready; stopped and checked at the end, unless the test has ended it itself.
    """
    parallax = await launch(configuration, folder, environment=environment, words=words, program=program)
    try:
        await parallax.wait_ready()
        yield parallax
        if parallax.process.returncode is None:
            await parallax.stop()
    finally:
        await parallax.destroy()
