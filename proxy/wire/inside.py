"""
Paths that stay below what configuration puts before them. Pure.

A side whose URL has a path is asked below it, and a route's rewrite is for what the route matches. So nothing is left
in such a path that a server takes for a step upwards: dot segments, however they are written.
"""

import re
from typing import Final

from proxy.routing.match import canonical_path

# What one server or another takes for a slash.
SEPARATOR: Final = re.compile(rb"\\|%2[fF]|%5[cC]")
DOTS: Final = (b".", b"..")


def inside(path: bytes) -> bytes:
    """
    The path without dot segments; one that can't have any stays as it is.

    Behind encoded or backward slashes, and before parameters (`/..;a/`), dots are steps to some servers: such steps are
    taken within their segment, so that they lead out of nothing for anybody.
    """
    if b".." not in path and b"/." not in path and b"%2e" not in path and b"%2E" not in path:
        return path
    path = canonical_path(path)
    if b".." not in path:
        return path
    return canonical_path(b"/".join(_settled(segment) for segment in path.split(b"/")))


def _settled(segment: bytes) -> bytes:
    """
    A segment without steps.
    """
    names = SEPARATOR.split(segment)
    steps = [step if (step := name.partition(b";")[0]) in DOTS else name for name in names]
    return canonical_path(b"/" + b"/".join(steps))[1:] if any(step in DOTS for step in steps) else segment
