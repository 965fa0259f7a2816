"""
Secrets of clients, sides and operators, planted wherever they travel: none is found in what Parallax logs, counts,
keeps or shows, neither while all is well nor when its processes crash.
"""

import asyncio
import base64
import itertools
import json
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from signal import SIGABRT

import pytest

from proxy.admin.calls import CALLS, EVENTS
from proxy.tasks import spawn
from proxy.threads import on_thread
from tests.parts.client import get, post
from tests.parts.kernel import children
from tests.parts.operator import Operator
from tests.parts.origin import Origin, Received, answer
from tests.parts.parallax import PROJECT, Configuration, Parallax, running, until
from tests.parts.scene import Scene

PLACES = (
    *(
        "authorization",
        "cookie",
        "session",
        "api_key",
        "proxy_authorization",
        "forwarded_for",
        "referer",
        "user",
        "claim",
    ),
    *("agent", "query", "query_name", "fragment", "userinfo", "body", "body_key", "form", "malformed", "trailer"),
    *("member", "old_cookie", "old_body", "old_etag", "old_location", "old_header", "old_plain", "new_plain"),
    *("new_cookie", "new_body", "new_etag", "new_location", "new_header", "new_reason", "new_malformed", "new_cut"),
    *("admin_token", "admin_query", "admin_password", "admin_cookie", "admin_body", "admin_key", "admin_path"),
    *("admin_host", "admin_origin", "admin_malformed", "admin_reason", "write_key", "copy_token", "given_plain"),
    *("plan_hook", "plan_key", "plan_field", "plan_token", "plan_reason"),
)
# Letters and digits, so that no syntax is in the way; one for each place, so that what is found says where it was.
SECRETS = {place: f"s3cr3t{number:02}x{place.replace('_', '9')}" for number, place in enumerate(PLACES)}
RAW = {place: secret.encode() for place, secret in SECRETS.items()}

# Of people: an address and a card, one for each side; the cards pass Luhn's check.
PERSONAL = {
    "old": (b"ann.old@mail.example", b"4111 1111 1111 1111"),
    "new": (b"bob.new@mail.example", b"5500005555555559"),
}
CLOSE = b"Connection: close"
# What it needs to know itself comes from the environment; nobody answers there.
PLAN = """\
plan: quiet
expect: {rate: 100}
prometheus: {url: "http://127.0.0.1:1", token: "env:PLAN_TOKEN", timeout: 1s}
gates:
  load: {source: promql, query: up, condition: "> 0"}
comms:
  channels:
    ops: {webhook: "env:PLAN_HOOK", secret: "env:PLAN_KEY", headers: {x-key: "env:PLAN_FIELD"}}
  tell: {stage_start: [ops]}
stages:
  - {name: shadow, success: "New answers", weight: 0, gates: [load]}
"""
ENVIRONMENT = {
    "PLAN_HOOK": f"http://127.0.0.1:1/{SECRETS['plan_hook']}",
    "PLAN_KEY": SECRETS["plan_key"],
    "PLAN_FIELD": SECRETS["plan_field"],
    "PLAN_TOKEN": SECRETS["plan_token"],
}
# Writes are copied, by keys made of secrets or by the client's own; copies have a secret of new's.
ORDERS: Configuration = {
    "name": "orders",
    "match": {"path": "/orders/**"},
    "writes": "mirror",
    "idempotency": {"derive": ["method", "path", "body", "header:X-User"]},
    "shadow": {"strip": ["x-api-key"], "set": {"x-copy": "env:COPY_TOKEN"}},
}

# Sides get a secret that is known by nothing but the configuration, and repeat it.
GIVEN = SECRETS["given_plain"].translate(str.maketrans("", "", "0123456789"))
ECHO: Configuration = {
    "name": "echo",
    "match": {"path": "/body"},
    "old": {"set": {"x-given": "env:GIVEN"}},
    "new": {"set": {"x-given": "env:GIVEN"}},
}

