"""
The page about the admin port names what there is: every call, event and status.
"""

import re
from pathlib import Path

from proxy.admin.calls import CALLS, INDEX, KINDS
from proxy.admin.openapi import STATUSES

PAGE = (Path(__file__).parents[2] / "docs/admin.md").read_text()


def test_every_call_has_its_line() -> None:
    """
    With its method, and every parameter of its query.
    """
    table = PAGE.partition("## Calls")[2].partition("### Changing")[0]
    for call in CALLS:
        assert f"`{call.path}" in table or f"{call.method} {call.path}" in table, call.name
        assert all(f"{parameter.name}=" in table for parameter in call.parameters), call.name
    assert f"`GET {INDEX}`" in table


def test_every_event_has_its_line() -> None:
    """
    And no other.
    """
    table = PAGE.partition("| event | when | value |")[2].partition("\n\n")[0]

    assert tuple(re.findall(r"^\| `([a-z]+)` ", table, re.MULTILINE)) == KINDS


def test_every_status_is_told() -> None:
    """
    Those of the OpenAPI document, and what any server may say.
    """
    table = PAGE.partition("| status | means |")[2]
    told = {int(number) for number in re.findall(r"\b[45]\d\d\b", table)}

    assert told == {*STATUSES, 404, 405, 500}
