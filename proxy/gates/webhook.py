"""
What an answer of somebody else's hook means. Sending is `sources/`; this only reads.

A JSON body with an "outcome" says it, whatever the status below 500. Otherwise the status does: 200, 201 and 204 are
yes, 202 is "not yet", and 409, 412, 417 and 422, by which a server says that a condition isn't met, are no. Everything
else speaks of the hook and not of new, so it is an error: a wrong path (404) or an expired token (401) must not roll a
migration back.
"""

import json
from dataclasses import dataclass
from typing import Final

from proxy.gates.outcome import Outcome, Result
from proxy.gates.persistence import Look, Looks, Persistence, looked, persisted

YES: Final = frozenset({200, 201, 204})
NOT_YET: Final = frozenset({202})
NO: Final = frozenset({409, 412, 417, 422})
LOOKS: Final[dict[Result, Look]] = {"pass": "good", "fail": "bad", "inconclusive": "no data", "error": "error"}
# One answer is enough.
ONCE: Final = Persistence(pass_of=(1, 1), fail_of=(1, 1))
# What is repeated of somebody else's words.
QUOTED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    What a hook said, and in which words.
    """

    result: Result
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpec:
    """
    A gate that asks a hook every so many seconds.
    """

    name: str
    persistence: Persistence = ONCE
    every: float = 30.0


def read_reply(status: int | None, body: bytes, trouble: str = "") -> Reply:
    """
    What HTTP brought. `status` is None if there was no answer, and `trouble` says why. Words are taken from "reason".
    """
    if status is None:
        return Reply(result="error", said=trouble or "the hook doesn't answer")
    try:
        told = json.loads(body) if body else None
    except (ValueError, RecursionError):
        told = None
    fields = told if isinstance(told, dict) else {}
    outcome, reason = fields.get("outcome"), fields.get("reason")
    said = " ".join(reason.split())[:QUOTED] if isinstance(reason, str) and reason.strip() else f"it answers {status}"
    if outcome is not None and status < 500:
        if isinstance(outcome, str) and outcome in LOOKS:
            return Reply(result=outcome, said=said)
        return Reply(result="error", said='its "outcome" is none of pass, fail, inconclusive and error')
    if status in YES:
        return Reply(result="pass", said=said)
    if status in NOT_YET:
        return Reply(result="inconclusive", said=said)
    return Reply(result="fail" if status in NO else "error", said=said)


def judge_webhook(spec: WebhookSpec, before: Looks, reply: Reply) -> tuple[Outcome, Looks]:
    """
    Add one reply, and say what the last ones mean.
    """
    looks = looked(spec.persistence, before, LOOKS[reply.result])
    found = persisted(spec.persistence, looks)
    (needed, window), (fatal, fatal_window) = spec.persistence.pass_of, spec.persistence.fail_of
    sentence = f"{reply.said}: {found.good} of the last {window} said yes, {needed} pass"
    if found.result == "fail":
        sentence = f"{reply.said}: {found.bad} of the last {fatal_window} said no, {fatal} fail"
    if looks.errors:
        sentence = f"{reply.said}: no answer to go by, {looks.errors} in a row"
    outcome = Outcome(
        gate=spec.name,
        result=found.result,
        sentence=sentence,
        n=len(looks.recent),
        bad=found.bad,
        pass_ratio=found.pass_ratio,
        fail_ratio=found.fail_ratio,
        needed=found.missing,
        eta=found.missing * spec.every,
    )
    return outcome, looks