# Put into every process of ours: mistakes whose messages quote what was in hand, as a careless line of code would.
FAULTS = """
import proxy.admin.answers, proxy.recheck, proxy.wire.forward

def careless(module, name, quote):
    whole = getattr(module, name)
    def mistaken(*arguments):
        if "mistake" in quote(*arguments):
            raise ValueError(f"{name} can't cope with {quote(*arguments)}")
        return whole(*arguments)
    setattr(module, name, mistaken)

careless(proxy.wire.forward, "added_lines", lambda head, *_: f"{head.target} {head.lines}")
careless(proxy.recheck.Rechecks, "note", lambda _, pair, __: f"mistake {pair.request.lines} {pair.live.body()}")
careless(proxy.admin.answers, "unjudged", lambda _, endpoint: str(endpoint))
"""


def hits(haystack: str) -> list[str]:
    """
    The places whose secret is in a text, as it was or in an encoding that is easily undone.
    """
    text = haystack.lower()
    found = []
    for place, secret in SECRETS.items():
        forms = {secret, secret.encode().hex(), *in_base64(secret.encode())}
        if place.endswith("_plain"):
            forms = {secret.translate(str.maketrans("", "", "0123456789"))}
        if any(form.lower() in text for form in forms):
            found.append(place)
    personal = [word.decode() for words in PERSONAL.values() for word in words]
    return found + [word for word in personal if word in text or word.replace(" ", "") in text]


def in_base64(secret: bytes) -> list[str]:
    """
    What a secret looks like in the middle of something longer.
    """
    forms = []
    for before in range(3):
        coded = base64.b64encode(b"x" * before + secret).decode()
        forms.append(coded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6])
    return forms


def jwt() -> bytes:
    """
    A token of a client whose subject is a secret.
    """
    parts = [{"alg": "none"}, {"sub": SECRETS["claim"]}]
    return b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts) + b"."


def fields() -> list[bytes]:
    """
    What a client sends along.
    """
    return [
        b"Authorization: Bearer " + jwt() + RAW["authorization"],
        b"Cookie: sid=" + RAW["session"] + b"; theme=" + RAW["cookie"],
        b"X-Api-Key: " + RAW["api_key"],
        b"Proxy-Authorization: Basic " + base64.b64encode(b"me:" + RAW["proxy_authorization"]),
        b"X-Forwarded-For: " + RAW["forwarded_for"],
        b"Referer: https://shop.test/?t=" + RAW["referer"],
        b"User-Agent: " + RAW["agent"],
        b"X-User: " + RAW["user"],
    ]


def target(path: bytes) -> bytes:
    """
    A path with a query that holds secrets.
    """
    return path + b"?token=" + RAW["query"] + b"&" + RAW["query_name"]


def side(name: str) -> dict[bytes, bytes]:
    """
    What one side answers, by path.
    """
    secret = {what: RAW[f"{name}_{what}"] for what in ("cookie", "body", "etag", "location", "header")}
    usual = [
        b"Set-Cookie: session=" + secret["cookie"] + b"; Secure",
        b'ETag: "' + secret["etag"] + b'"',
        b"X-Internal: " + secret["header"],
        b"X-Seen: a, " + GIVEN.encode(),
        b"Content-Type: application/json",
    ]
    body = b'{"name": "%s", "%s": 1, "password": "%s", "text": "%s", "GIVEN": 1, "list": ["GIVEN", "%s"]}' % (
        secret["body"],
        secret["body"],
        # A secret by its name alone, and those that are known by their looks.
        RAW[f"{name}_plain"].translate(None, b"0123456789"),
        b"Bearer %s, %s %s" % (jwt(), *PERSONAL[name]),
        secret["body"],
    )
    body = body.replace(b"GIVEN", GIVEN.encode())
    return {
        # A name that is a secret, under which each answer has another value: see `scripted`.
        b"/noisy": answer(b'{"%s": "000000"}' % RAW["member"], b"Content-Type: application/json"),
        b"/same": answer(b"same", b"Content-Type: text/plain"),
        b"/body": answer(body, *usual),
        b"/moved": answer(b"", b"Location: /login?next=" + secret["location"], *usual, status=b"302 Found"),
        b"/status": answer(body, *usual, status=b"200 OK" if name == "old" else b"500 " + RAW["new_reason"]),
        b"/broken": answer(body, *usual) if name == "old" else b"HTTP/1.1 2x0 " + RAW["new_malformed"] + b"\r\n\r\n",
        b"/cut": answer(body, *usual) if name == "old" else answer(RAW["new_cut"], *usual)[:-3],
    }


