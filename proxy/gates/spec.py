"""
What a gate demands, what comes in, and what it knows so far: values, which can be kept over restarts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

# The name under which all routes are counted together.
ALL: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """
    What a gate demands. `budget` is the share that may be bad; `alpha` the chance of failing although it is kept,
    `beta` of passing although it isn't. `routes` are the names that are judged by themselves if `per_route` (others
    that turn up are too). `unit` and `verb` are for sentences.
    """

    name: str
    budget: float
    alpha: float = 0.001
    beta: float = 0.05
    least: int = 500
    per_route: bool = False
    routes: tuple[str, ...] = ()
    coverage: float = 0.95
    unit: str = "pairs"
    verb: str = "are bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCounts:
    """
    What has come since the last look: `bad` of `n` opportunities; `traffic` in requests, or as a share, as long as it
    is the same for all routes.
    """

    bad: int
    n: int
    traffic: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEvidence:
    """
    What has come since the epoch began, and what that has decided.
    """

    bad: int = 0
    n: int = 0
    traffic: float = 0.0
    passed: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """
    All that a gate knows, by route. Kept over restarts; a new epoch begins with an empty one.
    """

    routes: Mapping[str, RouteEvidence] = field(default_factory=dict)

    def as_values(self) -> dict[str, Any]:
        """
        As values that JSON has.
        """
        return {"routes": {name: asdict(route) for name, route in self.routes.items()}}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """
        What `as_values` made, also after JSON. Raises `TypeError` or `KeyError` for anything else.
        """
        return cls(routes={name: RouteEvidence(**route) for name, route in values["routes"].items()})
