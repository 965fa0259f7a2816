"""
The handlers of the admin port, one for each line of the table in `calls`. Who may ask has been settled before.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from proxy.admin.answers import endpoints, unjudged
from proxy.admin.apply import Steer, Turned, act, change, refusal
from proxy.admin.calls import CALLS, MOVES, OPEN, BadQuery, Call, index, methods_of, parse_query
from proxy.admin.events import SUBSCRIBERS, Full
from proxy.admin.openapi import document
from proxy.admin.plan import read_asked
from proxy.admin.port import AdminPort
from proxy.admin.reply import refuse, reply
from proxy.admin.steering import Refusal, Who
from proxy.admin.stream import HEADERS, stream
from proxy.compare.difference import SEVERITY_NAMES
from proxy.metrics.exposition import render

AUDIT_LINES: Final = 100
SAMPLES: Final = 5
AFFECTED: Final = 100
# What takes traffic from new is done for a client that has gone, too.
URGENT: Final = frozenset({"rollback", "abort"})
QUERY = web.RequestKey("query", dict[str, str])
TOKEN = web.RequestKey("token", str)  # the SHA-256 of the token that was used

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_routes(port: AdminPort, registry: CollectorRegistry) -> list[web.RouteDef]:
    """
    All routes, HEAD where there is GET, and one that says 404 or 405 for the rest.
    """
    handlers = {
        **_open(port, registry),
        **_reads(port),
        **_listens(port),
        **_changes(port),
        **_evidence(port),
        **_noise(port),
        **_plan(port),
    }
    routes = []
    for call in CALLS:
        handler = handlers[call.name] if call.path in OPEN else _with_query(call, handlers[call.name])
        routes.append(web.route(call.method, call.path, handler, expect_handler=_later))
    return [*routes, web.route("*", "/{rest:.*}", _nothing, expect_handler=_later)]


def _with_query(call: Call, handler: Handler) -> Handler:
    async def with_query(request: web.Request) -> web.StreamResponse:
        try:
            request[QUERY] = parse_query(call, request.query.items())
        except BadQuery as error:
            raise Turned(400, str(error)) from None
        return await handler(request)

    return with_query


async def _later(request: web.Request) -> None:
    """
    Instead of aiohttp's answer to Expect, which asks for a body before anybody has looked at who sends it.
    """


async def _nothing(request: web.Request) -> web.StreamResponse:
    methods = methods_of(request.path)
    if not methods:
        raise Turned(404, "nothing is at this path; GET / lists what there is")
    allowed = ", ".join(methods)
    raise Turned(405, f"this path takes {allowed} only", {"Allow": allowed})


def _open(port: AdminPort, registry: CollectorRegistry) -> dict[str, Handler]:
    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_request: web.Request) -> web.Response:
        # The words of `health.listen`.
        reason, killed = port.facts.not_ready, ", killed" if port.facts.killed else ""
        return web.Response(text=f"{reason or 'ready'}{killed}", status=200 if reason is None else 503)

    async def metrics(request: web.Request) -> web.Response:
        body, content_type = render(registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def what_there_is(_request: web.Request) -> web.Response:
        return web.Response(text=index())

    return {"healthz": healthz, "readyz": readyz, "metrics": metrics, "index": what_there_is}


def _reads(port: AdminPort) -> dict[str, Handler]:
    async def get_weights(_request: web.Request) -> web.Response:
        weights = port.weights()
        if weights is None:
            return refuse(503, "starting: no table from the supervisor yet; ask again", {"Retry-After": "1"})
        return reply(weights)

    async def get_audit(request: web.Request) -> web.Response:
        query = request[QUERY]
        before = int(query["before"]) if "before" in query else None
        try:
            entries = await port.steering.audit(int(query.get("limit", AUDIT_LINES)), before)
        except Refusal as error:
            return refusal(error)
        return reply({"entries": entries, "intact": port.steering.intact})

    async def get_endpoints(_request: web.Request) -> web.Response:
        return reply(endpoints(port.facts))

    async def get_openapi(_request: web.Request) -> web.Response:
        return reply(document())

    return {
        "get_weights": get_weights,
        "get_audit": get_audit,
        "get_endpoints": get_endpoints,
        "get_openapi": get_openapi,
    }


def _evidence(port: AdminPort) -> dict[str, Handler]:
    evidence = port.evidence

    async def get_divergences(request: web.Request) -> web.Response:
        query = request[QUERY]
        endpoint = query.get("endpoint")
        if query.get("severity", SEVERITY_NAMES[0]) not in SEVERITY_NAMES:
            raise Turned(400, f"severity is one of {', '.join(SEVERITY_NAMES)}")

        async def listed() -> dict[str, Any]:
            found = await evidence.signatures(endpoint, query.get("severity"))
            return {**found, "unjudged": unjudged(port.facts, endpoint)}

        return await _tell(listed())

    async def get_divergence(request: web.Request) -> web.Response:
        limit = int(request[QUERY].get("limit", SAMPLES))
        return await _tell(evidence.signature(request.match_info["id"], limit))

    async def get_affected(request: web.Request) -> web.Response:
        limit = int(request[QUERY].get("limit", AFFECTED))
        return await _tell(evidence.affected(request.match_info["id"], limit))

    async def get_rules(_request: web.Request) -> web.Response:
        return reply(evidence.rules())

    async def get_waivers(_request: web.Request) -> web.Response:
        return reply(evidence.waivers())

    async def waive(request: web.Request) -> web.Response:
        return await act(request, evidence.waive)

    async def remove_waiver(request: web.Request) -> web.Response:
        return await act(request, partial(evidence.remove_waiver, request.match_info["id"]))

    return {
        "get_divergences": get_divergences,
        "get_divergence": get_divergence,
        "get_affected": get_affected,
        "get_rules": get_rules,
        "get_waivers": get_waivers,
        "waive": waive,
        "remove_waiver": remove_waiver,
    }


async def _tell(answer: Awaitable[dict[str, Any]]) -> web.Response:
    try:
        return reply(await answer)
    except Refusal as error:
        return refusal(error)


def _listens(port: AdminPort) -> dict[str, Handler]:
    async def get_events(request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers=HEADERS)
        try:
            subscription = port.listen(request[TOKEN])
        except Full:
            return refuse(503, f"all {SUBSCRIBERS} places for listeners are taken; ask again", {"Retry-After": "10"})
        return await stream(request, port.events, subscription)

    return {"get_events": get_events}


def _noise(port: AdminPort) -> dict[str, Handler]:
    noise = port.steering.noise

    async def get_noise(_request: web.Request) -> web.Response:
        try:
            return reply(noise.listing())
        except Refusal as error:
            return refusal(error)

    def handler(action: str) -> Handler:
        async def change_by(request: web.Request) -> web.Response:
            return await act(request, partial(noise.change, action))

        return change_by

    changes = {f"{action}_noise": handler(action) for action in ("freeze", "learn", "accept", "forget")}
    return {"get_noise": get_noise, **changes}


def _plan(port: AdminPort) -> dict[str, Handler]:
    plan = port.steering.plan

    async def get_plan(request: web.Request) -> web.Response:
        try:
            return reply(await plan.whole() if request[QUERY].get("history") == "all" else plan.status())
        except Refusal as error:
            return refusal(error)

    def handler(name: str) -> Handler:
        async def obey(who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
            return await plan.obey(read_asked(name, body), who)

        async def move_by(request: web.Request) -> web.Response:
            return await act(request, obey, urgent=name in URGENT)

        return move_by

    return {"get_plan": get_plan, **{f"{name}_plan": handler(name) for name in MOVES}}


def _changes(port: AdminPort) -> dict[str, Handler]:
    def handler(steer: Steer, *, urgent: bool = False) -> Handler:
        async def change_by(request: web.Request) -> web.Response:
            return await change(request, port, steer, urgent=urgent)

        return change_by

    steering = port.steering
    return {
        "put_weights": handler(steering.change),
        "kill": handler(steering.kill, urgent=True),
        "restore": handler(steering.restore),
        "reload": handler(steering.reload),
    }
