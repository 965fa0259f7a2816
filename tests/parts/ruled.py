"""
Which intents were in force when, from the audit and from what clients know; and whether each request saw just one.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tests.parts.account import Fate
from tests.parts.load import Outcome
from tests.parts.murmur import side_of
from tests.parts.operator import Tried, Value

BEGINNING = "0" * 64
MOVES = ("weights", "mirror")
# What a successor of control found in force, or in the store, and made one of.
FOUND = ("recovered",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    An intent, and the longest time that a worker can have routed by it (monotonic seconds).
    """

    epoch: int
    new: float
    mirror: float
    earliest: float = -inf
    latest: float = inf

    def fits(self, fate: Fate) -> bool:
        """
        Whether a request can have been routed by this one, and by nothing else.
        """
        asked = fate.asked
        in_force = self.earliest <= asked.ended and asked.began <= self.latest
        copied = asked.method == "GET" and self.mirror == 100
        return in_force and asked.side == side_of(asked.user, self.new) and copied == bool(fate.copies)


def rules(first: Rule, lines: Iterable[Value], tried: Iterable[Tried]) -> list[Rule]:
    """
    Every intent, oldest first, from the audit's lines after `first`. AssertionError unless epochs grow.
    """
    known = {one.reason: one for one in tried}
    found = [first]
    for line in lines:
        if line["action"] not in (*MOVES, *FOUND) or _overtaken(line, known):
            continue
        before = found[-1]
        assert line["epoch"] > before.epoch, f"epoch {before.epoch} is followed by {line}"
        after = {"new": before.new, "mirror": before.mirror, **line["after"]}
        asked = known[line["reason"]] if line["action"] in MOVES else None
        earliest = before.earliest if asked is None else asked.began
        found.append(Rule(epoch=line["epoch"], new=after["new"], mirror=after["mirror"], earliest=earliest))
        if asked is not None and asked.status == 200:
            # All workers route by this or by something later now.
            found[:-1] = [_until(rule, asked.ended) for rule in found[:-1]]
    return found


def _overtaken(line: Value, known: dict[str, Tried]) -> bool:
    # Saved, and then not put in force because somebody had been quicker: answered 409, and noted as refused.
    return line["action"] in MOVES and known[line["reason"]].status == 409


def _until(rule: Rule, latest: float) -> Rule:
    return Rule(
        epoch=rule.epoch,
        new=rule.new,
        mirror=rule.mirror,
        earliest=rule.earliest,
        latest=min(rule.latest, latest),
    )


def torn(fates: Iterable[Fate], found: list[Rule]) -> list[Fate]:
    """
    Answered requests that no single intent explains.
    """
    return [
        fate for fate in fates if fate.asked.outcome is Outcome.RIGHT and not any(rule.fits(fate) for rule in found)
    ]


def broken_line(lines: list[Value]) -> Value | None:
    """
    The first line of an audit that isn't chained to the one before; None when all are. `lines` from the beginning on.
    """
    previous = BEGINNING
    for number, line in enumerate(lines, 1):
        said = {key: value for key, value in line.items() if key not in ("previous", "hash")}
        text = previous + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if (line["id"], line["previous"], line["hash"]) != (number, previous, digest):
            return line
        previous = digest
    return None
