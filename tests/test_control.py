"""
Control as a real process: a hub at the other end of its link that the test drives by hand, and real HTTP.
"""

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
import trustme
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.token import read_token
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.link.setup import Certificate, Setup, encode
from proxy.metrics.books import DIVERGENT, IDENTICAL, LIVE, Books
from proxy.routing.intent import Intent, intent_of
from proxy.routing.table import OLD, decode
from proxy.settings.load import load
from proxy.settings.setup import build_setup
from proxy.store.audit import Entry
from proxy.store.store import Store
from proxy.tasks import spawn
from tests.parts.payloads import latch, sample, snapshot, status, table, worker
from tests.parts.served import OPERATOR, TOKENS, VIEWER
from tests.parts.steered import a_setup

PROJECT = Path(__file__).parents[1]
PATIENCE = 30.0


class Controlled:
    """
    A running control process, as its supervisor and its users see it.
    """

    def __init__(self, process: asyncio.subprocess.Process, where: tuple[str, int], folder: Path) -> None:
        self.process = process
        self._setup = a_setup(folder, tokens=TOKENS)
        self.lines: list[dict[str, Any]] = []
        self.frames: list[Frame] = []
        self.hub: Channel
        self._url = f"http://{where[0]}:{where[1]}"
        self._news = asyncio.Event()
        self._reading = spawn(self._read(), name="stderr")

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(json.loads(line))
            self._news.set()

    def received(self, frame: Frame) -> None:
        """
        A frame from control.
        """
        self.frames.append(frame)
        self._news.set()

    def lost(self, error: Exception | None) -> None:
        """
        Control's end of the link is gone.
        """
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """
        Wait for frames and log lines until `done`.
        """
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._news.clear()
                await self._news.wait()

    def start(self, *workers: dict[str, Any], setup: Setup | None = None, **changes: Any) -> None:
        """
        What every control gets first, and that this was all.
        """
        self.begin(*workers, setup=setup, **changes)
        self.hub.send(Kind.JOINED)

    def begin(self, *workers: dict[str, Any], setup: Setup | None = None, **changes: Any) -> None:
        """
        What every control gets first.
        """
        self.hub.send(Kind.SETUP, encode(replace(setup or self._setup, tokens=TOKENS)))
        self.hub.send(Kind.TABLE, table(**changes))
        self.hub.send(Kind.STATUS, status(*workers))

    async def obeyed(self) -> None:
        """
        Everything sent so far.

        A frame that control refuses comes back as a log line: frames are obeyed in order, so then all were.
        """

        def refused() -> int:
            return sum(line["kind"] == "READY" for line in self.all("frame_refused"))

        seen = refused()
        self.hub.send(Kind.READY)
        await self.until(lambda: refused() > seen)

    def sent(self, kind: Kind) -> list[bytes]:
        """
        The payloads of the frames of one kind that control has sent.
        """
        return [frame.payload for frame in self.frames if frame.kind is kind]

    def tell(self, incarnation: int, books: Books) -> None:
        """
        Pass on a worker's snapshot.
        """
        self.hub.send(Kind.SNAPSHOT, orjson.dumps(snapshot(books)), incarnation)

    async def get(self, path: str) -> tuple[int, bytes]:
        """
        One answer of the admin port to a viewer.
        """
        return await self.ask("GET", path, VIEWER)

    async def ask(self, method: str, path: str, token: str, **keys: Any) -> tuple[int, bytes]:
        """
        One answer of the admin port.
        """
        patience = aiohttp.ClientTimeout(PATIENCE)
        fields = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(timeout=patience, headers=fields) as session,
            session.request(method, self._url + path, json=keys or None) as answer,
        ):
            return answer.status, await answer.read()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Callable[[], Awaitable[str]]]:
        """
        A listener of events; what it gives tells the kind of the next one.
        """
        fields = {"Authorization": f"Bearer {VIEWER}"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE), headers=fields) as session,
            session.get(f"{self._url}/admin/events") as answer,
        ):

            async def heard() -> str:
                async for line in answer.content:
                    if line.startswith(b"event: "):
                        return line.decode().removeprefix("event: ").strip()
                raise AssertionError("the stream has ended")

            yield heard

    async def json(self, path: str) -> Any:
        """
        One JSON answer, after everything sent over the link so far.
        """
        await self.obeyed()
        code, body = await self.get(path)
        assert code == 200
        return orjson.loads(body)

    def all(self, event: str) -> list[dict[str, Any]]:
        """
        The log lines of one event so far.
        """
        return [line for line in self.lines if line["event"] == event]

    async def ended(self) -> int:
        """
        The exit code, once all of stderr is read.
        """
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reading
        return code


