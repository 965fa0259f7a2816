"""
What an operator asks for, as values: the body of a change becomes a `Change`, and with the present intent the next one.

Raises `Invalid`, which names the key. Values are not repeated in it: what was sent to the wrong place may be a secret.
Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from proxy.admin.steering import Invalid
from proxy.routing.intent import Intent, intent_of, with_intent
from proxy.routing.table import Table

KEYS: Final = ("new", "mirror", "routes", "cohorts", "reason", "epoch", "override")
LONGEST_REASON: Final = 500
# What is repeated of a key, and of the name of a route or cohort, that isn't known.
WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    What is to change, None for what stays; `epoch` is the one that the operator saw. `routes` and `cohorts` have shares
    by name, None for the one that the configuration says. `override`: also where a plan runs that gives new less.
    """

    new: float | None = None
    mirror: float | None = None
    routes: Mapping[str, float | None] = field(default_factory=dict)
    cohorts: Mapping[str, float | None] = field(default_factory=dict)
    reason: str = ""
    epoch: int | None = None
    override: bool = False

    @property
    def action(self) -> str:
        """
        What the audit calls it.
        """
        return "mirror" if self.new is None and not self.routes and not self.cohorts else "weights"

    def of(self, intent: Intent, epoch: int) -> Intent:
        """
        The intent after this change, which gets `epoch`.
        """
        return Intent(
            epoch=epoch,
            new=intent.new if self.new is None else self.new,
            mirror=intent.mirror if self.mirror is None else self.mirror,
            routes=_merged(intent.routes, self.routes),
            cohorts=_merged(intent.cohorts, self.cohorts),
        )

    def calms(self, table: Table) -> bool:
        """
        Whether new gets no more of anything by it, neither clients, on whatever route, nor copies.
        """
        after = with_intent(table, self.of(intent_of(table), table.epoch))
        return (
            after.mirror.percent <= table.mirror.percent
            and all(after.weight_of(route) <= table.weight_of(route) for route in (*table.routes, None))
            and all(after.weight_of_cohort(one) <= table.weight_of_cohort(one) for one in table.cohorts)
        )

    def check(self, table: Table) -> None:
        """
        Raises `Invalid` for a route or cohort that the table doesn't have, or whose share can't be changed.
        """
        for kind, wanted, known in (
            ("routes", self.routes, [route.name for route in table.routes]),
            ("cohorts", self.cohorts, [cohort.name for cohort in table.cohorts]),
        ):
            for name in wanted.keys() - set(known):
                there = f"known are {', '.join(known)}" if known else "the configuration has none"
                raise Invalid(f"{kind}.{_shown(name, NAME)}", f"is not there; {there}")
        for cohort in table.cohorts:
            if cohort.side is not None and cohort.name in self.cohorts:
                said = "belongs to one side by the configuration; give it a weight there to change it here"
                raise Invalid(f"cohorts.{cohort.name}", said)


def read_change(body: Mapping[str, Any]) -> Change:
    """
    The change that a body asks for.
    """
    for key in body:
        if key not in KEYS:
            raise Invalid(_shown(key), f"is no key of a change; known are {', '.join(KEYS)}")
    new, mirror = _percent(body, "new"), _percent(body, "mirror")
    routes, cohorts = _percents(body, "routes"), _percents(body, "cohorts")
    if new is None and mirror is None and not routes and not cohorts:
        raise Invalid("", 'there is nothing to change; send new or mirror, such as {"new": 10, "reason": "why"}')
    return Change(
        new=new,
        mirror=mirror,
        routes=routes,
        cohorts=cohorts,
        reason=_reason(body, required=True),
        epoch=_epoch(body),
        override=_flag(body, "override"),
    )


def read_reason(body: Mapping[str, Any]) -> str:
    """
    The reason of a call that needs nothing else, "" without one: nobody should have to think of words before a kill.
    """
    for key in body:
        if key != "reason":
            raise Invalid(_shown(key), "is no key here; reason is the only one")
    return _reason(body, required=False)


def read_reason_of(body: Mapping[str, Any]) -> str:
    """
    The reason of a call that needs more than that, and a reason too.
    """
    return _reason(body, required=True)


def _merged(before: Mapping[str, float], wanted: Mapping[str, float | None]) -> Mapping[str, float]:
    """
    Shares by name; those that are wanted as None are gone.
    """
    after = {**before, **wanted}
    return {name: share for name, share in after.items() if share is not None}


def _percents(body: Mapping[str, Any], key: str) -> dict[str, float | None]:
    wanted = body.get(key, {})
    if not isinstance(wanted, dict):
        raise Invalid(key, 'is no object; send shares by name, such as {"search": 10}')
    return {
        name: None if wanted[name] is None else _share(wanted[name], f"{key}.{_shown(name, NAME)}") for name in wanted
    }


def _percent(body: Mapping[str, Any], key: str) -> float | None:
    return None if key not in body else _share(body[key], key)


def _share(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100 or not isfinite(value):
        raise Invalid(key, "is no percentage; send a number from 0 to 100, such as 10 or 0.5")
    if round(value, 2) != value:
        raise Invalid(key, f"has more than two decimals; send {round(value, 2)}")
    # No -0.0, which would be shown as such.
    return abs(float(value))


def _reason(body: Mapping[str, Any], *, required: bool) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise Invalid("reason", "is no text; say in words why")
    reason = reason.strip()
    if required and not reason:
        raise Invalid("reason", "is missing; say in words why, for those who read the audit")
    if len(reason) > LONGEST_REASON:
        raise Invalid("reason", f"has {len(reason)} characters; send at most {LONGEST_REASON}")
    if not reason.isprintable():
        # It is shown in terminals; a line end or an escape could draw something else there.
        raise Invalid("reason", "has control characters; send one line of plain text")
    return reason


def _flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise Invalid(key, "is neither true nor false")
    return value


def _epoch(body: Mapping[str, Any]) -> int | None:
    epoch = body.get("epoch")
    if epoch is None or (isinstance(epoch, int) and not isinstance(epoch, bool) and epoch >= 0):
        return epoch
    raise Invalid("epoch", "is no epoch; send the whole number that GET /admin/weights showed, or leave it out")


def _shown(key: str, known: re.Pattern[str] = WORD) -> str:
    """
    A key that looks as if somebody had thought of it; what doesn't may be a secret in the wrong place.
    """
    return key if known.fullmatch(key) else "a key"
