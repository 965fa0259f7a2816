"""
Intent: what operators and plans want of traffic, versioned by an epoch that grows by one with each change.

A table is configuration × intent. Here the two are put together and taken apart again; nothing else of a table changes
with the intent, and nothing of the intent with a reload.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from proxy.routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """
    `new` is the share of live traffic that new gets, `mirror` the share of safe requests that is copied: percent, two
    decimals.
    """

    epoch: int
    new: float
    mirror: float


def intent_of(table: Table) -> Intent:
    """
    The intent that a table was made with.
    """
    return Intent(epoch=table.epoch, new=table.weight, mirror=table.mirror.percent)


def intent_in(data: bytes) -> Intent:
    """
    The intent in a table that any version of Parallax has encoded. Raises ValueError when there is none.
    """
    try:
        raw = orjson.loads(data)
        intent = Intent(epoch=int(raw["epoch"]), new=float(raw["weight"]), mirror=float(raw["mirror"]["percent"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not (intent.epoch >= 0 and 0 <= intent.new <= 100 and 0 <= intent.mirror <= 100):
        raise ValueError(f"no intent: {intent}")
    return intent


def with_intent(table: Table, intent: Intent) -> Table:
    """
    The same configuration under another intent.
    """
    return replace(
        table, epoch=intent.epoch, weight=intent.new, mirror=replace(table.mirror, percent=float(intent.mirror))
    )


def killed(table: Table) -> Table:
    """
    What a worker routes by while the kill latch is set: everything to old, nothing copied. Epoch and digest stay.
    """
    return replace(table, weight=0.0, mirror=replace(table.mirror, percent=0.0))


def as_values(intent: Intent) -> dict[str, Any]:
    """
    An intent as the store and the audit keep it.
    """
    return asdict(intent)


def from_values(values: dict[str, Any]) -> Intent:
    """
    The intent of `as_values`. Raises KeyError, TypeError or ValueError for anything else.
    """
    return Intent(epoch=int(values["epoch"]), new=float(values["new"]), mirror=float(values["mirror"]))
