"""
The admin API over real HTTP: what each call answers, how errors look, what every answer carries.
"""

import socket
from typing import Any

import pytest

from proxy.admin.body import LARGEST
from proxy.admin.calls import CALLS
from proxy.admin.steering import Held, Invalid, NotLoaded, NotYet, Refusal, Stale, Unsaved
from tests.parts.client import Client, get, post
from tests.parts.payloads import SIGNATURE
from tests.parts.schema import faults
from tests.parts.served import JSON, OPERATOR, VIEWER, admin, bearer, last_words

READS = [call.path.replace("{id}", SIGNATURE) for call in CALLS if call.method == "GET" and call.name != "get_events"]


async def test_answers_are_not_stored_nor_sniffed_nor_run() -> None:
    """
    Every answer, errors included; and nothing ever sets a cookie.
    """
    async with admin() as served:
        served.know()
        answers = [await served.ask(path) for path in [*READS, "/nowhere"]]
        answers += [await served.ask("/admin/weights", token=None), await served.ask("/", Host="evil.example")]
        answers.append(await served.ask("/admin/kill", "POST", b"{", token=OPERATOR, **JSON))
        for answer in answers:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert "aiohttp" not in answer.headers["Server"]
            assert "Set-Cookie" not in answer.headers
            if answer.status >= 400:
                assert set(answer.json()) == {"error"}


async def test_each_call_gives_its_answer() -> None:
    """
    Something of the body of everything that is served to a viewer.
    """
    async with admin() as served:
        served.know()
        await served.change("/admin/kill", reason="why not")
        for path, part in (
            ("/", b"/admin/weights"),
            ("/healthz", b"ok"),
            ("/readyz", b"ready"),
            ("/metrics", b"parallax_killed 0.0"),
            ("/admin/weights", b'"epoch":4'),
            ("/admin/audit", b'"why not"'),
            ("/admin/endpoints", b'"endpoints":[]'),
            ("/admin/divergences", b'"request_id":"1"'),
            ("/admin/divergences?endpoint=GET%20/b%20c", b'"request_id":"1"'),
            ("/admin/divergences?endpoint=GET%20/a", b'"unjudged":[]'),
            ("/admin/divergences?severity=value", SIGNATURE.encode()),
            ("/admin/divergences?severity=status", b'"signatures":[]'),
            (f"/admin/divergences/{SIGNATURE}", b'"path":"$.a"'),
            (f"/admin/divergences/{SIGNATURE}/affected", b'"by_new":2'),
            ("/admin/waivers", b'"waivers":[]'),
            ("/admin/openapi.json", b'"openapi":"3.1.0"'),
        ):
            answer = await served.ask(path)

            assert (answer.status, part in answer.body) == (200, True), path


@pytest.mark.parametrize("path", [*READS, "/admin/events"])
async def test_head_is_get_without_its_body(path: str) -> None:
    """
    Wherever there is a GET.
    """
    async with admin() as served:
        served.know()
        head = await served.ask(path, "HEAD")

        assert (head.status, head.body) == (200, b"")
        if path != "/admin/events":
            assert head.headers["Content-Type"] == (await served.ask(path)).headers["Content-Type"]


async def test_the_open_calls_need_no_token_and_tell_nothing_of_the_system() -> None:
    """
    Probes and scrapers under any Host; the list of calls under an own one.
    """
    async with admin() as served:
        served.know()
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await served.ask(path, token=None, Host="evil.example", Origin="http://evil.example")).status == 200
        assert (await served.ask("/", token=None, Host="evil.example")).status == 403
        index = await served.ask("/", token=None)

        assert index.status == 200
        assert all(call.path in index.body.decode() for call in CALLS)
        assert not any(word in index.body for word in (b"127.0.0.1", b"host/0", b"d1", b"9001"))


async def test_before_the_first_frame_it_is_alive_and_not_ready() -> None:
    """
    Nothing is known yet: said as 503, not as zeros.
    """
    async with admin() as served:
        assert (await served.ask("/healthz")).status == 200
        assert (await served.ask("/readyz")).status == 503
        assert (await served.ask("/metrics")).status == 200
        weights = await served.ask("/admin/weights")
        assert (weights.status, weights.headers["Retry-After"]) == (503, "1")
        assert (await served.change("/admin/kill")).status == 503
        assert len(served.steering.done("kill")) == 1


