"""
A pair that differs and that no comparer looks at, for people: heads, sizes and the first difference, secrets taken out.

Only the values of fields that are known to be harmless are shown, query values and content never: the content's first
difference is told as an offset, the nearest name in quotes before it (a JSON key, most of the time), and the bytes
around it, masked: letters as a, digits as 9.
"""

import re
from typing import Any

from proxy.mirror.heads import LONGEST, SHOWN, shown_fields, text
from proxy.mirror.observation import Observation
from proxy.mirror.pair import Pair
from proxy.routing.table import SIDES

# How far back a name is looked for, in bytes, and what is taken for one: a short identifier before a colon.
NEAR = 256
KEY = re.compile(rb'"([a-z_][A-Za-z_-]{0,30})"[ ]*:')
AROUND = 12


def sample(pair: Pair, at: float) -> dict[str, Any]:
    """
    The sample of a complete divergent pair, as JSON can carry it; `at` is wall-clock seconds.
    """
    request, sides = pair.request, [pair.live, pair.shadow]
    if pair.live_side:
        sides.reverse()
    old, new = sides
    return {
        "at": round(at, 3),
        "endpoint": pair.page.name,
        "live": SIDES[pair.live_side],
        "method": text(request.method),
        "target": redact_target(request.target, pair.page.name),
        "request_id": text(request.request_id)[:64],
        "first": first_difference(old, new),
        "old": _side(old),
        "new": _side(new),
    }


def first_difference(old: Observation, new: Observation) -> dict[str, Any]:
    """
    Where two complete observations differ first: {"where", "offset", "old", "new"}, values redacted.
    """
    if old.head is None or new.head is None:
        return {"where": "answer", "offset": None, "old": str(old.cause), "new": str(new.cause)}
    if old.head.status != new.head.status:
        return {"where": "status", "offset": None, "old": str(old.head.status), "new": str(new.head.status)}
    if (name := _differing_field(old, new)) is not None:
        values = [_values(side, name) for side in (old, new)]
        return {"where": f"header:{name}", "offset": None, "old": values[0], "new": values[1]}
    if old.digest is not None or new.digest is not None:
        return {"where": "body", "offset": None, "old": f"{old.size} bytes", "new": f"{new.size} bytes"}
    one, other = old.body(), new.body()
    offset = next(
        (at for at in range(0, min(len(one), len(other)), 4096) if one[at : at + 4096] != other[at : at + 4096]), 0
    )
    while offset < min(len(one), len(other)) and one[offset] == other[offset]:
        offset += 1
    return {
        "where": "body",
        "offset": offset,
        "near": _near(one, offset),
        "masked": True,
        "old": _shape(one, offset),
        "new": _shape(other, offset),
    }


def redact_target(target: bytes, endpoint: str) -> str:
    """
    A request target whose values are gone: `/search?q=…&page=…`, `/users/999`. Of the path, only what the endpoint's
    template has literally is shown, the rest is masked; of the query, names before a `=`; of a fragment, nothing.
    """
    whole, mark, _ = text(target).partition("#")
    path, asks, query = whole.partition("?")
    literal = endpoint.partition(" ")[2].split("/")
    segments = path[:LONGEST].split("/")
    known = literal + [""] * (len(segments) - len(literal))
    shown = "/".join(segment if segment == known[at] else _mask(segment) for at, segment in enumerate(segments))
    if asks:
        parts = (part.partition("=") for part in query.split("&")[:20])
        shown += f"?{'&'.join(f'{name}=…' if equals else '…' for name, equals, _ in parts)[:LONGEST]}"
    return f"{shown}#…" if mark else shown


def _side(observation: Observation) -> dict[str, Any]:
    """
    One side's head and size.
    """
    head = observation.head
    return {
        "status": None if head is None else head.status,
        "headers": [] if head is None else shown_fields(head),
        "size": observation.size,
        "ms": round((observation.at - observation.sent) * 1000, 3),
    }


def _differing_field(old: Observation, new: Observation) -> str | None:
    """
    The name of the first compared field that differs.
    """
    if old.head is None or new.head is None:
        return None
    for mine, theirs in ((old, new), (new, old)):
        for name, _ in mine.head.significant if mine.head else []:
            if _pairs(mine, name) != _pairs(theirs, name):
                return text(name[:-1])
    return None


def _pairs(side: Observation, name: bytes) -> list[bytes]:
    return [value for other, value in side.head.significant if other == name] if side.head else []


def _values(side: Observation, name: str) -> str:
    """
    The values of one compared field, as people may read them.
    """
    values = ", ".join(text(value) for value in _pairs(side, name.encode() + b":"))[:LONGEST] or "(absent)"
    return values if name.encode() in SHOWN or values == "(absent)" else _mask(values)


def _shape(content: bytes, offset: int) -> str:
    """
    The kinds of the bytes around `offset`: letters as a, digits as 9, the rest of printable ASCII as it is.
    """
    if offset >= len(content):
        return "(end)"
    return _mask(text(content[max(0, offset - AROUND) : offset + AROUND]))


def _mask(shown: str) -> str:
    """
    Letters as a, digits as 9.
    """
    return re.sub(r"[0-9]", "9", re.sub(r"[A-Za-z]", "a", shown))


def _near(content: bytes, offset: int) -> str | None:
    """
    The last name in quotes before `offset`, if it looks like one that people chose (and not like data).
    """
    found = KEY.findall(content[max(0, offset - NEAR) : offset + 1])
    return found[-1].decode("ascii") if found else None
