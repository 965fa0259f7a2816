"""
Where a notice goes, what comes of an attempt, and what a webhook gets.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from proxy.plan.outbox import Notice

# Who reads may see it twice; a webhook tells by the number instead.
REPEAT: Final = "(may be a repeat)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """
    Either an Apprise URL or a `webhook`, with fields for it and a `secret` that it is signed with. All of these may be
    `env:NAME` or `file:PATH`. What is written out can be a secret too, so a channel shows nothing of itself.
    """

    apprise: str = field(default="", repr=False)
    webhook: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    What came of an attempt: `sent`; `refused`, so it surely has not arrived; or `unknown`. `said` is why, in words that
    name no address.
    """

    how: Literal["sent", "refused", "unknown"]
    said: str = ""


def as_body(notice: Notice) -> bytes:
    """
    What a webhook gets: the same bytes at each attempt.
    """
    names = ("id", "event", "audience", "plan", "stage", "subject", "text")
    said = {name: getattr(notice, name) for name in names}
    return json.dumps({**said, "data": dict(notice.data)}).encode()


def as_text(notice: Notice) -> str:
    """
    What people get.
    """
    return f"{notice.text}\n\n{REPEAT}" if notice.doubtful else notice.text


def signature(secret: str, body: bytes) -> str:
    """
    What proves to a receiver who knows the secret that a body is ours: `sha256=` and the HMAC in hexadecimal.
    """
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"