def scripted(origin: Origin, name: str) -> None:
    """
    Let this origin be that side.
    """
    answers = side(name)
    count = itertools.count(1 if name == "old" else 500_000)

    def script(received: Received) -> None:
        path = received.target.partition(b"?")[0]
        # It repeats what it got.
        assert path != b"/body" or received.values(b"x-given") == [GIVEN.encode()]
        received.answer(answers.get(path, answers[b"/body"]).replace(b"000000", b"%06d" % next(count)))
        if name == "new" and path in {b"/broken", b"/cut"}:
            received.connection.close()

    origin.script = script


class Seen:
    """
    Everything that Parallax has let out.
    """

    def __init__(self, parallax: Parallax, operator: Operator) -> None:
        self.parallax = parallax
        self.operator = operator
        self.heard = bytearray()
        self.answers: list[bytes] = []
        self.sign_in = b"Authorization: Bearer " + operator.secret.encode()

    async def listen(self) -> None:
        """
        Take down what `/admin/events` tells, until cancelled.
        """
        reader, writer = await asyncio.open_connection(*self.parallax.admin)
        writer.write(get(b"/admin/events", self.sign_in, host=b"localhost"))
        try:
            while chunk := await reader.read(65536):
                self.heard += chunk
        finally:
            writer.close()

    async def is_whole(self) -> bool:
        """
        Whether control listens to us, and its store is open.
        """
        status, _ = await self.parallax.fetch(self.parallax.admin, b"/admin/audit", self.sign_in)
        return status == 200 and b"event: " in self.heard

    async def look(self) -> None:
        """
        Take down every answer of the admin port.
        """
        paths = sorted({call.path for call in CALLS if call.method == "GET" and call.answers != EVENTS})
        _, divergences = await self.parallax.fetch(self.parallax.admin, b"/admin/divergences", self.sign_in)
        known = [found["id"] for found in json.loads(divergences)["signatures"]]
        for path in [path for path in paths if "{id}" not in path] + [
            path.replace("{id}", number) for path in paths if "{id}" in path for number in known
        ]:
            status, body = await self.parallax.fetch(self.parallax.admin, path.encode(), self.sign_in)
            assert status == 200, path
            self.answers.append(body)

    async def sampled(self) -> None:
        """
        Let clients go on until there is a sample of every signature, its body too.
        """

        async def is_there() -> bool:
            for path in side("old"):
                await say(self.parallax.address, get(target(path), *fields(), CLOSE))
            _, body = await self.parallax.fetch(self.parallax.admin, b"/admin/divergences", self.sign_in)
            # What came before its endpoint was learned doesn't come again, so it may never have a sample.
            known = [found for found in json.loads(body)["signatures"] if found["endpoint"] != "other"]
            return len(known) >= 3 and all(found["samples"] for found in known)

        await until(is_there, "there is a sample of every signature")

    async def learned(self) -> None:
        """
        Let clients go on until it is known that old differs from itself under a name that is a secret, and pairs are
        judged by it.
        """

        async def is_noise() -> bool:
            for _ in range(10):
                await say(self.parallax.address, get(b"/noisy", CLOSE))
            return (await self.parallax.books()).verdicts.get("noise", 0) > 0

        await until(is_noise, "a place with a secret in it is noise")
        # What is decided is kept at once.
        body = b'{"reason": "enough"}'
        sent = [self.sign_in, b"Content-Type: application/json", b"Content-Length: %d" % len(body), CLOSE]
        head = get(b"/admin/noise/freeze", *sent, method=b"POST", host=b"localhost")
        self.answers.append(await say(self.parallax.admin, head + body))
        assert b"$.#" in (self.parallax.folder / "var" / "noise.json").read_bytes()

    async def show(self) -> None:
        """
        Take down what a terminal shows of it.
        """
        _, body = await self.parallax.fetch(self.parallax.admin, b"/admin/divergences", self.sign_in)
        numbers = [found["id"] for found in json.loads(body)["signatures"]]
        host, port = self.parallax.admin
        environment = {**os.environ, "PARALLAX_ADMIN_TOKEN": self.operator.secret}

        def run(*words: str) -> subprocess.CompletedProcess[bytes]:
            command = [sys.executable, "-m", "proxy", *words, "--admin", f"http://{host}:{port}"]
            return subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment)

        shown = [("noise",), ("evidence",), *(("evidence", "show", number, "--limit", "20") for number in numbers)]
        for ran in await asyncio.gather(*(on_thread("show it", partial(run, *words)) for words in shown)):
            self.answers += [ran.stdout, ran.stderr]

    def hits(self) -> dict[str, list[str]]:
        """
        What was found where; nothing, one hopes.
        """
        parallax = self.parallax
        looked = {
            "log": json.dumps(parallax.log, ensure_ascii=False),
            "crash output": "\n".join(parallax.noise),
            "events": self.heard.decode("latin-1"),
            "answers": b"\n".join(self.answers).decode("latin-1"),
        }
        for file in parallax.folder.rglob("*"):
            if file.is_file() and file.name != "parallax.yaml":
                looked[f"file {file.name}"] = file.read_bytes().decode("latin-1")
        assert any(name.startswith("file parallax.db") for name in looked)
        found = {name: hits(text) for name, text in looked.items()}
        # What workers send has to come from somewhere, and their table is in the folder that is nobody else's.
        for place in ("copy_token", "given_plain"):
            found["file table.json"].remove(place)
        own = [name for name, text in looked.items() if self.operator.secret in text]
        return {name: places for name, places in found.items() if places} | (
            {"the operator's token": own} if own else {}
        )


