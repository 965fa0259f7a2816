"""
The list of endpoints, learned from what workers saw and did not know; control owns it and distributes it.
"""

from collections import defaultdict
from collections.abc import Iterable

from proxy.metrics.endpoints import NAME, OTHER, Known, is_value, split, template

VALUES = 20  # literal values below one parent; one more and the position is a parameter


class Learner:
    """
    Makes a bounded list of endpoints of what workers saw and did not know: `configured` ones, and those `learned` in
    the order of learning.

    At most `limit` endpoints are ever issued, `configured` ones included (those are always listed); what comes after
    is ignored and counted as `other` by the workers. A name that left the list (because its position turned out to be
    a parameter) keeps its counters and its place in the limit, since its series exist.
    """

    def __init__(self, configured: Iterable[str] = (), limit: int = 200) -> None:
        self.configured = tuple(dict.fromkeys(configured))
        self.limit = limit
        self.learned: tuple[str, ...] = ()
        self._issued = set(self.configured)
        self._known = Known((), self.configured)

    @property
    def known(self) -> Known:
        """
        The matcher of all that is listed.
        """
        return self._known

    @property
    def endpoints(self) -> tuple[str, ...]:
        """
        All that is listed, configured ones first.
        """
        return self.configured + self.learned

    def restore(self, listed: Iterable[str]) -> None:
        """
        Take over what a predecessor had listed, except for what the configuration covers now or leaves no place for.
        """
        own = Known((), self.configured)
        for endpoint in listed:
            if len(self.configured) + len(self.learned) >= self.limit:
                break
            method, _, path = endpoint.partition(" ")
            if template(method, path) == endpoint and endpoint not in self.learned and not own.find(method, path):
                self.learned += (endpoint,)
        self._issued.update(self.learned)
        self._known = Known(self.learned, self.configured)

    def remember(self, counted: Iterable[str]) -> None:
        """
        Names that have counters, listed or not: they use up the limit.
        """
        self._issued.update(counted)
        self._issued.discard(OTHER)

    def offer(self, candidates: Iterable[str]) -> bool:
        """
        Learn `candidates` ("GET /a/{id}") and say whether the list changed.
        """
        before = self.learned
        for candidate in candidates:
            self._learn(*candidate.partition(" ")[::2])
        return self.learned != before

    def _learn(self, method: str, path: str) -> None:
        if len(self._issued) >= self.limit:
            return
        method, _, path = template(method, path).partition(" ")
        if self._known.find(method, path) is not None:
            return
        endpoint = _fold(f"{method} {path}", self.learned)
        learned = _collapse(tuple(dict.fromkeys((*self.learned, endpoint))))
        issued = self._issued.union(learned)
        if len(issued) > self.limit:
            return  # a collapse can take several names; half of it would lose endpoints that are counted now
        self.learned, self._issued = learned, issued
        self._known = Known(learned, self.configured)


def _children(endpoints: Iterable[str]) -> dict[tuple[str, ...], dict[str, None]]:
    """
    Which segments follow which parent; methods don't matter, a parameter is one for all of them.
    """
    children: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for endpoint in endpoints:
        segments = split(endpoint)[1]
        for index, segment in enumerate(segments):
            children[segments[:index]][segment] = None
    return children


def _fold(endpoint: str, learned: Iterable[str]) -> str:
    """
    `endpoint` with `{name}` at every position that is known to be a parameter.
    """
    method, segments = split(endpoint)
    children = _children(learned)
    folded: tuple[str, ...] = ()
    for segment in segments:
        siblings = children.get(folded, {})
        is_parameter = is_value(segment) and segment not in siblings and NAME in siblings
        folded += (NAME if is_parameter else segment,)
    # A `{name}` may be longer than what it replaces: `template` keeps the whole within its bounds.
    return template(method, f"/{'/'.join(folded)}") if segments else endpoint


def _collapse(endpoints: tuple[str, ...]) -> tuple[str, ...]:
    """
    `endpoints` with `{name}` in place of the literal segments wherever more than `VALUES` of them share a parent.
    """
    while True:
        crowded = next(
            (parent for parent, children in _children(endpoints).items() if sum(map(is_value, children)) > VALUES),
            None,
        )
        if crowded is None:
            return endpoints
        # Ends: each round replaces more than VALUES literals by one placeholder.
        endpoints = tuple(dict.fromkeys(_without_literals(endpoint, crowded) for endpoint in endpoints))


def _without_literals(endpoint: str, parent: tuple[str, ...]) -> str:
    method, segments = split(endpoint)
    depth = len(parent)
    if len(segments) <= depth or segments[:depth] != parent or not is_value(segments[depth]):
        return endpoint
    return template(method, f"/{'/'.join((*parent, NAME, *segments[depth + 1 :]))}")
