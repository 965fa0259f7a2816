"""
The admin API over HTTP: routes, who may ask, and how answers and errors are written. What they say is in `answers.py`.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry

from proxy.admin.answers import divergences, endpoints, weights
from proxy.admin.facts import Facts
from proxy.metrics.exposition import render

LARGEST_BODY = 64 * 1024  # bytes; no call reads one yet

# Open to all, under any Host: probes and scrapers come by address or by whatever name the cluster gives.
OPEN = frozenset({"/healthz", "/readyz", "/metrics"})

INDEX = """\
Parallax admin API

GET /admin/weights       who is on new, what is copied, which worker routes by what
GET /admin/endpoints     counts and latencies by endpoint, the most divergent first
GET /admin/divergences   the last divergent comparisons, newest first; ?endpoint=GET%20/path for one endpoint
GET /metrics             for Prometheus
GET /healthz /readyz     for probes
"""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "parallax",
}

Report = Callable[[str, Exception], None]


def build_app(facts: Facts, registry: CollectorRegistry, *, bound: str, report: Report) -> web.Application:
    """
    The application. `bound` is the address it is served on; what a handler raises goes to `report` with the path's
    route, and is a bare 500 for the client.
    """
    app = web.Application(
        middlewares=[_errors_as_json(report), _only_for_hosts(bound), _limit_bodies], client_max_size=LARGEST_BODY
    )
    app.on_response_prepare.append(_add_headers)
    app.add_routes(_routes(facts, registry))
    return app


def _routes(facts: Facts, registry: CollectorRegistry) -> list[web.RouteDef]:
    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_request: web.Request) -> web.Response:
        reason = facts.not_ready
        return web.Response(text="ready") if reason is None else web.Response(text=reason, status=503)

    async def metrics(request: web.Request) -> web.Response:
        body, content_type = render(registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def get_weights(_request: web.Request) -> web.Response:
        if facts.table is None:
            return _json({"error": "starting: no table from the supervisor yet; ask again"}, 503)
        return _json(weights(facts, facts.table))

    async def get_endpoints(_request: web.Request) -> web.Response:
        return _json(endpoints(facts))

    async def get_divergences(request: web.Request) -> web.Response:
        return _json(divergences(facts, request.query.get("endpoint")))

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=INDEX)

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
        web.get("/admin/weights", get_weights),
        web.get("/admin/endpoints", get_endpoints),
        web.get("/admin/divergences", get_divergences),
        web.get("/", index),
    ]


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _errors_as_json(report: Report) -> Middleware:
    @web.middleware
    async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            answer = _json({"error": f"{request.rel_url.raw_path} takes {allowed} only"}, error.status)
            answer.headers["Allow"] = allowed
            return answer
        except web.HTTPNotFound as error:
            return _json(
                {"error": f"nothing is at {request.rel_url.raw_path[:200]}; GET / lists what there is"}, error.status
            )
        except web.HTTPException as error:
            return _json({"error": error.text or error.reason}, error.status)
        except Exception as error:  # noqa: BLE001 - the one door: whatever a handler raises is told and stays inside
            resource = request.match_info.route.resource
            report("unknown" if resource is None else resource.canonical, error)
            return _json({"error": "Parallax failed to answer; its log says why"}, 500)

    return errors_as_json


def _only_for_hosts(bound: str) -> Middleware:
    """
    A page in the operator's browser can point a name of its own at our address (DNS rebinding) and then read answers
    as same-origin; its Host gives it away. The port says nothing: tunnels and port-forwards change it.
    """

    @web.middleware
    async def only_for_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN and not is_own_host(request.headers.get("Host", ""), bound):
            raise web.HTTPForbidden(text="this Host is not served here; ask by localhost or by the address itself")
        return await handler(request)

    return only_for_hosts


def is_own_host(host: str, bound: str) -> bool:
    """
    Is `host` (a Host header) a name of this machine's loopback, or the address we are bound to?
    """
    matched = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::[0-9]{0,5})?", host)
    if matched is None:
        return False
    name = (matched[1] or matched[2]).lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
        return address.is_loopback or address == ipaddress.ip_address(bound)
    except ValueError:
        return False


@web.middleware
async def _limit_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.content_length is not None and request.content_length > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length, text="the body is over 64 KiB")
    return await handler(request)
