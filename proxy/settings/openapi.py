"""
Endpoints from an OpenAPI file, so that those are known too which nobody has asked for yet.
"""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from proxy.settings.kinds import ENDPOINT

# Bytes; large public APIs describe themselves in five to ten megabytes.
LARGEST: Final = 16 * 2**20
METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
# Any name of a parameter: what counts is that there is one.
PARAMETER: Final = re.compile(r"\{[^{}/]*\}")


class NotUsable(Exception):
    """
    A file holds no description of an API; the message says why, and after a semicolon what would be right.
    """


def read_openapi(path: Path) -> tuple[str, ...]:
    """
    Every operation of an OpenAPI file (2.0 or 3.x, JSON or YAML) as an endpoint such as "GET /users/{id}", each once,
    in the order of the file, below the path of its first server. Raises `NotUsable`.
    """
    described = _parse(path)
    paths = described.get("paths")
    if not isinstance(paths, dict) or not ("openapi" in described or "swagger" in described):
        raise NotUsable(f"{path} describes no API; write the path of an OpenAPI file")
    base = _base(described)
    found = []
    for place, operations in paths.items():
        for method in METHODS:
            if isinstance(operations, dict) and method in operations:
                endpoint = f"{method.upper()} {PARAMETER.sub('{id}', base + str(place))}"
                if ENDPOINT.fullmatch(endpoint) is None:
                    raise NotUsable(f"{path} has the path {place}, which can't be an endpoint; begin it with /")
                found.append(endpoint)
    return tuple(dict.fromkeys(found))


def _parse(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise NotUsable(f"{path} can't be read ({reason}); write the path of an OpenAPI file") from None
    if len(data) > LARGEST:
        raise NotUsable(f"{path} is longer than {LARGEST} bytes; name its endpoints in metrics.endpoints instead")
    try:
        # JSON is YAML too. The parser written in C takes a tenth of the time.
        described = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise NotUsable(f"{path}{line} is neither YAML nor JSON; write the path of an OpenAPI file") from None
    return described if isinstance(described, dict) else {}


def _base(described: dict[str, Any]) -> str:
    """
    What all paths are below: that of the first server (3.x), or `basePath` (2.0).
    """
    base: object = described.get("basePath", "")
    servers = described.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        base = urlsplit(str(servers[0].get("url", ""))).path
    return base.rstrip("/") if isinstance(base, str) else ""
