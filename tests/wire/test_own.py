"""
Answers of our own are whole, marked, and quote nobody.
"""

import h11
import pytest

from proxy.wire.own import CAUSES, Cause, own_answer

DATE = b"Date: Thu, 01 Jan 2026 00:00:00 GMT"


def read(raw: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """
    The answer as another implementation reads it.
    """
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    return head, body


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("close", [True, False])
def test_every_answer_is_complete_and_marked(cause: Cause, method: str, close: bool) -> None:
    """
    A client sees the status, a check sees `Proxy-Status`, a person sees a sentence.
    """
    raw = own_answer(*cause, "parallax", DATE, close=close, to_head=method == "HEAD")

    head, body = read(raw, method)

    fields = dict(head.headers)
    assert head.status_code == cause.status
    assert fields[b"proxy-status"] == f"parallax; error={cause.error}".encode()
    assert fields[b"cache-control"] == b"no-store"
    assert (fields.get(b"connection") == b"close") is close
    assert body == (b"" if method == "HEAD" else f"{cause.status} {head.reason.decode()}: {cause.words}\n".encode())


def test_405_names_what_is_allowed_and_503_when_to_come_back() -> None:
    """
    RFC 9110 §15.5.6, §15.6.4.
    """
    not_allowed, _ = read(own_answer(405, "http_request_error", "no", "p", DATE, close=True, to_head=False))
    later, _ = read(own_answer(503, "connection_limit_reached", "no", "p", DATE, close=False, to_head=False))

    assert b"GET" in dict(not_allowed.headers)[b"allow"]
    assert dict(later.headers)[b"retry-after"] == b"1"


def test_causes_are_errors_of_ours() -> None:
    """
    Whatever side failed, the client gets a 5xx.
    """
    assert {cause.status for cause in CAUSES.values()} <= {500, 502, 503, 504, 508}
