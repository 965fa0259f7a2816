"""
Evidence in a terminal of 80 columns. The commands themselves are shown by tests/test_examine.py.
"""

import re
import shlex
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console, RenderableType

from proxy.remote.evidence import curl, place, rejudged, signature, signatures

NUMBER = "4c0316b7c64196f3"
TARGET = f"/api/customers?{'&'.join(f'filter{number}=%20x' for number in range(12))}&email=#2d9b5902309f"
ROW: dict[str, Any] = {
    "id": NUMBER,
    "severity": "status",
    "endpoint": "GET /api/customers/{id}/orders",
    "count": 12,
    "share": None,
    "first": 0.0,
    "last": 0.0,
    "parts": [{"path": "status:200:500", "kind": "status"}, {"path": "$.orders[*].lines[*].price", "kind": "value"}],
}
SIDE: dict[str, Any] = {"status": 200, "fields": [], "others": [], "body": '{"a":1}', "as": "application/json"}
SAMPLE: dict[str, Any] = {
    "id": "5b0316b7c64196f3",
    "at": 0.0,
    "method": "GET",
    "target": TARGET,
    "live": "old",
    "request_id": "0192f0c1e4",
    "differences": [{"kind": "value", "path": "$.a", "old": "1", "new": "2"}],
    "old": SIDE,
    "new": {**SIDE, "body": '{"a":2}'},
}
AGAIN: dict[str, Any] = {
    "id": SAMPLE["id"],
    "endpoint": ROW["endpoint"],
    "before": "divergent",
    "after": "divergent",
    "signature": NUMBER,
    "parts": ROW["parts"],
    "reason": None,
}
UNJUDGED = {**AGAIN, "after": None, "signature": None, "parts": [], "reason": "old's body is not kept: it was too long"}


def lines(shown: Iterable[RenderableType], width: int = 80) -> list[str]:
    """
    As the commands print it.
    """
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        for one in shown:
            console.print(one, soft_wrap=True)
    return capture.get().splitlines()


def test_a_signature_of_the_list_can_be_copied() -> None:
    """
    And so can its endpoint and its places; what a missing share means is said.
    """
    shown = lines(signatures({"signatures": [ROW]}))

    assert shown[1].split() == ["endpoint", "where"]
    assert shown[2].split() == [NUMBER, "status", "12", "-", "1970-01-01", "00:00:00"]
    assert " ".join(shown[3].split()) == "GET /api/customers/{id}/orders"
    assert shown[4].strip() == "status 200 → 500, value $.orders[*].lines[*].price"
    assert shown[-1].startswith("no share (-): no pair of that endpoint has been judged since")


def test_the_line_that_asks_again_is_one_line() -> None:
    """
    Pasted into a shell it asks for what was asked for; and who was live is told in one piece.
    """
    shown = lines(signature({**ROW, "samples": [SAMPLE]}))
    asking = [line for line in shown if line.startswith("curl ")]

    assert asking == [curl(SAMPLE, "old"), curl(SAMPLE, "new")]
    assert shlex.split(asking[0])[-1] == f"$OLD{TARGET}"
    assert any(f"{TARGET}  (old was live, request 0192f0c1e4)" in line for line in shown)


def test_what_can_not_be_judged_again_has_no_verdict_but_a_reason() -> None:
    """
    In words of ours.
    """
    shown = "\n".join(lines(rejudged({"samples": [AGAIN, UNJUDGED], "after": {"divergent": 1}, "skipped": 1})))

    assert "None" not in shown
    assert re.search(rf"^{SAMPLE['id']} +divergent +- +-$", shown, re.MULTILINE)
    assert "old's body is not kept: it was too long" in shown
    assert shown.endswith("2 samples: 1 divergent; 1 could not be judged again")


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        ("status", "status:200:500", "status 200 → 500"),
        ("status", "status", "status"),
        ("header", "header:etag", "header:etag"),
        ("missing", "header:etag", "missing header:etag"),
        ("value", "$.a", "value $.a"),
    ],
)
def test_a_place_is_told_once(kind: str, path: str, said: str) -> None:
    """
    Some paths name their kind already.
    """
    assert place({"kind": kind, "path": path}) == said