@asynccontextmanager
async def planted(
    folder: Path, *, noise: Configuration | None = None, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[Seen, Origin, Origin]]:
    """
    Parallax between two sides, listened to from the beginning. `noise`: how it is learned.
    """
    async with Origin() as old, Origin() as new:
        scripted(old, "old")
        scripted(new, "new")
        operator = Operator(name="ops", address=("", 0))
        configuration: Configuration = {
            "old": {"url": old.url},
            "new": {"url": new.url},
            "weights": {"new": 50},
            "sticky": {"key": ["claim:sub", "cookie:sid", "header:X-User"]},
            "admin": {"tokens": [operator.token()]},
            "noise": noise or {},
            "data": "stateless",
            "routes": [ORDERS, ECHO],
        }
        secret = {"COPY_TOKEN": SECRETS["copy_token"], "GIVEN": GIVEN, **ENVIRONMENT}
        async with running(configuration, folder, environment={**(environment or {}), **secret}) as parallax:
            seen = Seen(parallax, Operator(name="ops", address=parallax.admin))
            listening = spawn(seen.listen(), name="listen")
            try:
                await until(seen.is_whole, "events are heard and the store is open")
                yield seen, old, new
            finally:
                listening.cancel()


async def use(parallax: Parallax) -> int:
    """
    What clients do, well or badly. Returns how many requests have to be in the books.
    """
    count = 0
    for path in side("old"):
        for method, key in ((b"GET", b"X-User: a"), (b"HEAD", b"X-User: b"), (b"GET", b"X-User: " + RAW["user"])):
            await say(parallax.address, get(target(path), *fields(), key, CLOSE, method=method))
            count += 1
    body = b'{"card": "' + RAW["body"] + b'", "' + RAW["body_key"] + b'": 1}'
    await say(
        parallax.address, post(body, b"Content-Type: application/json", *fields(), CLOSE, target=target(b"/orders"))
    )
    named = b"Idempotency-Key: " + RAW["write_key"]
    await say(parallax.address, post(body, named, *fields(), CLOSE, target=target(b"/orders")))
    form = b"password=" + RAW["form"]
    kind = b"Content-Type: application/x-www-form-urlencoded"
    await say(parallax.address, post(form, kind, *fields(), CLOSE, target=b"/login"))
    await misuse(parallax)
    return count + 3


