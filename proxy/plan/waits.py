"""
What an advance waits for. None of it ever keeps a hold or a rollback from being made.
"""

from typing import Final

from proxy.plan.calendar import Opening, is_open
from proxy.plan.look import Look
from proxy.plan.model import Window
from proxy.plan.team import agreed

# Workers tell every second; nobody advances on what is older than this.
SILENT: Final = 5.0


def waits_for(look: Look) -> tuple[str, ...]:
    """
    What the wanted stage waits for before it is entered, in words that the status shows; none: nothing. A force skips
    what people have agreed on, but neither that every worker can be told, nor the approvals without which
    nobody goes where there is no way back.
    """
    found = []
    if look.readings.killed:
        found.append("kill")
    if not look.readings.acknowledged or look.readings.silent > SILENT or look.readings.in_force is None:
        found.append("workers")
    if not look.aim.reversible and look.state.stage != look.state.at and not is_agreed(look):
        found.append("approval")
    return (*found, *(() if look.is_forced else _agreed_on(look)))


def _agreed_on(look: Look) -> tuple[str, ...]:
    found = []
    if not has_room(look):
        found.append("window")
    if look.readings.undelivered:
        found.append("notice")
    if pinned(look):
        found.append("pins")
    if unsigned(look):
        found.append("signature")
    return tuple(found)


def is_agreed(look: Look) -> bool:
    """
    Whether enough people have approved: of leaving the present stage, or of entering the wanted one beyond which there
    is no way back.
    """
    stage = look.aim
    return agreed(
        look.plan, [one.by for one in look.state.approvals], stage.approvals.count, stage.approvals.must_include
    )


def unsigned(look: Look) -> tuple[str, ...]:
    """
    Reviewing roles that haven't signed the plan as it is now.
    """
    return tuple(role for role in look.plan.team.reviewers if role not in look.state.signed)


def pinned(look: Look) -> tuple[str, ...]:
    """
    Signatures that were the cause of a rollback from the wanted stage, or an earlier one, and may still be there.
    """
    names = [stage.name for stage in look.plan.stages[: look.state.stage + 1]]
    needed = look.plan.defaults.pins
    return tuple(pin.signature for pin in look.state.pins if pin.stage in names and pin.clean < needed)


def window_of(look: Look) -> Window | None:
    """
    The window that the wanted stage is entered in.
    """
    return look.plan.windows.get(look.aim.window or "default")


def opening_of(look: Look) -> Opening:
    """
    Whether that window is open now, until when, and when it will be.
    """
    return is_open(window_of(look), look.plan.freezes, look.plan.timezone, look.now)


def has_room(look: Look) -> bool:
    """
    Whether the window is open, and for as long as it has to be.
    """
    window, opening = window_of(look), opening_of(look)
    fit = 0.0 if window is None else window.fit
    return opening.open and (opening.until is None or opening.until - look.now >= fit)
