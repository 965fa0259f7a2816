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
        "breaker_open": [0, 0],
        "overload": 0,
    }
    return {"worker": {**usual, **state}, **books.snapshot()}


def sample(number: int, endpoint: str = "GET /a") -> dict[str, Any]:
    """
    A SAMPLE as a value, shortened.
    """
    return {"at": 1000.0 + number, "endpoint": endpoint, "live": "old", "method": "GET", "request_id": str(number)}