@asynccontextmanager
async def controlled() -> AsyncIterator[Controlled]:
    """
    Started as the supervisor does; killed if it is still there at the end. Unless a test says otherwise, it keeps its
    state in a folder that goes with it.
    """
    with TemporaryDirectory() as folder:
        async with controlled_in(Path(folder)) as control:
            yield control


@asynccontextmanager
async def controlled_in(folder: Path) -> AsyncIterator[Controlled]:
    """
    The same in a folder that stays.
    """
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy.control", str(theirs.fileno()), str(listener.fileno())),
            pass_fds=(theirs.fileno(), listener.fileno()),
            cwd=PROJECT,
            stderr=subprocess.PIPE,
        )
        control = Controlled(process, listener.getsockname(), folder)
    control.hub = await open_channel(ours.detach(), control.received, control.lost)
    try:
        yield control
    finally:
        control.hub.abort()
        with suppress(ProcessLookupError):
            process.kill()
        await control.ended()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing() -> AsyncIterator[Controlled]:
    """
    One that knows a worker, for tests after which it stands as before.
    """
    async with controlled() as control:
        control.start(worker(7, slot=3))
        yield control


def some_books(eligible: int = 3) -> Books:
    """
    Books of a worker: one identical, one divergent, the rest pending.
    """
    books = Books()
    page = books.page("GET /users/{id}")
    page.eligible[OLD] += eligible
    page.judged(OLD, IDENTICAL)
    page.judged(OLD, DIVERGENT)
    page.answered(OLD, LIVE, 200, 0.003)
    return books


async def skipped(control: Controlled) -> dict[str, float]:
    """
    `parallax_skipped_total` by reason, as Prometheus would read it.
    """
    _, body = await control.get("/metrics")
    return {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == "parallax_skipped_total"
    }


async def test_what_workers_say_is_what_the_admin_port_answers() -> None:
    """
    Snapshots, samples and status come out as metrics, endpoints, divergences, weights and readiness.
    """
    async with controlled() as control:
        control.start(worker(1), worker(2, slot=1))
        control.tell(1, some_books())
        control.tell(2, some_books())
        control.hub.send(Kind.SAMPLE, orjson.dumps(sample(1)), 1)
        (row,) = (await control.json("/admin/endpoints"))["endpoints"]
        weights = await control.json("/admin/weights")

        assert (row["endpoint"], row["eligible"], row["divergence"]) == ("GET /users/{id}", 6, 0.5)
        assert (weights["epoch"], weights["served"]) == (4, {"old": 2, "new": 0})
        assert [entry["id"] for entry in weights["workers"]] == ["host/0", "host/1"]
        assert (await control.json("/admin/divergences"))["unjudged"] == [sample(1)]
        assert await control.get("/readyz") == (200, b"ready")
        trouble = "workers keep dying: 5 deaths in 60 s"
        control.hub.send(Kind.STATUS, status(worker(1), ready=False, not_ready=trouble, latch=latch(1, killed=True)))
        await control.json("/admin/weights")
        assert await control.get("/readyz") == (503, f"{trouble}, killed".encode())
        control.hub.send(Kind.STATUS, status(worker(1), ready=False, draining=True))
        await control.json("/admin/weights")
        assert await control.get("/readyz") == (503, b"draining")


async def test_nothing_is_answered_before_all_that_was_kept_has_come() -> None:
    """
    Or the counters of a restarted control would start below those of its predecessor.
    """
    async with controlled() as control:
        control.begin(worker(1), worker(2, slot=1))
        control.tell(1, some_books(eligible=5))
        await control.obeyed()
        asked = spawn(control.get("/metrics"), name="scrape")
        for _ in range(5):
            await control.obeyed()
        assert not asked.done()
        control.tell(2, some_books(eligible=2))
        control.hub.send(Kind.JOINED)
        code, body = await asked

        assert code == 200
        assert b'parallax_eligible_total{endpoint="GET /users/{id}",live="old"} 7.0' in body


async def test_its_loop_is_seen_to_turn() -> None:
    """
    From the first moment on, or a control that hangs while it starts would hang for ever.
    """
    async with controlled() as control:
        await control.until(lambda: bool(control.sent(Kind.PULSE)))
        control.start(worker(1))
        seen = len(control.sent(Kind.PULSE))
        await control.until(lambda: len(control.sent(Kind.PULSE)) > seen + 1)


