"""
What a plan asks of the world outside: the automatic lines of its checklists. Each question is a task of its own, and
the answers lie here for who looks; nobody waits for them.
"""

from collections.abc import Callable, Mapping

from proxy.admin.facts import Facts
from proxy.clock import monotonic, time
from proxy.plan.model import Item, Plan

Found = tuple[bool, str]

# What has to be done before the start.
PREFLIGHT = "preflight"
# Two clocks of one machine agree by more.
CLOCK_SECONDS = 1.0


class Inquiries:
    """
    `checks` are the answers so far, by "checklist/number".
    """

    def __init__(self, plan: Plan, facts: Facts, troubles: Callable[[], tuple[str, ...]]) -> None:
        self._plan = plan
        self._facts = facts
        self._troubles = troubles
        self._clock = time() - monotonic()
        self._rates: tuple[float, int] | None = None
        self.checks: dict[str, Found] = {}

    def check(self, checklist: str) -> None:
        """
        Forget what is known of the automatic lines of a checklist, and look at them now.
        """
        for number, item in enumerate(self._plan.checklists.get(checklist, ()), start=1):
            key = f"{checklist}/{number}"
            self.checks.pop(key, None)
            if item.auto is not None:
                self.checks[key] = self._automatic(item)

    async def prepare(self, _seconds: float) -> None:
        """
        Look at everything that must be so before a start.
        """
        self.check(PREFLIGHT)

    def _automatic(self, item: Item) -> Found:
        looks: Mapping[str, Callable[[], Found]] = {
            "workers": self._workers,
            "store": self._store,
            "clock": self._steady,
            "mirroring": self._mirroring,
        }
        return looks[str(item.auto)]()

    def _workers(self) -> Found:
        reason = self._facts.not_ready
        return reason is None, f"{len(self._facts.alive)} workers serve" if reason is None else reason

    def _store(self) -> Found:
        troubles = self._troubles()
        return not troubles, troubles[0] if troubles else "the store can be written"

    def _steady(self) -> Found:
        jump = time() - monotonic() - self._clock
        return abs(
            jump
        ) < CLOCK_SECONDS, f"the clock has moved by {jump:.1f} s against the other since the plan was read"

    def _mirroring(self) -> Found:
        table = self._facts.table
        if table is None or self._facts.killed or table.mirror.percent <= 0:
            return False, "nothing is copied; switch copies on with `parallax mirror set`"
        return True, f"{table.mirror.percent:g} % of reads are copied"
