"""
The admin API over HTTP: what every request passes on its way to its handler, and how errors are written.

From outside in: whatever is raised becomes an answer (`_errors_as_answers`); the gate settles who asks, and what was
turned away goes into the audit (`_only_for_whom_may`). Then `routes` have their handlers, and `change` reads bodies.
"""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry

from proxy.admin.apply import WHO, Turned, too_large
from proxy.admin.body import LARGEST
from proxy.admin.calls import CALLS, INDEX, OPEN, is_change, template_of
from proxy.admin.gate import Asked, Denied
from proxy.admin.port import AdminPort
from proxy.admin.reply import HEADERS, refuse
from proxy.admin.routes import TOKEN, build_routes
from proxy.admin.serve import Connection
from proxy.admin.steering import Who
from proxy.clock import monotonic

METHOD = re.compile(r"[A-Z]{1,16}", re.ASCII)
PATHS = frozenset(call.path for call in CALLS)

Report = Callable[[str, Exception], None]


def build_app(port: AdminPort, registry: CollectorRegistry, *, report: Report) -> web.Application:
    """
    The application. What a handler raises goes to `report` with the name of what was asked, and is a bare 500 for the
    client.
    """
    app = web.Application(middlewares=[_errors_as_answers(report), _only_for_whom_may(port)], client_max_size=LARGEST)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_end_streams(port))
    app.add_routes(build_routes(port, registry))
    return app


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _end_streams(port: AdminPort) -> Callable[[web.Application], Awaitable[None]]:
    async def end_streams(_app: web.Application) -> None:
        port.events.close()

    return end_streams


def _errors_as_answers(report: Report) -> Middleware:
    @web.middleware
    async def errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Turned as error:
            answer = refuse(error.status, str(error), error.headers)
            if error.close:
                answer.force_close()
            return answer
        except web.HTTPException as error:
            # Of the library's own; its text may repeat what was sent.
            return refuse(error.status, error.reason)
        except ConnectionError:
            raise  # the client's
        except Exception as error:  # noqa: BLE001 - the one door: whatever a handler raises is told and stays inside
            report(_what(request), error)
            return refuse(500, "Parallax failed to answer; its log says why")

    return errors_as_answers


def _only_for_whom_may(port: AdminPort) -> Middleware:
    @web.middleware
    async def only_for_whom_may(request: web.Request, handler: Handler) -> web.StreamResponse:
        _check_framing(request)
        path = _path(request)
        if path in OPEN:
            return await handler(request)
        asked, now = _asked(request), monotonic()
        judged = port.gate.judge_page(asked, now) if path == INDEX else port.gate.judge(asked, now)
        if isinstance(judged, Denied):
            port.note(judged.notes)
            return refuse(judged.status, judged.said, judged.headers)
        if judged is not None:
            request[WHO] = Who(name=judged.name, role=judged.role, peer=asked.peer)
            request[TOKEN] = judged.sha256
            if isinstance(request.protocol, Connection):
                request.protocol.is_known = True
        try:
            if (request.content_length or 0) > LARGEST:
                raise too_large()
            return await handler(request)
        except Turned as error:
            port.note(port.gate.refused(judged, asked, str(error), now))
            raise

    return only_for_whom_may


def _check_framing(request: web.Request) -> None:
    # A whole URL would name another host than Host does.
    if not request.raw_path.startswith("/"):
        raise Turned(400, "ask by path, not by a whole URL")
    if request.headers.get("Expect", "100-continue").lower() != "100-continue":
        raise Turned(417, "nothing but 100-continue can be expected here")


def _path(request: web.Request) -> str:
    """
    The path of the call that was found, "" for none.
    """
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None and resource.canonical in PATHS else ""


def _what(request: web.Request) -> str:
    """
    What was asked, in words of ours.
    """
    method = request.method if METHOD.fullmatch(request.method) else "a method"
    return f"{method} {template_of(request.path) or '(elsewhere)'}"


def _asked(request: web.Request) -> Asked:
    fields = request.headers
    return Asked(
        what=_what(request),
        method=request.method,
        changes=is_change(request.path, request.method),
        peer=request.remote or "",
        hosts=tuple(fields.getall("Host", ())),
        origins=tuple(fields.getall("Origin", ())),
        credentials=tuple(fields.getall("Authorization", ())),
    )
