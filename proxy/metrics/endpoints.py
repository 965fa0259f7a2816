"""
Endpoints: method + path template. How one is made of a request and how it is found again; `learner.py` makes the list.

Workers use this for every request whose path they have not seen. Paths are bytes from the network: whatever they hold,
a label made here is short printable ASCII without quotes, and nothing that looks like a key, a token or an address of
a person stays in it.
"""

import re
from collections.abc import Iterable

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
OTHER_METHOD = "OTHER"
OTHER = "other"  # the endpoint of everything that is on no list

ID, NAME, PATH = "{id}", "{name}", "{path}"

DEPTH = 12  # segments; REST APIs nest five or six deep
LENGTH = 160  # characters of a whole endpoint, so that 200 of them stay a few KiB in every snapshot
SEGMENT = 40  # characters of a literal segment; longer ones are titles and tokens, hardly ever names of resources
HASH = 128  # characters of the longest id: SHA-512 in hexadecimal

# What numbers, times, UUIDs and hashes look like. The last line is ours: sixteen characters that mix letters and digits
# are keys and tokens of some kind, and those must not become labels.
_LOOKS_LIKE_ID = re.compile(
    r"[+-]?[0-9][0-9TZ:._+-]*"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=[a-f]*[0-9])[0-9a-f]{7,}|[0-9a-f]{16,}"
    r"|(?=[^0-9]*[0-9])[0-9a-z_-]{16,}",
    re.ASCII | re.IGNORECASE,
).fullmatch
# Unreserved characters, `:` (custom verbs, `users:batchGet`) and `$` (OData, `$metadata`). Everything else is data:
# `%` of encoded text, `@` of addresses, `;` and `=` of session parameters.
_IS_LITERAL = re.compile(rf"[A-Za-z0-9._~:$-]{{0,{SEGMENT}}}", re.ASCII).fullmatch


def template(method: str, path: str) -> str:
    """
    The endpoint of a request: "GET /users/{id}". The query is dropped, unknown methods are "OTHER".

    Always at most `LENGTH` characters and `DEPTH` segments; what is deeper or longer ends in `{path}`. A template is
    its own template.
    """
    if method not in METHODS:
        method = OTHER_METHOD
    path = path.partition("?")[0] or "/"
    if path == "*":
        return f"{method} *"
    if not path.startswith("/"):
        return f"{method} {NAME}"  # the authority of a CONNECT
    # One more than fits, so that a path of a thousand slashes costs no more than one of thirteen.
    segments = path.split("/", DEPTH + 1)[1:]
    kinds = [_kind(segment) for segment in segments]
    if segments[-1] == PATH:
        kinds[-1] = PATH
    endpoint = f"{method} /{'/'.join(kinds)}"
    if len(kinds) <= DEPTH and len(endpoint) <= LENGTH:
        return endpoint
    kept = f"{method} "
    for kind in kinds[: DEPTH - 1]:
        if len(kept) + len(kind) + len(PATH) + 2 > LENGTH:
            break
        kept += f"/{kind}"
    return f"{kept}/{PATH}"


def _is_id(segment: str) -> bool:
    return segment == ID or (len(segment) <= HASH and _LOOKS_LIKE_ID(segment) is not None)


def _kind(segment: str) -> str:
    if _is_id(segment):
        return ID
    return segment if _IS_LITERAL(segment) else NAME


def split(endpoint: str) -> tuple[str, tuple[str, ...]]:
    """
    Method and segments of an endpoint; no segments for "OPTIONS *" and the like.
    """
    method, _, path = endpoint.partition(" ")
    return method, tuple(path.split("/")[1:])


def is_placeholder(segment: str) -> bool:
    """
    Does this segment of an endpoint stand for many values?
    """
    return segment.startswith("{") and segment.endswith("}")


def is_value(segment: str) -> bool:
    """
    Could this segment be one of many values? What follows the slash in "/users/" could not.
    """
    return segment != "" and not is_placeholder(segment)


class _Node:
    """
    One position below one parent. `open` holds the placeholders here in the order in which they are tried, each with
    whether it takes ids only; `rest` is the endpoint that takes everything further down.
    """

    __slots__ = ("endpoint", "literals", "open", "rest")

    def __init__(self) -> None:
        self.endpoint: str | None = None
        self.literals: dict[str, _Node] = {}
        self.open: dict[tuple[int, bool], _Node] = {}
        self.rest: str | None = None


class Known:
    """
    The endpoints that are counted by name; built once, never changed, replaced whole.

    A `{…}` segment of a `configured` endpoint matches any value but an empty one. Among the learned ones `{id}`
    matches what `template` would call an id (so `/users/me` is not swallowed by `/users/{id}`), any other `{…}`
    everything, and a last `{path}` all that follows. Literal segments win over placeholders, configured ones over
    learned ones.
    """

    __slots__ = ("_deepest", "_exact", "_roots")

    def __init__(self, learned: Iterable[str] = (), configured: Iterable[str] = ()) -> None:
        self._exact: dict[str, str] = {}
        self._roots: dict[str, _Node] = {}
        self._deepest = 1
        for endpoint in configured:
            self._add(endpoint, configured=True)
        for endpoint in learned:
            self._add(endpoint, configured=False)
        for root in self._roots.values():
            _order(root)

    def find(self, method: str, path: str) -> str | None:
        """
        The endpoint that counts this request, None if it is none of these. `path` may carry a query.
        """
        cut = path.find("?")
        if cut >= 0:
            path = path[:cut]
        if method not in METHODS:
            method = OTHER_METHOD
        if not path:
            path = "/"
        # Literal beats placeholder at every position, so an endpoint without any can't be beaten: one look-up.
        found = self._exact.get(f"{method} {path}")
        if found is not None:
            return found
        if path[:1] != "/":
            return self._exact.get(template(method, path))
        root = self._roots.get(method)
        # Cut one deeper than the deepest endpoint: the remainder then can't pass for a last segment.
        return None if root is None else _walk(root, path.split("/", self._deepest + 1), 1)

    def _add(self, endpoint: str, *, configured: bool) -> None:
        if endpoint in self._exact:
            return
        self._exact[endpoint] = endpoint
        method, segments = split(endpoint)
        self._deepest = max(self._deepest, len(segments))
        node = self._roots.setdefault(method, _Node())
        for index, segment in enumerate(segments):
            if segment == PATH and index == len(segments) - 1:
                node.rest = node.rest or endpoint
                return
            if is_placeholder(segment):
                ids_only = segment == ID and not configured
                rank = 0 if configured else 1 if ids_only else 2
                node = node.open.setdefault((rank, ids_only), _Node())
            else:
                node = node.literals.setdefault(segment, _Node())
        node.endpoint = node.endpoint or endpoint


def _order(node: _Node) -> None:
    node.open = dict(sorted(node.open.items(), key=lambda item: item[0]))
    for child in (*node.literals.values(), *node.open.values()):
        _order(child)


def _walk(node: _Node, segments: list[str], index: int) -> str | None:
    if index == len(segments):
        return node.endpoint
    segment = segments[index]
    child = node.literals.get(segment)
    if child is not None:
        found = _walk(child, segments, index + 1)
        if found is not None:
            return found
    for (_, ids_only), child in node.open.items():
        if not segment or (ids_only and not _is_id(segment)):
            continue
        found = _walk(child, segments, index + 1)
        if found is not None:
            return found
    return node.rest
