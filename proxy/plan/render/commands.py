"""
The commands that documents tell people to type: all of them, in one place. A test gives each to the command line.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """
    The lines for one plan, whose file is `file`.
    """

    file: str

    def _line(self, *words: str) -> str:
        return shlex.join(["parallax", *words])

    @property
    def validate(self) -> str:
        """
        Look for mistakes.
        """
        return self._line("plan", "validate", self.file)

    @property
    def render(self) -> str:
        """
        Make these documents again.
        """
        return self._line("plan", "render", self.file, "--out", "documents")

    def preview(self, event: str) -> str:
        """
        Show what people are told.
        """
        return self._line("plan", "preview", self.file, "--event", event)

    def serve(self, config: str) -> str:
        """
        Have a Parallax that knows the plan.
        """
        return self._line("serve", "-c", config, "--plan", self.file)

    @property
    def start(self) -> str:
        """
        Begin.
        """
        return self._line("plan", "start", self.file, "--reason", "as agreed")

    @property
    def sign(self) -> str:
        """
        A reviewing role agrees to this plan.
        """
        return self._line("plan", "sign")

    @property
    def status(self) -> str:
        """
        Where it is.
        """
        return self._line("plan", "status")

    @property
    def watch(self) -> str:
        """
        Where it is, all the time.
        """
        return self._line("plan", "status", "--watch")

    @property
    def approve(self) -> str:
        """
        Agree that the present stage is left.
        """
        return self._line("plan", "approve", "--reason", "evidence read and agreed with")

    @property
    def advance(self) -> str:
        """
        Go on, now that everything is there.
        """
        return self._line("plan", "advance", "--reason", "as agreed")

    @property
    def hold(self) -> str:
        """
        Stay.
        """
        return self._line("plan", "hold", "--reason", "looking at it")

    @property
    def resume(self) -> str:
        """
        Go on after a hold.
        """
        return self._line("plan", "resume", "--reason", "looked at and understood")

    @property
    def rollback(self) -> str:
        """
        Back to where the stage goes back to.
        """
        return self._line("plan", "rollback", "--reason", "what was seen")

    def rollback_to(self, stage: str) -> str:
        """
        Back to a stage that is named.
        """
        return self._line("plan", "rollback", "--to", stage, "--reason", "what was seen")

    def rollback_route(self, route: str) -> str:
        """
        Only one route.
        """
        return self._line("plan", "rollback", "--route", route, "--reason", "what was seen")

    @property
    def abort(self) -> str:
        """
        Give up: everybody on old, nothing copied.
        """
        return self._line("plan", "abort", "--reason", "what was seen")

    def check(self, checklist: str, item: int, *, evidence: bool) -> str:
        """
        Say that a line of a checklist is done.
        """
        more = ("--evidence", "where it can be seen") if evidence else ()
        return self._line("plan", "check", f"{checklist}/{item}", *more)

    @property
    def evidence(self) -> str:
        """
        What differs.
        """
        return self._line("evidence")

    @property
    def weights(self) -> str:
        """
        Who answers whom.
        """
        return self._line("weights")

    @property
    def kill(self) -> str:
        """
        Everybody on old, without the plan, the store or control.
        """
        return self._line("kill")

    @property
    def restore(self) -> str:
        """
        The end of a kill.
        """
        return self._line("restore", "--reason", "it is found and mended")

    def by_hand(self, routes: Iterable[str] = (), cohorts: Iterable[str] = ()) -> str:
        """
        Everybody on old, past the plan, which holds then: also those whose share is one of their own.
        """
        own = [word for name in routes for word in ("--route", f"{name}=0")]
        own += [word for name in cohorts for word in ("--cohort", f"{name}=0")]
        return self._line("weights", "set", "--new", "0", *own, "--reason", "what was seen")

    @property
    def audit(self) -> str:
        """
        Who did what.
        """
        return self._line("audit")
