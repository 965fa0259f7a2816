"""
What a rollout works with: who moves traffic, what it sees, where it is kept, whom it asks and tells.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from proxy.admin.changes import Change
from proxy.admin.facts import Facts
from proxy.admin.steering import Outcome, Who
from proxy.gates.events import EventSpec
from proxy.inquiries import Inquiries
from proxy.notifying import Notifier
from proxy.planbook import Planbook
from proxy.sight import Sight


class Traffic(Protocol):
    """
    What moves traffic: steering.
    """

    def carry(self, who: Who, change: Change) -> Coroutine[Any, Any, Outcome]:
        """
        Put a change into force: at once where new gets no more by it, else, and until workers have it, in what is
        returned. Both raise `Refusal`.
        """

    def arm(self, events: tuple[EventSpec, ...]) -> object:
        """
        Have workers count these events.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """
    What a rollout works with. Notices name the `address` where Parallax is asked, and have words of the plan's
    `own`, by event; `tell` logs.
    """

    traffic: Traffic
    sight: Sight
    inquiries: Inquiries
    book: Planbook
    facts: Facts
    notifier: Notifier
    folder: Path
    address: str
    own: Mapping[str, str]
    tell: Callable[..., None]
