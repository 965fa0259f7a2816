"""
Who may ask what of the admin port: Host, Origin, token, role, in that order; and what of it the audit is told. Pure.

Every request passes here before anything of it is read but its head. Who has a token never waits for those who guess.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from proxy.admin.auth import bearer_token, holder, may
from proxy.admin.origin import is_own_host, is_own_origin
from proxy.admin.steering import Who
from proxy.admin.throttle import Line, Throttle, network
from proxy.link.setup import Token

CHALLENGE: Final = 'Bearer realm="parallax"'
NOBODY: Final = "nobody"  # the name in the audit of who has not signed in


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    Who may ask, and under which names the port is served. Replaced whole after a reload.
    """

    tokens: tuple[Token, ...]
    hosts: tuple[str, ...] = ()
    encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    The head of a request, as far as it matters here. `what` is the call in words of ours ("POST /admin/kill"),
    `changes` whether it is meant to change something, and `hosts`, `origins`, `credentials` are all fields of a name.
    """

    what: str
    method: str
    changes: bool
    peer: str
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    credentials: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """
    A line for the audit.
    """

    who: Who
    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """
    The answer to a request that may not be made.
    """

    status: int
    said: str
    headers: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


class Gate:
    """
    Keeps the access in force, and count of who was turned away.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._sign_ins = Throttle()
        self._refusals = Throttle()

    def judge(self, asked: Asked, now: float) -> Token | Denied:
        """
        Whose request this is, or how it is turned away.
        """
        if (denied := self.judge_page(asked, now)) is not None:
            return denied
        token = bearer_token(asked.credentials[0]) if len(asked.credentials) == 1 else None
        known = None if token is None else holder(token, self.access.tokens)
        if known is None:
            return self._unknown(asked, now)
        if not may(known.role, asked.method):
            said = f"the token of {known.name} may read only ({known.role}); use one with the role operator"
            return Denied(status=403, said=said, notes=self.refused(known, asked, "the role is too low", now))
        return known

    def judge_page(self, asked: Asked, now: float) -> Denied | None:
        """
        How a page that is not ours, in somebody's browser, is turned away; None for whoever is no such page.
        """
        if len(asked.hosts) != 1 or not is_own_host(asked.hosts[0], self.access.hosts):
            said = "this Host is not served here; ask by address or localhost, or add the name to admin.hosts"
            return Denied(status=403, said=said, notes=self.refused(None, asked, "foreign Host", now))
        encrypted = self.access.encrypted
        if not all(is_own_origin(origin, asked.hosts[0], encrypted=encrypted) for origin in asked.origins):
            said = "a page of another origin may not ask here"
            return Denied(status=403, said=said, notes=self.refused(None, asked, "foreign Origin", now))
        return None

    def refused(self, known: Token | None, asked: Asked, why: str, now: float) -> tuple[Note, ...]:
        """
        What the audit is told of a change that was turned away.
        """
        if not asked.changes:
            return ()
        who = _who(known, asked.peer)
        return _notes("refused", who, f"{asked.what}: {why}", self._refusals.failed(asked.peer, now))

    def due(self, now: float) -> tuple[Note, ...]:
        """
        What was only counted and can be told by now. To be asked every few seconds.
        """
        return (
            *_notes("sign_in_failed", None, "a token that nobody has", self._sign_ins.due(now)),
            *_notes("refused", None, "a change", self._refusals.due(now)),
        )

    def _unknown(self, asked: Asked, now: float) -> Denied:
        challenge = {"WWW-Authenticate": CHALLENGE}
        if not asked.credentials:
            said = "sign in: send the field Authorization: Bearer TOKEN"
            return Denied(status=401, said=said, headers=challenge, notes=self.refused(None, asked, "no token", now))
        wait = self._sign_ins.wait(asked.peer, now)
        failed = self._sign_ins.failed(asked.peer, now)
        notes = _notes("sign_in_failed", _who(None, asked.peer), f"{asked.what}: a token that nobody has", failed)
        if wait:
            said = "too many failed sign-ins from this address; a right token is taken at any time"
            return Denied(status=429, said=said, headers={"Retry-After": str(wait)}, notes=notes)
        said = "nobody has this token; `parallax token new` makes one, and admin.tokens has those that are known"
        headers = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
        return Denied(status=401, said=said, headers=headers, notes=notes)


def _who(known: Token | None, peer: str) -> Who:
    return Who(name=NOBODY, role="", peer=peer) if known is None else Who(name=known.name, role=known.role, peer=peer)


def _notes(action: str, who: Who | None, reason: str, lines: Iterable[Line]) -> tuple[Note, ...]:
    """
    One note a line. `who` and `reason` are of the newest case; lines of other addresses are of those that were counted.
    """
    notes = []
    for line in lines:
        known = who if who is not None and line.peer == network(who.peer) else _who(None, line.peer)
        said = reason if line.count == 1 else f"{reason}; {line.count} in all since the last line of this address"
        notes.append(Note(who=known, action=action, reason=said))
    return tuple(notes)