async def misuse(parallax: Parallax) -> None:
    """
    Requests that a strict reader refuses.
    """
    for raw in (
        get(b"/x", CLOSE, b"X-Bad: \x00" + RAW["malformed"]),
        get(b"/x#" + RAW["fragment"], CLOSE),
        get(b"http://me:" + RAW["userinfo"] + b"@shop.test/x", CLOSE),
        get(b"/x", CLOSE, b"Content-Length: " + RAW["malformed"]),
        get(b"/x", CLOSE, method=RAW["malformed"]),
        RAW["malformed"] + b"\r\n\r\n",
        post(b"", b"Transfer-Encoding: chunked", CLOSE, target=b"/x").replace(b"Content-Length: 0\r\n", b"")
        + b"0\r\nX-T: " + RAW["trailer"] + b"\r\n\r\n",
        post(b"", b"Transfer-Encoding: chunked", CLOSE, target=b"/x").replace(b"Content-Length: 0\r\n", b"")
        + RAW["malformed"] + b"\r\n",
    ):  # fmt: skip
        await say(parallax.address, raw)


async def say(address: tuple[str, int], raw: bytes) -> bytes:
    """
    All that is answered to these bytes, until the connection is closed.
    """
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(raw)
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def administer(seen: Seen) -> None:
    """
    What people and programs send to the admin port, some of it to the wrong place.
    """
    own = seen.sign_in
    json_body = b"Content-Type: application/json"
    basic = base64.b64encode(b"me:" + RAW["admin_password"])
    reason = b'{"reason": "the token is plx_' + RAW["admin_reason"] + b'"}'
    for method, path, sent, body in (
        (b"GET", b"/admin/weights", [b"Authorization: Bearer " + RAW["admin_token"]], b""),
        (b"GET", b"/admin/weights", [b"Authorization: Basic " + basic], b""),
        (b"GET", b"/admin/weights?token=" + RAW["admin_query"], [own], b""),
        (b"GET", b"/admin/" + RAW["admin_path"], [own], b""),
        (b"GET", b"/admin/weights", [own, b"Cookie: a=" + RAW["admin_cookie"]], b""),
        (b"GET", b"/admin/weights", [own, b"Origin: http://" + RAW["admin_origin"]], b""),
        (b"POST", b"/admin/kill", [b"Authorization: Bearer plx_" + RAW["admin_token"]], b"{}"),
        (b"POST", b"/admin/kill", [own, json_body], b'{"reason": ' + RAW["admin_body"]),
        (b"POST", b"/admin/kill", [own, json_body], b'{"' + RAW["admin_key"] + b'": "' + RAW["admin_body"] + b'"}'),
        (b"PUT", b"/admin/weights", [own, json_body], b'{"new": "' + RAW["admin_body"] + b'", "reason": "a"}'),
        (b"POST", b"/admin/kill", [own], RAW["admin_body"]),
        (b"POST", b"/admin/restore", [own, json_body], reason),
        (b"GET", b"/admin/weights", [own, b"X: \x00" + RAW["admin_malformed"]], b""),
    ):
        head = get(path, *sent, b"Content-Length: %d" % len(body), CLOSE, method=method, host=b"localhost")
        seen.answers.append(await say(seen.parallax.admin, head + body))
    seen.answers.append(await say(seen.parallax.admin, get(b"/admin/weights", own, CLOSE, host=RAW["admin_host"])))


