"""
`parallax status` tells what a running Parallax answers, and what else may answer there.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from proxy.status import ask

WEIGHTS = {
    "epoch": 3,
    "old": 90.0,
    "new": 10.0,
    "mirror": 100.0,
    "killed": False,
    "served": {"old": 89.7, "new": 10.3},
    "routes": {},
    "cohorts": {},
    "workers": [{"id": "host/0", "epoch": 3, "config": "a1b2"}],
    "warnings": ["one worker lags"],
}


@contextmanager
def admin(ready: tuple[int, str], weights: object) -> Iterator[str]:
    """
    A small admin port that answers what it is told to.
    """
    answers = {"/readyz": ready, "/admin/weights": (200, json.dumps(weights))}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_ready_parallax_says_who_answers_whom() -> None:
    """
    In lines for people, and in one object for scripts.
    """
    with admin((200, "ready\n"), WEIGHTS) as url:
        status = ask(url + "/")

    assert status.ready
    assert status.as_lines() == [
        "ready",
        "old answers 90 % of requests, new 10 %",
        "100 % of copyable requests are copied",
        "worker host/0: epoch 3, configuration a1b2",
        "one worker lags (warning)",
    ]
    assert json.loads(status.as_json()) == {"ready": True, "reason": "", "weights": WEIGHTS}


def test_one_that_is_not_ready_says_why() -> None:
    """
    And who would be answered by whom, all the same.
    """
    with admin((503, "draining\n"), {**WEIGHTS, "killed": True}) as url:
        status = ask(url)

    assert not status.ready
    assert status.as_lines()[0] == "not ready: draining"
    assert "killed: everything goes to old and nothing is copied" in status.as_lines()


@pytest.mark.parametrize("weights", [{"old": 1}, [], 7, "x"])
def test_something_else_that_answers_is_named(weights: object) -> None:
    """
    Another server on that port is no Parallax, whatever it answers.
    """
    with admin((200, "ok"), weights) as url:
        status = ask(url)

    assert not status.ready
    assert status.reason == f"what answers at {url} is no Parallax; name its admin address with --admin"


def test_nobody_there_is_named_with_the_remedy() -> None:
    """
    The system's own word for it, and what to do.
    """
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        url = f"http://127.0.0.1:{server.server_port}"

    assert ask(url).reason == (
        f"nothing answers at {url} (connection refused); start `parallax serve`, or name its address with --admin"
    )
    assert "nothing answers" in ask("http://127.0.0.1:99999").reason


@pytest.mark.parametrize("url", ["", "127.0.0.1:9900", "file:///etc/passwd", "http://", "http://a/b", "http://me@a"])
def test_only_an_http_address_is_asked(url: str) -> None:
    """
    No path, no file, no credentials.
    """
    with pytest.raises(ValueError, match=r"no admin address; write http://HOST:PORT"):
        ask(url)
