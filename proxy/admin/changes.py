"""
What an operator asks for, as values: the body of a change becomes a `Change`, and with the present intent the next one.

Raises `Invalid`, which names the key. Values are not repeated in it: what was sent to the wrong place may be a secret.
Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from proxy.admin.steering import Invalid
from proxy.routing.intent import Intent

KEYS: Final = ("new", "mirror", "reason", "epoch")
NOT_YET: Final = ("routes", "cohorts")
LONGEST_REASON: Final = 500
NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    What is to change, None for what stays; `epoch` is the one that the operator saw.
    """

    new: float | None
    mirror: float | None
    reason: str
    epoch: int | None

    @property
    def action(self) -> str:
        """
        What the audit calls it.
        """
        return "mirror" if self.new is None else "weights"

    def of(self, intent: Intent, epoch: int) -> Intent:
        """
        The intent after this change, which gets `epoch`.
        """
        new = intent.new if self.new is None else self.new
        return Intent(epoch=epoch, new=new, mirror=intent.mirror if self.mirror is None else self.mirror)

    def calms(self, intent: Intent) -> bool:
        """
        Whether new gets no more of anything by it, neither clients nor copies.
        """
        after = self.of(intent, intent.epoch)
        return after.new <= intent.new and after.mirror <= intent.mirror


def read_change(body: Mapping[str, Any]) -> Change:
    """
    The change that a body asks for.
    """
    for key in body:
        if key in NOT_YET:
            raise Invalid(key, f"can't be changed yet: this version has one weight for all {key}; send new or mirror")
        if key not in KEYS:
            raise Invalid(_shown(key), f"is no key of a change; known are {', '.join(KEYS)}")
    if "new" not in body and "mirror" not in body:
        raise Invalid("", 'there is nothing to change; send new or mirror, such as {"new": 10, "reason": "why"}')
    return Change(
        new=_percent(body, "new"),
        mirror=_percent(body, "mirror"),
        reason=_reason(body, required=True),
        epoch=_epoch(body),
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


def _percent(body: Mapping[str, Any], key: str) -> float | None:
    if key not in body:
        return None
    value = body[key]
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


def _epoch(body: Mapping[str, Any]) -> int | None:
    epoch = body.get("epoch")
    if epoch is None or (isinstance(epoch, int) and not isinstance(epoch, bool) and epoch >= 0):
        return epoch
    raise Invalid("epoch", "is no epoch; send the whole number that GET /admin/weights showed, or leave it out")


def _shown(key: str) -> str:
    """
    A key that looks as if somebody had thought of it; what doesn't may be a secret in the wrong place.
    """
    return key if NAME.fullmatch(key) else "a key"