async def test_it_steers_by_what_it_finds_in_the_store(tmp_path: Path) -> None:
    """
    A predecessor was killed after saving and before publishing.
    """
    store = Store.open(a_setup(tmp_path).store).store
    store.save(
        Intent(epoch=5, new=25.0, mirror=50.0), Entry(actor="a", role="b", peer="", action="c", reason="", epoch=5)
    )
    store.close()
    async with controlled() as control:
        control.start(worker(1), setup=a_setup(tmp_path))
        await control.until(lambda: bool(control.sent(Kind.TABLE)))
        (published,) = control.sent(Kind.TABLE)

        assert intent_of(decode(published)) == Intent(epoch=5, new=25.0, mirror=50.0)
        weights = await control.json("/admin/weights")
        assert (weights["epoch"], weights["new"], weights["mirror"]) == (5, 25.0, 50.0)
        assert weights["warnings"][0].startswith("worker host/0 still routes by epoch 4")


async def test_a_signal_that_nobody_was_there_for_is_obeyed_at_the_start(tmp_path: Path) -> None:
    """
    The supervisor passes it on together with all else; that the file is the same doesn't matter to who asks.
    """
    file = tmp_path / "p.yaml"
    file.write_text("old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9003}\n")
    setup = build_setup(load(file, environment={}), file=file, options={}, environment={})
    async with controlled() as control:
        control.start(worker(1), setup=replace(setup, store=a_setup(tmp_path).store))
        control.hub.send(Kind.RELOAD)
        await control.until(lambda: bool(control.all("reloaded")))

        assert [line["by"] for line in control.all("reloaded")] == ["SIGHUP"]


async def test_a_signal_has_it_read_the_configuration_again(tmp_path: Path) -> None:
    """
    The table first and then the setup; a file that can't be used is told with its line and changes nothing.
    """
    file = tmp_path / "p.yaml"
    file.write_text("old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9003}\n")
    setup = a_setup(tmp_path, file=str(file))
    now = build_setup(load(file, environment={}), file=file, options={}, environment={})
    async with controlled() as control:
        control.start(worker(1), setup=replace(now, content="before", store=setup.store, fixed=now.fixed))
        control.hub.send(Kind.RELOAD)
        await control.until(lambda: bool(control.sent(Kind.SETUP)))
        kinds = [frame.kind for frame in control.frames if frame.kind in {Kind.TABLE, Kind.SETUP}]
        (published,) = control.sent(Kind.TABLE)

        assert kinds == [Kind.TABLE, Kind.SETUP]
        assert decode(published).sides[1].port == 9003
        assert decode(published).epoch == 4
        file.write_text("old: {url: http://127.0.0.1:9001}\nnew: {url: nowhere}\n")
        await control.until(lambda: bool(control.all("reload_refused")))
        (line,) = control.all("reload_refused")
        assert line["by"] == "file"
        assert line["problems"][0].startswith(f"{file}:2: new.url: 'nowhere'")
        _, body = await control.get("/metrics")
        assert b"parallax_config_last_reload_successful 0.0" in body
        assert len(control.sent(Kind.SETUP)) == 1


async def test_a_dead_workers_pending_become_worker_lost_and_its_totals_stay() -> None:
    """
    Also for a control that is started after the death.
    """
    for is_restarted in (False, True):
        async with controlled() as control:
            if is_restarted:
                control.start(worker(1, alive=False), worker(2))
                control.tell(1, some_books(eligible=5))
            else:
                control.start(worker(1))
                control.tell(1, some_books(eligible=5))
                control.hub.send(Kind.STATUS, status(worker(1, alive=False), worker(2)))
            control.tell(2, some_books(eligible=2))
            (row,) = (await control.json("/admin/endpoints"))["endpoints"]

            assert (row["eligible"], row["skipped"]) == (7, {"worker_lost": 3})
            assert await skipped(control) == {"worker_lost": 3.0}


