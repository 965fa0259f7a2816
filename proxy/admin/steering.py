"""
What the admin API needs of whoever steers traffic: the calls, their results and their refusals. No HTTP here.

`proxy/steering.py` is the real one. Every call answers within about 10 s, whatever hangs; `str()` of a refusal is the
sentence to tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from proxy.errors import ParallaxError

if TYPE_CHECKING:
    from proxy.admin.noise import Noise
    from proxy.admin.plan import Planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """
    Who asks: the name and role of a token, and the address that the request came from ("" for none).
    """

    name: str
    role: str
    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What was asked for is in force. `lagging` are the ids of living workers that have not acknowledged it within 2 s:
    202 instead of 200. Whatever else there is to say is in the warnings of the weights.
    """

    lagging: tuple[str, ...] = ()


class Refusal(ParallaxError):
    """
    What was asked for is not done, and nothing changed.
    """


class Invalid(Refusal):
    """
    A value that can't be used, at `key` ("" for the whole). 422.
    """

    def __init__(self, key: str, said: str) -> None:
        super().__init__(f"{key}: {said}" if key else said)
        self.key = key


class NotLoaded(Refusal):
    """
    The configuration can't be used; `problems` has one sentence each. 422.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Unknown(Refusal):
    """
    What is asked about isn't known. 404.
    """


class Stale(Refusal):
    """
    The change was made for another epoch than the present one, `epoch`. 409.
    """

    def __init__(self, said: str, epoch: int) -> None:
        super().__init__(said)
        self.epoch = epoch


class Outdated(Refusal):
    """
    A command for another state of the plan than the present one, `seq`. 409.
    """

    def __init__(self, said: str, seq: int) -> None:
        super().__init__(said)
        self.seq = seq


class Forbidden(Refusal):
    """
    Who asks may ask, but not for that: the plan names others. 403.
    """


class Held(Refusal):
    """
    Something outside holds the present state in place, such as the kill file. 409.
    """


class Unsaved(Refusal):
    """
    It could not be saved, so it is not done. 507.
    """


class NotYet(Refusal):
    """
    Parallax is starting, or waits for its store; ask again. 503 with Retry-After.
    """


class Steering(Protocol):
    """
    Moves traffic and keeps the audit. All calls raise `Refusal`. What has begun is carried through, also when whoever
    waits for it is cancelled.

    `body` is a JSON object as it was sent, keys unchecked: `change` takes new, mirror, reason and epoch (routes and
    cohorts are refused), the others take an optional reason.
    """

    async def change(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        `PUT /admin/weights`. Raises `Invalid`, `Stale`, `Unsaved`, `NotYet`.
        """

    async def kill(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        Set the kill latch. Raises `Invalid` only; waits for no store.
        """

    async def restore(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        Lift the kill latch. Raises `Invalid`, `Held` (the kill file is there), `Unsaved`, `NotYet`.
        """

    async def reload(self, who: Who, body: Mapping[str, Any]) -> Outcome:
        """
        Read the configuration again. Raises `Invalid`, `NotLoaded`.
        """

    @property
    def intact(self) -> bool | None:
        """
        Whether the audit is what was once written; None while that isn't known.
        """

    @property
    def noise(self) -> "Noise":
        """
        What is known of old's own differences.
        """

    @property
    def plan(self) -> "Planned":
        """
        The plan, if there is one.
        """

    async def audit(self, limit: int, before: int | None) -> list[dict[str, Any]]:
        """
        The newest `limit` lines of the audit, newest first, with ids below `before`. Raises `NotYet`.
        """

    def note(self, who: Who, action: str, reason: str) -> None:
        """
        Put a line into the audit without waiting for it: `sign_in_failed`, `refused`.
        """
