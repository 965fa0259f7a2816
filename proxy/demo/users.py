"""
Which of the demo's users were on new, and whether they stayed there. Pure: times are told, in seconds.

Requests overlap, so order is what a user can tell: a request that was sent after an answer from new came. What was
under way during the kill, or until the plan has rolled back, is left out, as nobody promised anything about it.
"""

from dataclasses import dataclass, field
from math import inf

USERS = 200
FIELD = "X-User"  # what they are known by; `sticky.key` names it too
STAFF = "user-00"  # how the names of those begin who work for the shop: the first ten, a cohort


def name(number: int) -> str:
    """
    A user, by number.
    """
    return f"user-{number:03}"


@dataclass(slots=True)
class Users:
    """
    `first` has when each of them first got an answer from new, `on_new` the same since the plan last rolled back;
    `came_back` counts answers that a user of new got from old after that. `last_on_new` is how long after the kill a
    request was sent that new answered all the same.
    """

    first: dict[str, float] = field(default_factory=dict)
    on_new: dict[str, float] = field(default_factory=dict)
    came_back: int = 0
    last_on_new: float = 0.0
    on_old_when_killed: int = 0
    _anew: float = -inf
    _others: float = inf
    _killed: float = inf
    _restoring: float = inf
    _restored: float = inf

    def others(self, now: float) -> None:
        """
        New is being asked for others than staff.
        """
        self._others = min(self._others, now)

    @property
    def staff(self) -> int:
        """
        How many of the staff came to be on new.
        """
        return sum(user.startswith(STAFF) for user in self.first)

    @property
    def too_early(self) -> int:
        """
        How many others were on new while only staff were to be.
        """
        return sum(at < self._others and not user.startswith(STAFF) for user, at in self.first.items())

    def roll_back(self) -> None:
        """
        New is about to do something that the plan rolls back for: whoever is on new may come back.
        """
        self._anew = inf

    def rolled_back(self, now: float) -> None:
        """
        That is over: who is on new from now on stays there.
        """
        self.on_new.clear()
        self._anew = now

    def kill(self, now: float) -> None:
        """
        The kill is being asked for.
        """
        self._killed = now

    def restore(self, now: float) -> None:
        """
        The restore is being asked for.
        """
        self._restoring = now

    def restored(self, now: float) -> None:
        """
        The restore was answered.
        """
        self._restored = now

    def answered(self, user: str, *, by_new: bool, sent: float, now: float) -> None:
        """
        A read of `user`, sent then, was answered now.
        """
        if by_new:
            self.first.setdefault(user, now)
            if sent > self._anew:
                self.on_new.setdefault(user, now)
            if self._killed <= sent < self._restoring:
                self.last_on_new = max(self.last_on_new, sent - self._killed)
        elif self._killed <= sent < self._restoring:
            self.on_old_when_killed += 1
        elif sent <= self._anew:
            pass
        elif not (sent <= self._restored and now >= self._killed) and sent > self.on_new.get(user, inf):
            self.came_back += 1
