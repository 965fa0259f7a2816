"""
Back-testing: kept samples judged again, by other rules than those they were judged by. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.compare.answer import Answer
from proxy.compare.judge import judge
from proxy.compare.judging import Judging, JudgingTable
from proxy.evidence.waivers import shown_parts

CHECKED = ("old", "new")


def rejudge(samples: Iterable[Mapping[str, Any]], table: JudgingTable) -> dict[str, Any]:
    """
    `samples` with the verdicts that they had and would have, and how often each is there. What was not kept can't be
    judged again, and says why.
    """
    judging = Judging(table)
    rows = [_again(sample, judging) for sample in samples]
    after = Counter(row["after"] for row in rows if row["after"] is not None)
    return {
        "samples": rows,
        "before": dict(Counter(row["before"] for row in rows)),
        "after": dict(after),
        "skipped": sum(row["after"] is None for row in rows),
    }


def _again(sample: Mapping[str, Any], judging: Judging) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": sample["id"],
        "endpoint": sample["endpoint"],
        "before": "divergent",
        "after": None,
        "signature": None,
        "parts": [],
        "reason": None,
    }
    missing = [
        f"{side}'s body is not kept: {sample[side]['left_out']}" for side in CHECKED if sample[side]["body"] is None
    ]
    # Of a pair whose statuses differ in class, nothing else counts.
    if missing and sample["old"]["status"] // 100 == sample["new"]["status"] // 100:
        return {**row, "reason": "; ".join(missing)}
    judgement = judge(
        _answer(sample["old"]),
        _answer(sample["new"]),
        judging.book(str(sample["endpoint"]), str(sample.get("route", ""))),
    )
    row |= {"after": judgement.verdict, "reason": judgement.reason}
    if judgement.signature is not None:
        row |= {"signature": judgement.signature.id, "parts": shown_parts(judgement.signature.parts)}
    return row


def _answer(side: Mapping[str, Any]) -> Answer:
    """
    The answer that a sample holds, as it is to be judged: a body that is kept as JSON is no lie.
    """
    body = side["body"] or ""
    kept_as = side["as"] if side["kind"] != "empty" else side["media"]
    fields = tuple((str(name), str(value)) for name, value in side["fields"])
    if kept_as != side["media"]:
        fields = tuple((name, value) for name, value in fields if name != "content-type")
    return Answer(
        status=side["status"], fields=fields, media=kept_as, coding="", content=body.encode("utf-8", "replace")
    )
