"""
What comes over the link to control, made by hand.
"""

from dataclasses import replace
from typing import Any

import orjson

from proxy.metrics.books import Books
from proxy.routing.table import Table, encode
from tests.parts.supervised import a_table


def table(**changes: Any) -> bytes:
    """
    A TABLE payload: epoch 4, digest "d1", everything to old and copied, or as `changes` say.
    """
    return encode(a_new_table(**changes))


def a_new_table(**changes: Any) -> Table:
    """
    The same as a value.
    """
    return replace(a_table(), **changes)


def status(*workers: dict[str, Any], ready: bool = True, draining: bool = False, **changes: Any) -> bytes:
    """
    A STATUS payload: nothing killed, the table saved, or as `changes` say.
    """
    usual = {
        "ready": ready,
        "not_ready": None if ready else "draining" if draining else "no worker is ready",
        "draining": draining,
        "latch": latch(),
        "saved": {"epoch": 4, "digest": "d1", "error": None},
        "kill_file": False,
        "workers": workers,
    }
    return orjson.dumps({**usual, **changes})


def latch(
    number: int = 0,
    *,
    killed: bool = False,
    by: str = "",
    reason: str = "",
    saved: bool = True,
    error: str | None = None,
) -> dict[str, Any]:
    """
    The kill latch in a status.
    """
    at = "2024-05-06T07:08:09.123Z" if number else ""
    said = {"killed": killed, "by": by, "reason": reason, "at": at, "number": number}
    return {**said, "saved": saved, "error": error}


def worker(
    incarnation: int,
    *,
    slot: int = 0,
    alive: bool = True,
    epoch: int | None = 4,
    digest: str = "d1",
    killed: bool = False,
) -> dict[str, Any]:
    """
    A worker's entry in a status.
    """
    return {
        "id": f"host/{slot}",
        "incarnation": incarnation,
        "alive": alive,
        "epoch": epoch,
        "digest": None if epoch is None else digest,
        "killed": killed,
    }


def snapshot(books: Books, **state: Any) -> dict[str, Any]:
    """
    A SNAPSHOT as a value.
    """
    usual = {
        "epoch": 4,
        "digest": "d1",
        "shadow_memory": 0,
        "connections": 0,
        "inflight": 0,
        "on_new": 0,
        "breaker_open": [0, 0],
        "ejected": [0, 0],
        "overload": 0,
        "brownout": 0,
    }
    return {"worker": {**usual, **state}, **books.snapshot()}


def sample(number: int, endpoint: str = "GET /a") -> dict[str, Any]:
    """
    A SAMPLE as a value, shortened.
    """
    return {"at": 1000.0 + number, "endpoint": endpoint, "live": "old", "method": "GET", "request_id": str(number)}


# What `judged` tells of.
SIGNATURE = "5edc9415ac05fbe4"


def judged(number: str = SIGNATURE, endpoint: str = "GET /b c", count: int = 1, **more: Any) -> dict[str, Any]:
    """
    What a comparer tells: one signature with one sample.
    """
    side = {
        "status": 200,
        "fields": [["content-type", "application/json"]],
        "others": [["Date", "today"]],
        "media": "application/json",
        "kind": "json",
        "size": 7,
        "as": "application/json",
        "left_out": None,
    }
    sample = {
        "id": f"{number}-1",
        "at": 1000.0,
        "signature": number,
        "endpoint": endpoint,
        "severity": "value",
        "version": 1,
        "method": "GET",
        "target": "/b c?x=1",
        "request_id": "r1",
        "live": "old",
        "key": "#0123456789ab",
        "ms": [1.0, 2.0],
        "differences": [{"path": "$.a", "pattern": "$.a", "kind": "value", "old": "1", "new": "2"}],
        "more": 0,
        "old": {**side, "body": '{"a":1}'},
        "new": {**side, "body": '{"a":2}'},
    }
    sighting = {
        "id": number,
        "endpoint": endpoint,
        "severity": "value",
        "parts": [["$.a", 4]],
        "verdict": "divergent",
        "first": 1000.0,
        "last": 1000.0,
        "count": count,
        "keys": {"#0123456789ab": [1, 0]},
    }
    return {"signatures": [{**sighting, **more}], "samples": [sample]}