async def test_endpoints_are_learned_once_and_sent_to_the_workers() -> None:
    """
    A candidate changes the list and the list is sent; the same again sends nothing; a predecessor's list is kept.
    """
    async with controlled() as control:
        control.start(worker(1), endpoints=("GET /mine/{user}",))
        control.hub.send(Kind.ENDPOINTS, orjson.dumps({"configured": ["GET /mine/{user}"], "learned": ["GET /before"]}))
        for _ in range(2):
            control.hub.send(Kind.CANDIDATE, orjson.dumps(["GET /a/{id}", "GET /mine/{id}"]), 1)
        control.hub.send(Kind.CANDIDATE, orjson.dumps(["GET /b"]), 1)
        await control.until(lambda: len(control.sent(Kind.ENDPOINTS)) == 2)
        answer = await control.json("/admin/endpoints")

        lists = {"configured": ["GET /mine/{user}"], "learned": ["GET /before", "GET /a/{id}"]}
        first, second = control.sent(Kind.ENDPOINTS)
        assert orjson.loads(first) == lists
        assert orjson.loads(second) == {**lists, "learned": [*lists["learned"], "GET /b"]}
        assert answer["listed"] == 4


async def test_a_started_control_tells_its_list_once_at_the_first_snapshot() -> None:
    """
    With what its predecessor had learned; workers then offer again what was lost while there was no control.
    """
    async with controlled() as control:
        control.start(worker(1), endpoints=("GET /mine/{user}",))
        control.hub.send(Kind.ENDPOINTS, orjson.dumps({"configured": [], "learned": ["GET /before"]}))
        for _ in range(3):
            control.tell(1, some_books())
        await control.json("/admin/weights")

        assert [orjson.loads(payload) for payload in control.sent(Kind.ENDPOINTS)] == [
            {"configured": ["GET /mine/{user}"], "learned": ["GET /before"]}
        ]


@pytest.mark.asyncio(loop_scope="module")
async def test_reports_are_logged_with_the_workers_name(standing: Controlled) -> None:
    """
    One JSON line each, at the level that was asked for; fields of the log's own can't be faked.
    """
    control = standing
    report = {"event": "breaker_open", "level": "warning", "side": "new", "timestamp": "never", "self": 1}
    control.hub.send(Kind.REPORT, orjson.dumps(report), 7)
    await control.until(lambda: bool(control.all("breaker_open")))
    (line,) = control.all("breaker_open")

    assert (line["level"], line["process"], line["worker"], line["side"]) == ("warning", "control", "host/3", "new")
    assert line["timestamp"] != "never"


async def test_a_flood_of_reports_is_cut_and_counted() -> None:
    """
    A worker gone wrong can't fill the disk.
    """
    async with controlled() as control:
        control.start(worker(1))
        for _ in range(2000):
            control.hub.send(Kind.REPORT, b'{"event": "again", "level": "info"}', 1)
        control.hub.send(Kind.STOP)

        assert await control.ended() == 0
        assert 100 < len(control.all("again")) < 1000


