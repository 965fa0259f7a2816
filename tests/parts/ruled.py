"""
Which intents were in force when, from the audit and from what clients know; and whether each request saw just one.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    Every intent that was in force, oldest first, from the audit's lines after `first`. AssertionError unless epochs
    grow.
    """
    tried = list(tried)
    found = [first]
    for line, asked in _in_force(lines, {one.reason: one for one in tried}):
        before = found[-1]
        assert line["epoch"] > before.epoch, f"epoch {before.epoch} is followed by {line}"
        after = {"new": before.new, "mirror": before.mirror, **line["after"]}
        earliest = before.earliest if asked is None else asked.began
        found.append(Rule(epoch=line["epoch"], new=after["new"], mirror=after["mirror"], earliest=earliest))
        if asked is not None and asked.status == 200:
            # All workers route by this or by something later now.
            found[:-1] = [replace(rule, latest=min(rule.latest, asked.ended)) for rule in found[:-1]]
    return found


def untold(lines: Iterable[Value], tried: Iterable[Tried], found: list[Rule]) -> list[Rule]:
    """
    Intents that may have been in force although no line tells of them: what lowers new is published before it is saved,
    and control may be killed in between, before it answers. `found` are those that are told.
    """
    told, tried = {line["reason"] for line in lines}, sorted(tried, key=lambda one: one.began)
    more: list[Rule] = []
    for one in tried:
        if one.reason in told or (one.status != 0 and not one.unsaved):
            continue
        # Not later than an acknowledged one that began after it.
        latest = min((other.ended for other in tried if other.status == 200 and other.began > one.ended), default=inf)
        bases = [rule for rule in (*found, *more) if rule.earliest <= one.ended and one.began <= rule.latest]
        more += dict.fromkeys(replace(rule, earliest=one.began, latest=latest, **one.values) for rule in bases)
    return more


def _in_force(lines: Iterable[Value], known: dict[str, Tried]) -> list[tuple[Value, Tried | None]]:
    """
    The lines of intents that came into force, with what was asked for. Two kinds of change are saved and never do:
    those that were overtaken, which are answered 409; and those of a control that was killed between saving and
    publishing, unanswered, whose epoch another change took before the store was open again.
    """
    found: list[tuple[Value, Tried | None]] = []
    for line in lines:
        asked = known[line["reason"]] if line["action"] in MOVES else None
        if line["action"] not in (*MOVES, *FOUND) or (asked is not None and asked.status == 409):
            continue
        if found and found[-1][0]["epoch"] == line["epoch"]:
            taken = found.pop()[1]
            assert taken is not None, f"an epoch came twice: {line}"
            assert taken.status == 0, f"an acknowledged change was replaced by {line}: {taken}"
        found.append((line, asked))
    return found


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