async def test_what_is_not_there_is_404_and_what_is_not_allowed_405() -> None:
    """
    With the allowed methods, and without what was asked: it can hold a secret that was meant for somebody else.
    """
    async with admin() as served:
        for path in (
            "/admin/s3cr3t",
            "/admin/wéights\u2028",
            "/admin/plan/skip",
            "//admin/weights",
            "/admin/weights/",
        ):
            answer = await served.ask(path)
            assert (answer.status, answer.json()) == (
                404,
                {"error": "nothing is at this path; GET / lists what there is"},
            )
        for method, path, allowed in (
            ("DELETE", "/admin/weights", "GET, HEAD, PUT"),
            ("GET", "/admin/kill", "POST"),
            ("OPTIONS", "/admin/weights", "GET, HEAD, PUT"),
            ("POST", "/metrics", "GET, HEAD"),
            ("PUT", "/", "GET, HEAD"),
        ):
            answer = await served.ask(path, method, token=OPERATOR)
            assert (answer.status, answer.headers["Allow"]) == (405, allowed)
            assert answer.json() == {"error": f"this path takes {allowed} only"}
        assert (await served.ask("/admin/plan/skip", "POST", token=OPERATOR)).status == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("token=s3cr3t", "the query has a parameter that this call doesn't take; it takes limit, before"),
        ("limit=1&limit=2", "the query has limit twice; send it once"),
        ("limit=0", "limit is a whole number from 1 to 1000"),
        ("limit=1001", "limit is a whole number from 1 to 1000"),
        ("limit=%D9%A1", "limit is a whole number from 1 to 1000"),
        ("limit=-1", "limit is a whole number from 1 to 1000"),
        ("before=", "before is a whole number from 1 to 9007199254740991"),
        ("before=99999999999999999999", "before is a whole number from 1 to 9007199254740991"),
    ],
)
async def test_a_query_that_would_have_no_effect_is_refused(query: str, said: str) -> None:
    """
    A filter that is silently left out is one that somebody believes in.
    """
    async with admin() as served:
        answer = await served.ask(f"/admin/audit?{query}")

        assert (answer.status, answer.json()) == (400, {"error": said})
        assert (await served.ask("/admin/weights?a=1")).status == 400


async def test_the_audit_comes_in_pages_newest_first_with_its_chain() -> None:
    """
    A reader can follow the hashes itself; `intact` says what we found.
    """
    async with admin() as served:
        served.know()
        for number in range(5):
            await served.change("/admin/weights", "PUT", new=number, reason=f"step {number}")
        first = (await served.ask("/admin/audit?limit=2")).json()
        second = (await served.ask(f"/admin/audit?before={first['entries'][-1]['id']}")).json()
        entries = first["entries"] + second["entries"]

        assert [entry["reason"] for entry in entries] == [f"step {number}" for number in (4, 3, 2, 1, 0)]
        assert entries[0]["actor"] == "ops"
        assert first["intact"] is True
        assert [entry["previous"] for entry in entries[:-1]] == [entry["hash"] for entry in entries[1:]]
        served.steering.refusal = NotYet("the store hangs")
        refused = await served.ask("/admin/audit")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")


async def test_changes_reach_steering_with_who_asked_and_answer_with_the_weights() -> None:
    """
    200 when it is in force everywhere, 202 with those that lag.
    """
    async with admin() as served:
        served.know()
        weights = (await served.ask("/admin/weights")).json()
        changed = await served.change("/admin/weights", "PUT", new=25, reason="begin")
        served.steering.lagging = ("host/1",)
        killed = await served.change("/admin/kill", reason="stop")
        restored = await served.change("/admin/restore")
        reloaded = await served.change("/admin/reload", reason="new file")

        assert (changed.status, changed.json()) == (200, weights)
        for answer in (killed, restored, reloaded):
            assert (answer.status, answer.json()) == (202, {**weights, "lagging": ["host/1"]})
        assert [
            (entry.action, entry.actor, entry.role, entry.peer, entry.reason) for entry in served.steering.entries
        ] == [
            ("weights", "ops", "operator", "127.0.0.1", "begin"),
            ("kill", "ops", "operator", "127.0.0.1", "stop"),
            ("restore", "ops", "operator", "127.0.0.1", ""),
            ("reload", "ops", "operator", "127.0.0.1", "new file"),
        ]