async def plan(seen: Seen) -> None:
    """
    A plan that can't start, as neither its channel nor its source answers, and what people say of that.
    """
    reason = f"the token is plx_{SECRETS['plan_reason']}"
    for move, text in (("start", PLAN), ("start", PLAN.replace("gates: [load]", "gates: []")), ("hold", None)):
        body = json.dumps({"reason": reason, **({"text": text} if text else {})}).encode()
        fields = seen.sign_in, b"Content-Type: application/json", b"Content-Length: %d" % len(body), CLOSE
        head = get(f"/admin/plan/{move}".encode(), *fields, method=b"POST", host=b"localhost")
        seen.answers.append(await say(seen.parallax.admin, head + body))


async def test_no_secret_is_found_in_anything_that_parallax_lets_out(tmp_path: Path) -> None:
    """
    Through everything that traffic, divergences, refusals and operators cause.
    """
    async with planted(tmp_path, noise={"sample": 100, "per_second": 1000}) as (seen, _, _):
        parallax = seen.parallax
        count = await use(parallax)
        await administer(seen)
        await plan(seen)
        await parallax.settled(count)
        await seen.sampled()
        await seen.learned()
        await seen.look()
        await seen.show()
        _, divergences = await parallax.fetch(parallax.admin, b"/admin/divergences", seen.sign_in)

        assert len(json.loads(divergences)["signatures"]) >= 3
        assert not json.loads(divergences)["unjudged"]
        assert b"event: divergence" in seen.heard
        assert b"event: audit" in seen.heard
    assert seen.hits() == {}


@pytest.mark.asyncio(loop_scope="session")
async def test_no_process_would_leave_a_core_file(stage: Scene) -> None:
    """
    It would hold whatever was in memory.
    """
    parallax = stage.parallax
    # Control is there once it answers.
    await parallax.settled(0)
    family = children(parallax.pid)

    for name in ("proxy.worker", "proxy.comparer", "proxy.control"):
        assert any(name in line for line in family.values())
    for pid in (parallax.pid, *family):
        assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] == 0


async def test_no_secret_is_found_in_what_crashes_leave_behind(tmp_path: Path) -> None:
    """
    Mistakes of ours while a request, a comparison or an operator's call is in hand; a worker and control that abort,
    with Python's own fault handler on. And whatever goes wrong with a comparison, its client gets his answer.
    """
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sitecustomize.py").write_text(FAULTS)
    environment = {"PYTHONPATH": f"{tmp_path / 'faults'}:{PROJECT}", "PYTHONFAULTHANDLER": "1"}
    async with planted(tmp_path / "run", environment=environment) as (seen, old, new):
        parallax = seen.parallax
        await use(parallax)
        for _ in range(20):
            compared = await say(parallax.address, get(target(b"/body"), *fields(), CLOSE))
            assert compared.startswith(b"HTTP/1.1 200 OK\r\n")
            assert compared.endswith(b'"]}')
        await say(parallax.address, get(target(b"/mistake"), *fields(), CLOSE))
        mistaken = b"/admin/divergences?endpoint=mistake" + RAW["admin_path"]
        status, body = await parallax.fetch(parallax.admin, mistaken, seen.sign_in)
        seen.answers.append(body)
        assert status == 500

        old.script = new.script = None
        for kill, ended in ((parallax.workers, "worker 0"), (parallax.controls, "control")):
            before = len(parallax.events("child_ended"))
            client = await parallax.client()
            client.send(get(target(b"/held"), *fields()))
            await (await old.begin()).whole()
            os.kill(kill()[0], SIGABRT)

            async def told(before: int = before) -> bool:
                return len(parallax.events("child_ended")) > before

            await until(told, f"{ended} has ended")
            client.close()
        scripted(old, "old")
        scripted(new, "new")
        await parallax.settled(1)
        await until(seen.is_whole, "control is back")
        assert parallax.events("unexpected_error")
        assert parallax.events("admin_failed")
        assert any("Fatal Python error: Aborted" in line for line in parallax.noise)
        parallax.signal()
        await parallax.exited()
    assert seen.hits() == {}
