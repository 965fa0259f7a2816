"""
The table of calls, and what is made from it: the index and the OpenAPI document.
"""

import re
from typing import Any

from proxy.admin.calls import CALLS, INDEX, KINDS, OPEN, index, is_change, methods_of
from proxy.admin.openapi import document
from tests.parts.schema import resolved
from tests.parts.served import admin

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


async def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    """
    As the application's router has them; HEAD comes with GET, and the rest is 404 and 405.
    """
    async with admin() as served:
        routes = {
            (route.method, route.resource.canonical)
            for route in served.app.router.routes()
            if route.resource is not None and route.method not in {"HEAD", "*"}
        }
        heads = {
            route.resource.canonical
            for route in served.app.router.routes()
            if route.method == "HEAD" and route.resource
        }
    documented = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}

    assert routes == documented == {(call.method, call.path) for call in CALLS}
    assert heads == {call.path for call in CALLS if call.method == "GET"}


def test_the_document_is_openapi() -> None:
    """
    What OpenAPI 3.1 asks of each part that we use.
    """
    whole = document()
    operations = [operation for item in whole["paths"].values() for operation in item.values()]

    assert re.fullmatch(r"3\.1\.\d+", whole["openapi"])
    assert {"title", "version"} <= set(whole["info"])
    assert all(path.startswith("/") and set(item) <= METHODS for path, item in whole["paths"].items())
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["responses"]
        for code, answer in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", code)
            assert answer["description"]
        for parameter in operation.get("parameters", ()):
            assert {"name", "in", "schema"} <= set(parameter)
        for needed in operation.get("security", whole["security"]):
            assert set(needed) <= set(whole["components"]["securitySchemes"])
    for reference in references(whole):
        assert resolved(reference, whole)
    assert {reference.rpartition("/")[2] for reference in references(whole)} == set(whole["components"]["schemas"])


def references(value: Any) -> list[str]:
    """
    Every `$ref` below a value.
    """
    if isinstance(value, dict):
        here = [value["$ref"]] if "$ref" in value else []
        return here + [reference for item in value.values() for reference in references(item)]
    return [reference for item in value for reference in references(item)] if isinstance(value, list) else []


def test_who_may_ask_is_in_the_document() -> None:
    """
    Open calls need nothing; everything else a bearer token, and says 401 and 403.
    """
    for path, item in document()["paths"].items():
        for operation in item.values():
            if path in OPEN or path == INDEX:
                assert operation["security"] == []
            else:
                assert "security" not in operation
                assert {"401", "403", "429"} <= set(operation["responses"])


def test_the_index_names_every_call() -> None:
    """
    Method, path and what it does, a line each.
    """
    lines = index().splitlines()[2:]

    assert [line.split()[:2] for line in lines] == [[call.method, call.path] for call in CALLS if call.path != INDEX]
    assert all(len(line) < 120 for line in lines)


def test_what_is_a_change() -> None:
    """
    By method; at a path where nothing can be read, whatever the method.
    """
    assert methods_of("/admin/weights") == ("GET", "HEAD", "PUT")
    assert methods_of("/nowhere") == ()
    assert is_change("/admin/weights", "PUT")
    assert is_change("/admin/kill", "GET")
    assert is_change("/nowhere", "DELETE")
    assert not is_change("/admin/weights", "GET")
    assert not is_change("/nowhere", "HEAD")
    assert not is_change("/admin/weights", "OPTIONS")


def test_kinds_of_events_are_documented() -> None:
    """
    A client knows what to listen for.
    """
    assert all(kind in document()["info"]["description"] for kind in KINDS)
