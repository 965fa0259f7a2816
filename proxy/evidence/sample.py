"""
Samples: divergent pairs as people may see them, and as they can be judged again; secrets taken out.

What is chosen (`evidence/sampling.py`) waits, as bytes, until there is time to make a sample of it. Callers bring the
time and bound it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Self

import orjson

from proxy.compare.answer import Answer
from proxy.compare.difference import ABSENT, Difference, Kind
from proxy.compare.judge import Judgement
from proxy.evidence.kept import LEFT_OUT, LONGEST_NAME, Kept, keep, leave_out, shorten, shorten_steps, show
from proxy.evidence.redact import Redactor

LARGEST: Final = 256 * 1024
LISTED: Final = 50
LONGEST: Final = 2048
# Values of a repeated name: more digests than can be shown.
MOST_REPEATED: Final = 40
SCALARS: Final = (str, int, float, Decimal)
SIDES: Final = ("old", "new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spotted:
    """
    One divergent pair: what was said of it, when and by which table, and what it was. `context` and heads are JSON as
    they came (`link.pairs`); `left_out` is what is kept of contents that aren't here any more.
    """

    endpoint: str
    route: str
    judgement: Judgement
    version: int
    at: float
    context: bytes
    heads: tuple[bytes, bytes]
    answers: tuple[Answer, Answer]
    left_out: tuple[Kept | None, Kept | None] = (None, None)

    def lean(self) -> Self:
        """
        The pair with as much as is going to be shown. With the values that differ, and contents that nobody will look
        at, a few pairs would take the memory that a comparer needs to read the next one.
        """
        said, (old, new) = self.judgement, self.answers
        gone = leave_out(old), leave_out(new)
        return replace(
            self,
            judgement=said._replace(
                differences=tuple(map(_shortened, said.differences[:LISTED])),
                more=max(0, len(said.differences) - LISTED) + said.more,
                parts=frozenset(),
            ),
            left_out=gone,
            answers=(
                old if gone[0] is None else old._replace(content=b""),
                new if gone[1] is None else new._replace(content=b""),
            ),
        )


def _shortened(one: Difference) -> Difference:
    old, new = one.old, one.new
    if one.kind is Kind.DUPLICATE:
        old, new = ([_brief(value) for value in values[:MOST_REPEATED]] for values in (old, new))
    elif any(isinstance(step, str) and len(step) > LONGEST_NAME for step in one.steps):
        old, new = (value if value is ABSENT else LEFT_OUT for value in (old, new))
    else:
        old, new = shorten(old), shorten(new)
    return Difference(one.kind, shorten_steps(one.steps), old, new, one.place[:LONGEST])


def _brief(text: str) -> str:
    """
    What has a digest like the text, and is no longer.
    """
    return text if len(text) <= LONGEST else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_sample(spotted: Spotted, redactor: Redactor, number: str) -> dict[str, Any]:
    """
    The sample `number`, of strings and numbers only.
    """
    judgement, context = spotted.judgement, orjson.loads(spotted.context)
    assert judgement.signature is not None
    kept = [gone or keep(one, redactor) for one, gone in zip(spotted.answers, spotted.left_out, strict=True)]
    key = context.get("key")
    sample = {
        "id": number,
        "at": round(spotted.at, 3),
        "signature": judgement.signature.id,
        "endpoint": spotted.endpoint,
        "route": spotted.route,
        "severity": judgement.signature.severity,
        "version": spotted.version,
        "method": _plain(str(context.get("method", ""))),
        "target": _plain(redactor.target(str(context.get("target", ""))))[:LONGEST],
        "request_id": _plain(str(context.get("id", "")))[:64],
        "live": SIDES[bool(context.get("live"))],
        "key": redactor.digest(key) if key else None,
        "ms": [round(float(one), 3) for one in context.get("ms", ())],
        "connected": [bool(one) for one in context.get("connected", ())],
        "differences": [_difference(one, redactor, kept) for one in judgement.differences[:LISTED]],
        "more": max(0, len(judgement.differences) - LISTED) + judgement.more,
    }
    for name, answer, head, body in zip(SIDES, spotted.answers, spotted.heads, kept, strict=True):
        sample[name] = _side(answer, orjson.loads(head), body, redactor)
    return _bounded(sample)


def _side(answer: Answer, head: dict[str, Any], body: Kept, redactor: Redactor) -> dict[str, Any]:
    compared = {name for name, _ in answer.fields}
    return {
        "status": answer.status,
        "fields": [[_plain(name), _plain(redactor.header(name, value))[:LONGEST]] for name, value in answer.fields],
        # For people only; what could be a secret has been taken out by the worker.
        "others": [
            [_plain(str(name)), _plain(redactor.running(str(value)))]
            for name, value in head.get("shown", ())
            if str(name).lower() not in compared
        ][:100],
        "media": _plain(redactor.text(answer.media))[:200],
        "kind": body.kind,
        "size": body.size,
        "as": _plain(body.media)[:200],
        "body": body.text,
        "left_out": body.left_out,
    }


def _difference(one: Difference, redactor: Redactor, kept: Sequence[Kept]) -> dict[str, Any]:
    if one.place.startswith("header:"):
        name = one.place.partition(":")[2]
        old, new = (redactor.header(name, value) if isinstance(value, str) else value for value in (one.old, one.new))
    elif one.kind is Kind.DUPLICATE:
        old, new = (list(map(redactor.digest, value)) for value in (one.old, one.new))
    elif one.place:
        old, new = one.old, one.new
    else:
        old, new = (
            body.known[value] if isinstance(value, SCALARS) and value in body.known else redactor.at(one.steps, value)
            for value, body in zip((one.old, one.new), kept, strict=True)
        )
    path, pattern = (_plain(redactor.text(text))[:LONGEST] for text in (one.path, one.pattern))
    return {"path": path, "pattern": pattern, "kind": one.kind.name.lower(), "old": show(old), "new": show(new)}


def _bounded(sample: dict[str, Any]) -> dict[str, Any]:
    """
    Without what makes it too large: the bodies, then all but the first differences.
    """
    if len(orjson.dumps(sample)) > LARGEST:
        for name in SIDES:
            sample[name] |= {"body": None, "left_out": "the sample would be too large"}
    if len(orjson.dumps(sample)) > LARGEST:
        sample["differences"] = sample["differences"][:5]
        for name in SIDES:
            sample[name] |= {"fields": sample[name]["fields"][:20], "others": []}
    return sample


def _plain(text: str) -> str:
    """
    One line without anything that could steer a terminal.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
