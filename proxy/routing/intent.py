"""
Intent: what operators and plans want of traffic, versioned by an epoch that grows by one with each change.

A table is configuration × intent. Here the two are put together and taken apart again; nothing else of a table changes
with the intent, and nothing of the intent with a reload.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from proxy.routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """
    `new` is the share of live traffic that new gets, `mirror` the share of safe requests that is copied: percent, two
    decimals. `routes` and `cohorts` are new's shares of those that were given one of their own since the start, by
    name, also while the configuration has no such route.
    """

    epoch: int
    new: float
    mirror: float
    routes: Mapping[str, float] = field(default_factory=dict)
    cohorts: Mapping[str, float] = field(default_factory=dict)


def intent_of(table: Table) -> Intent:
    """
    The intent that a table was made with.
    """
    return Intent(
        epoch=table.epoch,
        new=table.weight,
        mirror=table.mirror.percent,
        routes=table.route_weights,
        cohorts=table.cohort_weights,
    )


def intent_in(data: bytes) -> Intent:
    """
    The intent in a table that any version of Parallax has encoded. Raises ValueError when there is none.
    """
    try:
        raw = orjson.loads(data)
        intent = Intent(
            epoch=int(raw["epoch"]),
            new=float(raw["weight"]),
            mirror=float(raw["mirror"]["percent"]),
            routes=_shares(raw.get("route_weights", {})),
            cohorts=_shares(raw.get("cohort_weights", {})),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    shares = (intent.new, intent.mirror, *intent.routes.values(), *intent.cohorts.values())
    if intent.epoch < 0 or not all(0 <= share <= 100 for share in shares):
        raise ValueError(f"no intent: {intent}")
    return intent


def with_intent(table: Table, intent: Intent) -> Table:
    """
    The same configuration under another intent.
    """
    return replace(
        table,
        epoch=intent.epoch,
        weight=intent.new,
        mirror=replace(table.mirror, percent=float(intent.mirror)),
        route_weights=intent.routes,
        cohort_weights=intent.cohorts,
    )


def killed(table: Table) -> Table:
    """
    What a worker routes by while the kill latch is set: everything to old, also when that fails, nothing copied, nobody
    forces new. Epoch and digest stay, and whatever else routes do to requests.
    """
    return replace(
        table,
        weight=0.0,
        mirror=replace(table.mirror, percent=0.0),
        routes=tuple(replace(route, weight=0.0, flag=None, failover=False) for route in table.routes),
        cohorts=(),
        route_weights={},
        cohort_weights={},
        signing="",
        after_write=0.0,
    )


def as_values(intent: Intent) -> dict[str, Any]:
    """
    An intent as the store and the audit keep it; without what is empty.
    """
    return {name: value for name, value in asdict(intent).items() if value != {}}


def shares_of(intent: Intent) -> dict[str, Any]:
    """
    The same without the epoch, as a line of the audit has it, which knows its own.
    """
    return {name: value for name, value in as_values(intent).items() if name != "epoch"}


def from_values(values: dict[str, Any]) -> Intent:
    """
    The intent of `as_values`. Raises AttributeError, KeyError, TypeError or ValueError for anything else.
    """
    return Intent(
        epoch=int(values["epoch"]),
        new=float(values["new"]),
        mirror=float(values["mirror"]),
        routes=_shares(values.get("routes", {})),
        cohorts=_shares(values.get("cohorts", {})),
    )


def _shares(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(share) for name, share in values.items()}