@pytest.mark.asyncio(loop_scope="module")
async def test_frames_that_make_no_sense_are_told_and_left_out(standing: Controlled) -> None:
    """
    A worker gone wrong does not end control.
    """
    control = standing
    known = len(control.all("frame_refused"))
    control.tell(7, some_books())
    control.hub.send(Kind.SNAPSHOT, b"nonsense", 7)
    control.hub.send(Kind.SNAPSHOT, b'{"worker": {}}', 7)
    control.hub.send(Kind.CANDIDATE, b"{}", 7)
    (row,) = (await control.json("/admin/endpoints"))["endpoints"]

    assert row["eligible"] == 3
    assert [line["kind"] for line in control.all("frame_refused")[known : known + 3]] == [
        "SNAPSHOT",
        "SNAPSHOT",
        "CANDIDATE",
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_bad_requests_leave_a_line_without_their_content(standing: Controlled) -> None:
    """
    What a library logs of a request is not ours to keep.
    """
    control = standing
    await control.json("/admin/weights")
    url = control._url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(url[0], int(url[1]))
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: secret\x01\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 400")
    writer.close()
    await control.until(lambda: bool(control.all("admin_request_refused")))

    assert "secret" not in json.dumps(control.lines)


async def test_it_ends_when_told_to_and_when_the_supervisor_is_gone() -> None:
    """
    Exit code 0 and nothing on stderr, at STOP and at the end of the link.
    """
    for end in ("stop", "close"):
        async with controlled() as control:
            control.start(worker(1))
            assert (await control.get("/healthz"))[0] == 200
            if end == "stop":
                control.hub.send(Kind.STOP)
            else:
                control.hub.close()

            assert await control.ended() == 0, control.lines
            assert control.lines == []


async def test_a_link_that_carries_nonsense_ends_it_with_an_error() -> None:
    """
    Without a link that can be read there is nothing to do; the supervisor starts another.
    """
    async with controlled() as control:
        control.start(worker(1))
        assert (await control.get("/healthz"))[0] == 200
        assert control.hub._transport is not None
        control.hub._transport.write(b"\xff" * 100)

        assert await control.ended() == 1
        assert [line["event"] for line in control.lines] == ["link_lost"]


async def test_without_a_setup_it_ends() -> None:
    """
    It would not know who may sign in, nor where the store is.
    """
    async with controlled() as control:
        control.hub.send(Kind.TABLE, table())
        control.hub.send(Kind.STATUS, status(worker(1)))
        control.hub.send(Kind.JOINED)

        assert await control.ended() == 1
        assert [line["event"] for line in control.lines] == ["joined_without_setup"]


@pytest.mark.asyncio(loop_scope="module")
async def test_signals_of_the_terminal_are_not_for_it(standing: Controlled) -> None:
    """
    It obeys its link.
    """
    control = standing
    assert (await control.get("/healthz"))[0] == 200
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        control.process.send_signal(number)

    assert (await control.json("/admin/weights"))["epoch"] == 4


async def test_a_change_asked_for_over_http_is_published_and_in_the_audit() -> None:
    """
    From the request to the frame for the supervisor, and to who listens.
    """
    async with controlled() as control:
        control.start(worker(1), worker(2, slot=1))
        async with control.listening() as heard:
            code, _ = await control.ask("PUT", "/admin/weights", VIEWER, new=10, reason="not mine")
            assert code == 403
            # Its refusal comes once the store is open.
            first = [await heard(), await heard()]
            while (await heard()) != "audit":
                pass
            changing = spawn(control.ask("PUT", "/admin/weights", OPERATOR, new=10, reason="begin"), name="change")
            await control.until(lambda: bool(control.sent(Kind.TABLE)))
            changed = decode(control.sent(Kind.TABLE)[-1])
            # What the supervisor says once its workers obey.
            control.hub.send(Kind.TABLE, control.sent(Kind.TABLE)[-1])
            workers = [worker(number, slot=number - 1, epoch=changed.epoch) for number in (1, 2)]
            control.hub.send(
                Kind.STATUS, status(*workers, saved={"epoch": changed.epoch, "digest": "d1", "error": None})
            )
            code, body = await changing
            kinds = {await heard() for _ in range(3)}
        audit = (await control.json("/admin/audit"))["entries"]

        assert (code, changed.weight, orjson.loads(body)["new"]) == (200, 10.0, 10.0)
        assert first == ["weights", "workers"]
        assert {"weights", "audit"} <= kinds
        assert [entry["actor"] for entry in audit if entry["action"] == "weights"] == ["ops"]
        assert [entry["actor"] for entry in audit if entry["action"] == "refused"] == ["dash"]
        control.hub.send(Kind.STOP)
        assert await control.ended() == 0
        assert not control.all("library_trouble")


async def test_without_configured_tokens_the_one_beside_the_store_opens(tmp_path: Path) -> None:
    """
    Made before the port answers, so that whoever waits for the port finds it.
    """
    async with controlled_in(tmp_path) as control:
        control.hub.send(Kind.SETUP, encode(a_setup(tmp_path)))
        control.hub.send(Kind.TABLE, table())
        control.hub.send(Kind.STATUS, status(worker(1)))
        control.hub.send(Kind.JOINED)
        assert (await control.get("/healthz"))[0] == 200
        token = read_token(tmp_path / "admin-token")

        assert (await control.ask("GET", "/admin/weights", token))[0] == 200
        assert (await control.ask("GET", "/admin/weights", OPERATOR))[0] == 401


async def test_a_certificate_that_is_gone_keeps_the_port_shut_until_it_is_back(tmp_path: Path) -> None:
    """
    No plaintext instead of it; everything else goes on.
    """
    authority = trustme.CA()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    files = Certificate(certificate=str(tmp_path / "c.pem"), key=str(tmp_path / "k.pem"))
    async with controlled_in(tmp_path) as control:
        control.start(worker(1), setup=a_setup(tmp_path, tls=files))
        await control.until(lambda: bool(control.all("admin_not_served")))
        assert "admin.tls: " in control.all("admin_not_served")[0]["reason"]
        made = authority.issue_cert("127.0.0.1")
        made.cert_chain_pems[0].write_to_path(files.certificate)
        made.private_key_pem.write_to_path(files.key)
        url = control._url.replace("http:", "https:")
        async with aiohttp.request("GET", f"{url}/healthz", ssl=trusted) as answer:
            assert answer.status == 200
        control.hub.send(Kind.STOP)

        assert await control.ended() == 0
