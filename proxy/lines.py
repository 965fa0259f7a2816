"""
What steering writes down: lines of the audit about intents, and what is the matter, in sentences.
"""

from collections.abc import Iterator

from proxy.admin.changes import Change
from proxy.admin.steering import Who
from proxy.ledger import PARALLAX, Ledger, line
from proxy.routing.intent import Intent, as_values, shares_of
from proxy.store.audit import Entry


def entry(who: Who, action: str, reason: str, before: Intent | None, after: Intent) -> Entry:
    """
    The line for an intent that takes the place of another.
    """
    were = None if before is None else shares_of(before)
    return line(who, action, reason, were, shares_of(after), epoch=after.epoch)


def entry_of_found(stored: Intent | None, found: Intent, trouble: str | None) -> Entry:
    """
    The line for what the supervisor has and the store has not.
    """
    if stored is None and trouble is None and found.epoch <= 1:
        return entry(PARALLAX, "start", "the first start with this store", None, found)
    return entry(PARALLAX, "recovered", trouble or "the store did not have what is in force", stored, found)


def refused(who: Who, change: Change, after: Intent, now: Intent, said: str) -> Entry:
    """
    The line for a change that is not made. `before` is what was asked for: a line that was saved with it, if there is
    one, is taken back by this one.
    """
    return line(who, "refused", f"{change.reason} ({said})", as_values(after), as_values(now), epoch=now.epoch)


def troubles(ledger: Ledger, refused: tuple[str, ...]) -> Iterator[str]:
    """
    What is the matter with what is kept, and with the configuration that was `refused`, if one was.
    """
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        yield f"the configuration was refused, the one before is in force: {refused[0]}{more}"
    if ledger.trouble is not None:
        yield f"nothing can be saved, so new can't get more: {ledger.trouble}"
    if ledger.unsaved is not None:
        yield f"epoch {ledger.unsaved} is in force and not saved yet; that is tried until it succeeds"
    if ledger.intact is False:
        yield "somebody else has changed the audit; the log's audit_broken says from which line on"
