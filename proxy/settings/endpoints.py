"""
The endpoints that are named, by the operator or by an OpenAPI file: how many, and whether a request can ever be of one.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from proxy.metrics.endpoints import METHODS, OTHER_METHOD, PATH, is_placeholder, split
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding
from proxy.settings.source import Where

# How parameters are written elsewhere: `:id`, `<int:id>`, `[id]`, `*`, and `{id}` with more beside it.
FOREIGN: Final = re.compile(r":[A-Za-z_]\w*|<.*>|\[.*\]|\*+|.*[{}].*")


def check_endpoints(settings: Settings, described: tuple[str, ...]) -> Iterator[Finding]:
    """
    Whether there is room for all of them, and a warning for each that no request will be counted as. `described` are
    those of the OpenAPI file.
    """
    yield from _check_number(settings, described)
    first: dict[tuple[str, ...], str] = {}
    for index, endpoint in enumerate(settings.metrics.endpoints):
        yield from _check(endpoint, ("metrics", "endpoints", index), first)
    for endpoint in described:
        first.setdefault(_shape(endpoint), endpoint)
    for endpoint in settings.compare.endpoints:
        yield from _check(endpoint, ("compare", "endpoints", endpoint), first)


def _check_number(settings: Settings, described: tuple[str, ...]) -> Iterator[Finding]:
    named: set[str] = set()
    for key, endpoints in (
        (("metrics", "endpoints"), settings.metrics.endpoints),
        (("metrics", "openapi"), described),
        (("compare", "endpoints"), tuple(settings.compare.endpoints)),
    ):
        named.update(endpoints)
        if len(named) > settings.metrics.max_endpoints:
            said = f"makes {len(named)} endpoints, more than metrics.max_endpoints; write at least {len(named)} there"
            yield Finding(key=key, said=said)
            return


def _check(endpoint: str, key: Where, first: dict[tuple[str, ...], str]) -> Iterator[Finding]:
    """
    `first` has what is named already, by its shape: of those that fit the same requests, the first one counts them.
    """
    counted = first.setdefault(_shape(endpoint), endpoint)
    without = first.get(_shape(endpoint.rstrip("/"))) if endpoint.endswith("/") else None
    right = _written_right(endpoint)
    if right != endpoint:
        said = f"fits no request; write {right}, where {{…}} is a whole segment and stands for any"
    elif counted != endpoint:
        said = f"fits the same requests as {counted}, which is named too and counts them; write that here"
    elif without is not None:
        said = f"is not {without}, which is named too; leave the last / out unless clients write it"
    else:
        return
    yield Finding(key=key, said=said, warning=True)


def _shape(endpoint: str) -> tuple[str, ...]:
    """
    What an endpoint fits, whatever its parameters are called. A last `{path}` takes all that follows.
    """
    method, segments = split(endpoint)
    last = len(segments) - 1
    kept = ("{}" if is_placeholder(one) and (one != PATH or at < last) else one for at, one in enumerate(segments))
    return (method, *kept)


def _written_right(endpoint: str) -> str:
    """
    What the operator probably means by an endpoint that fits nothing; `endpoint` itself, if it can fit something.
    """
    method, segments = split(endpoint)
    if method not in METHODS:
        method = OTHER_METHOD
    right = [_segment(segment) for segment in segments]
    return f"{method} /{'/'.join(right)}"


def _segment(segment: str) -> str:
    if is_placeholder(segment):
        return segment
    if FOREIGN.fullmatch(segment):
        return "{id}"
    # Requests have everything else as it is: only what can't be in a request line is encoded.
    return segment if segment.isascii() else quote(segment, safe="%:@!$&'()*+,;=~")