@pytest.mark.parametrize(
    ("refusal", "status", "more"),
    [
        (Invalid("new", "is no percentage"), 422, {"key": "new"}),
        (Invalid("", "there is nothing to change"), 422, {}),
        (NotLoaded("p.yaml:1: wrong", "p.yaml:2: too"), 422, {"problems": ["p.yaml:1: wrong", "p.yaml:2: too"]}),
        (Stale("the epoch is 7", 7), 409, {"epoch": 7}),
        (Held("the kill file is there"), 409, {}),
        (Unsaved("the disk is full"), 507, {}),
        (NotYet("the store hangs"), 503, {}),
    ],
)
async def test_each_refusal_of_steering_has_its_status(refusal: Refusal, status: int, more: dict[str, Any]) -> None:
    """
    With its sentence, and what a program would read.
    """
    async with admin() as served:
        served.know()
        served.steering.refusal = refusal
        answer = await served.change("/admin/weights", "PUT", new=1, reason="a")

        assert (answer.status, answer.json()) == (status, {"error": str(refusal), **more})
        assert ("Retry-After" in answer.headers) is (status == 503)


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"reason=a", 415),
        ({"Content-Type": "text/plain"}, b'{"reason": "a"}', 415),
        ({"Content-Type": "multipart/form-data; boundary=a"}, b"--a--", 415),
        ({"Content-Type": ""}, b'{"reason": "a"}', 415),
        ({"Content-Type": "application/json; charset=utf-16"}, b'{"reason": "a"}', 415),
        ({**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b\x08", 415),
        (JSON, b"", 400),
        (JSON, b"reason=s3cr3t", 400),
        (JSON, b'["s3cr3t"]', 400),
        (JSON, b'{"reason": "a", "reason": "s3cr3t"}', 400),
        (JSON, b'{"reason": "\xff"}', 400),
        (JSON, b'{"reason":' + b"[" * 30_000, 400),
        (JSON, b'{"reason": "' + b"x" * LARGEST + b'"}', 413),
        ({**JSON, "Expect": "a miracle"}, b"{}", 417),
        (JSON, b'{"reason": 1}', 422),
        (JSON, b'{"resaon": "a"}', 422),
    ],
)
async def test_a_body_that_cannot_be_used_changes_nothing(fields: dict[str, str], body: bytes, status: int) -> None:
    """
    Said in one sentence that repeats nothing of it.
    """
    async with admin() as served:
        served.know()
        answer = await served.ask("/admin/kill", "POST", body, token=OPERATOR, **fields)

        assert answer.status == status
        assert b"s3cr3t" not in answer.body
        assert "error" in answer.json()
        assert served.steering.done() == []


async def test_a_body_in_chunks_is_bounded_as_well() -> None:
    """
    Nobody waits for its end; a small one is taken.
    """
    async with admin() as served:
        served.know()
        head = get(b"/admin/kill", bearer(OPERATOR), b"Content-Type: application/json; charset=UTF-8",
                   b"Transfer-Encoding: chunked", method=b"POST", host=b"localhost")  # fmt: skip
        client = await Client.connect(served.where)
        assert (await client.ask(head + b"2\r\n{}\r\n0\r\n\r\n")).status == 200
        client.send(head, *[b"%x\r\n%s\r\n" % (4096, b" " * 4096)] * 17)
        assert (await client.answer()).status == 413
        client.close()
        assert b" 400 Bad Request\r\n" in await last_words(served.where, head + b"nonsense\r\n")

        assert len(served.steering.done()) == 1


async def test_a_body_is_asked_for_only_from_those_who_may_send_it() -> None:
    """
    Expect: 100-continue gets its 100 after the sign-in, never before.
    """
    async with admin() as served:
        served.know()
        client = await Client.connect(served.where)
        for token, answers in ((VIEWER, [403]), (OPERATOR, [100, 200])):
            head = post(b"{}", bearer(token), b"Content-Type: application/json", b"Expect: 100-continue",
                        target=b"/admin/kill").replace(b"shop.test", b"localhost")[:-2]  # fmt: skip
            client.send(head)
            assert (await client.begin()).status == answers[0]
            client.send(b"{}")
            if len(answers) > 1:
                assert (await client.answer()).status == answers[1]
                client.close()
                continue
            client.close()
            client = await Client.connect(served.where)


