"""
What must hold between the keys of a plan, and between a plan and the configuration it belongs to.

A plan that passes can be carried out: everything that it names is there, every step has a way back, whoever has to
agree can, and its gates have time enough to say something.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from proxy.errors import ConfigurationError
from proxy.plan.check_criteria import check_criteria
from proxy.plan.check_names import check_names
from proxy.plan.check_people import check_people
from proxy.plan.check_risks import check_risks
from proxy.plan.check_stages import check_stages
from proxy.plan.facts import Facts
from proxy.plan.feasibility import check_feasibility
from proxy.plan.model import Plan
from proxy.plan.parse import read_written
from proxy.settings.sentences import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """
    A plan that can be carried out, the hash of what it says, and what its people should know.
    """

    plan: Plan
    hash: str
    warnings: tuple[str, ...]

    def warned(self, warning: str) -> "Checked":
        """
        The same, with another thing to know first.
        """
        return replace(self, warnings=(warning, *self.warnings))


def check(plan: Plan, facts: Facts | None) -> list[Finding]:
    """
    Everything wrong or doubtful with a plan. Without `facts`, what the configuration has to say is left out.
    """
    found = [
        *check_names(plan, facts),
        *check_stages(plan, facts),
        *check_criteria(plan, facts),
        *check_people(plan, facts),
        *check_risks(plan, facts),
    ]
    if any(not finding.warning for finding in found):
        # Who needs how long can't be told of something that is wrong already.
        return found
    return [*found, *check_feasibility(plan, facts)]


def checked(
    text: str, name: str, facts: Facts | None, also: Callable[[Plan], Iterable[Finding]] | None = None
) -> Checked:
    """
    The plan that `text` says; `name` is that of its file. What `also` finds is told with the rest: files beside it are
    not for here to read. Raises `ConfigurationError` with every problem found.
    """
    written = read_written(text, name)
    found = [*check(written.plan, facts), *(() if also is None else also(written.plan))]
    if wrong := [finding for finding in found if not finding.warning]:
        raise ConfigurationError(*written.teller.in_order(wrong))
    return Checked(plan=written.plan, hash=written.hash, warnings=tuple(written.teller.in_order(found)))
