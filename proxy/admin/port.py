"""
What stands behind the admin port, apart from HTTP: who may ask, whom to steer by, who listens.

Control feeds it: `look` after every frame that may have changed something, `tick` each second, `take_access` at its
start and after a reload.
"""

from collections.abc import Iterable
from typing import Any

from proxy.admin.answers import weights
from proxy.admin.events import Events, Subscription
from proxy.admin.evidence import Evidence
from proxy.admin.facts import Facts
from proxy.admin.gate import Access, Gate, Note
from proxy.admin.steering import Steering
from proxy.admin.watch import Watch, divergence


class AdminPort:
    """
    Everything that handlers need. `start` is a time in milliseconds; event ids begin after it.
    """

    def __init__(self, facts: Facts, steering: Steering, evidence: Evidence, access: Access, *, start: int) -> None:
        self.facts = facts
        self.steering = steering
        self.evidence = evidence
        self.gate = Gate(access)
        self._watch = Watch(facts, self.weights, steering.plan.shown)
        self.events = Events(self._watch.present, start=start)

    def weights(self) -> dict[str, Any] | None:
        """
        The answer of `GET /admin/weights`, None before control has its table.
        """
        return None if self.facts.table is None else weights(self.facts, self.facts.table)

    def take_access(self, access: Access) -> None:
        """
        Other tokens, other names: from the next request on, and streams of tokens that are gone end.
        """
        self.gate.access = access
        self.events.keep_only(token.sha256 for token in access.tokens)

    def listen(self, token: str) -> Subscription:
        """
        A place among the listeners for whoever signed in with the token of this SHA-256. Raises `Full`.
        """
        # What is new by now, the others are told, and this one not twice.
        self._tell_changes()
        return self.events.subscribe(token)

    def look(self) -> None:
        """
        Tell listeners what has changed since this was called last.
        """
        if self.events.is_heard:
            self._tell_changes()

    def _tell_changes(self) -> None:
        for kind, value in self._watch.changed():
            self.events.publish(kind, value)

    def diverged(self, sample: dict[str, Any]) -> None:
        """
        Tell listeners of a pair that no comparer looks at: of others they hear by signature.
        """
        if self.events.is_heard:
            self.events.publish("divergence", divergence(sample))

    def discovered(self, signature: dict[str, Any]) -> None:
        """
        Tell listeners of a signature that is new.
        """
        if self.events.is_heard:
            self.events.publish("divergence", signature)

    def tick(self, now: float) -> None:
        """
        What is done each second: counted refusals that are due go into the audit.
        """
        self.note(self.gate.due(now))
        self.look()

    def note(self, notes: Iterable[Note]) -> None:
        """
        Lines for the audit.
        """
        for note in notes:
            self.steering.note(note.who, note.action, note.reason)