async def test_a_whole_url_as_target_is_refused() -> None:
    """
    It would name another host than Host does.
    """
    async with admin() as served:
        served.know()
        client = await Client.connect(served.where)
        answer = await client.ask(get(b"http://evil.example/admin/weights", bearer(VIEWER), host=b"localhost"))
        client.close()

        assert answer.status == 400


async def test_what_is_no_http_is_refused_without_repeating_it() -> None:
    """
    The library would quote what it can't read.
    """
    async with admin() as served:
        for raw in (
            b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cr3t\x01\r\n\r\n",
            b"s3cr3t s3cr3t s3cr3t\r\n\r\n",
            b"GET /s3cr3t HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: s3cr3t\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"s3cr3t" * 3000 + b"\r\n\r\n",
        ):
            answer = await last_words(served.where, raw)

            assert b" 400 Bad Request\r\n" in answer
            assert b"Content-Security-Policy: " in answer
            assert answer.endswith(b'\r\n\r\n{"error":"this is no HTTP request that can be read"}')


async def test_requests_in_a_row_are_answered_in_order_each_by_its_own_right() -> None:
    """
    Pipelining: who signed in with the first request has not signed in with the second.
    """
    async with admin() as served:
        served.know()
        client = await Client.connect(served.where)
        kill = post(b"{}", bearer(OPERATOR), b"Content-Type: application/json", target=b"/admin/kill")
        client.send(
            get(b"/admin/weights", bearer(VIEWER), host=b"localhost"),
            get(b"/admin/weights", host=b"localhost"),
            kill.replace(b"shop.test", b"localhost"),
            kill.replace(b"shop.test", b"localhost").replace(OPERATOR.encode(), VIEWER.encode()),
            get(b"/healthz", host=b"localhost"),
        )
        statuses = [(await client.answer()).status for _ in range(5)]
        client.close()

        assert statuses == [200, 401, 200, 403, 200]
        assert len(served.steering.done()) == 1


async def test_a_mistake_of_ours_is_told_and_is_a_bare_500() -> None:
    """
    The client learns nothing of it, the log what was asked.
    """
    async with admin() as served:
        served.facts.merge = None  # type: ignore[assignment]
        answer = await served.ask("/admin/endpoints")

        assert (answer.status, answer.json()) == (500, {"error": "Parallax failed to answer; its log says why"})
        assert [(what, type(error)) for what, error in served.troubles] == [("GET /admin/endpoints", AttributeError)]


async def test_real_answers_are_as_the_document_says() -> None:
    """
    Its schemas can't drift from what is answered.
    """
    async with admin() as served:
        served.know()
        document = (await served.ask("/admin/openapi.json")).json()
        await served.change("/admin/kill", reason="for the audit")
        await served.change("/admin/waivers", signature=SIGNATURE, until="2099-01-01", reason="for the list")
        for path, name in (
            ("/admin/weights", "Weights"),
            ("/admin/audit", "Audit"),
            ("/admin/endpoints", "Endpoints"),
            ("/admin/divergences", "Divergences"),
            (f"/admin/divergences/{SIGNATURE}", "Divergence"),
            (f"/admin/divergences/{SIGNATURE}/affected", "Affected"),
            ("/admin/waivers", "Waivers"),
            ("/admin/openapi.json", "OpenApi"),
            ("/nowhere", "Error"),
        ):
            value = (await served.ask(path)).json()

            assert faults(value, {"$ref": f"#/components/schemas/{name}"}, document) == []


@pytest.mark.parametrize(
    ("path", "method", "done"), [("/admin/weights", b"PUT", []), ("/admin/kill", b"POST", ["kill"])]
)
async def test_what_was_given_up_on_is_not_begun_but_for_a_kill(path: str, method: bytes, done: list[str]) -> None:
    """
    A request that waited in the listener's queue while nobody accepted, and whose client has gone since.
    """
    async with admin() as served:
        body = b'{"new": 77, "reason": "given up"}' if method == b"PUT" else b"{}"
        head = [method + b" " + path.encode() + b" HTTP/1.1", b"Host: localhost", bearer(OPERATOR)]
        head += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
        with socket.create_connection(served.where) as client:
            client.sendall(b"\r\n".join([*head, b"", body]))

        # Connections are accepted in the order they came, and this answer comes from memory.
        await served.ask("/admin/weights")

        assert [entry.action for entry in served.steering.done()] == done
