"""
A small admin port that answers what it is told to, and keeps what it was asked.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

WEIGHTS: dict[str, Any] = {
    "epoch": 3,
    "old": 90.0,
    "new": 10.0,
    "mirror": 100.0,
    "killed": False,
    "served": {"old": 897, "new": 103},
    "routes": {},
    "cohorts": {},
    "workers": [{"id": "host/0", "epoch": 3, "config": "a1b2"}],
    "warnings": ["one worker lags"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    One request. Field names are as they came.
    """

    call: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True, kw_only=True)
class Admin:
    """
    `answers` has status and body by "METHOD /path": JSON for anything but text. Of a list, each once,
    and the last for ever. Something to do instead is done, and followed by silence.
    """

    url: str
    answers: dict[str, Any]
    asked: list[Asked] = field(default_factory=list)

    @property
    def port(self) -> int:
        """
        Where it listens.
        """
        return int(self.url.rpartition(":")[2])

    def calls(self) -> list[str]:
        """
        Which calls were made.
        """
        return [asked.call for asked in self.asked]


def ready(weights: object = None) -> dict[str, Any]:
    """
    The answers of a Parallax that is ready.
    """
    return {"GET /readyz": (200, "ready"), "GET /admin/weights": (200, WEIGHTS if weights is None else weights)}


@contextmanager
def admin(answers: dict[str, Any], *, certificate: Path | None = None) -> Iterator[Admin]:
    """
    It listens on loopback; with TLS, if `certificate` (a PEM file with its key) is given.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = f"{self.command} {self.path}"
            found.asked.append(Asked(call=call, headers=dict(self.headers), body=json.loads(body) if body else None))
            answer = answers.get(call, (404, {"error": "nothing is there"}))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if callable(answer):
                answer()
                # Until the client gives up.
                self.rfile.read(1)
                return
            status, value = answer
            self.send_response(status)
            if isinstance(value, str) and value.startswith("http"):
                self.send_header("Location", value)
            self.end_headers()
            self.wfile.write((value if isinstance(value, str) else json.dumps(value)).encode())

        do_PUT = do_POST = do_GET  # noqa: N815 - as the one above

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """
            A client that doesn't like us went away.
            """

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    found = Admin(url=f"{scheme}://127.0.0.1:{server.server_port}", answers=answers)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
