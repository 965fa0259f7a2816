"""
What the admin API needs of whoever carries out a plan, and the bodies of its calls. No HTTP here; `proxy/rollout.py`
is the real one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Protocol

from proxy.admin.changes import WORD, read_reason_of
from proxy.admin.steering import Invalid, Who

# What a call takes besides `reason` and `seq`.
TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "start": ("text", "file"),
    "approve": (),
    "hold": (),
    "resume": ("route", "cohort"),
    "advance": (),
    "rollback": ("stage", "route", "cohort"),
    "abort": (),
    "tick": (),
    "amend": ("text", "file"),
    "force": ("seconds",),
    "check": ("item", "ok", "evidence"),
    "sign": (),
}
# What leads towards new, or past a safeguard, says why; what leads away from it needn't find words first.
SAYS_WHY: Final = frozenset({"start", "resume", "advance", "amend", "force"})
NEEDED: Final = {"amend": ("text",), "force": ("seconds",), "check": ("item",)}
TEXTS: Final = {"text": 48 * 1024, "file": 200, "stage": 60, "route": 60, "cohort": 60, "item": 80, "evidence": 500}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    One call: `text` is a whole plan ("" for the one that Parallax was started with) and `file` what it was read from.
    """

    name: str
    reason: str = ""
    seq: int | None = None
    text: str = ""
    file: str = ""
    stage: str = ""
    route: str = ""
    cohort: str = ""
    item: str = ""
    ok: bool = True
    evidence: str = ""
    seconds: float = 0.0


class Planned(Protocol):
    """
    Carries out a plan. All calls may raise `steering.Refusal`.
    """

    def status(self) -> dict[str, Any]:
        """
        `GET /admin/plan`. Raises `Unknown` where there is no plan.
        """

    async def whole(self) -> dict[str, Any]:
        """
        The same with all of its history that is kept. Raises `Unknown`, `NotYet` too, where the store can't be read.
        """

    def shown(self) -> dict[str, Any] | None:
        """
        The same; None where there is no plan.
        """

    async def obey(self, asked: Asked, who: Who) -> dict[str, Any]:
        """
        One of the calls in `TAKES`; the status afterwards. Raises `Invalid`, `NotLoaded` (the plan can't be used),
        `Outdated`, `Forbidden`, `Held` (not as things are), `Unsaved`, `NotYet`.
        """


def read_asked(name: str, body: Mapping[str, Any]) -> Asked:
    """
    The call that a body is of. Raises `Invalid`.
    """
    known = (*TAKES[name], "reason", "seq")
    for key in body:
        if key not in known:
            shown = key if WORD.fullmatch(key) else "a key"
            raise Invalid(shown, f"is no key of this call; known are {', '.join(known)}")
    for key in NEEDED.get(name, ()):
        if key not in body:
            raise Invalid(key, "is missing")
    values: dict[str, Any] = {key: _text(body, key) for key in TAKES[name] if key in TEXTS}
    if "seconds" in body:
        values["seconds"] = _seconds(body["seconds"])
    if "ok" in body:
        values["ok"] = _flag(body["ok"])
    reason = read_reason_of(body) if name in SAYS_WHY or body.get("reason") else ""
    return Asked(name=name, reason=reason, seq=_seq(body), **values)


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key, "")
    if not isinstance(value, str):
        raise Invalid(key, "is no text")
    if len(value) > TEXTS[key]:
        raise Invalid(key, f"has {len(value)} characters; at most {TEXTS[key]} are taken")
    if key != "text" and not value.isprintable():
        raise Invalid(key, "has control characters; send one line of plain text")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
        raise Invalid("seconds", "is no length of time; send how many seconds, such as 3600")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid("ok", "is neither true nor false")
    return value


def _seq(body: Mapping[str, Any]) -> int | None:
    seq = body.get("seq")
    if seq is None or (isinstance(seq, int) and not isinstance(seq, bool) and seq >= 0):
        return seq
    raise Invalid("seq", "is no number of a state; send the one that GET /admin/plan showed, or leave it out")
