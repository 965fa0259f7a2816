"""
Evidence as people read it in a terminal: signatures as a table, samples side by side. Pure: values in, `rich` out.

Everything that came from clients or sides is text, cut and tamed here; nothing of it is ever markup.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from proxy.remote.rows import Rows
from proxy.remote.show import tamed

Json = Mapping[str, Any]

STYLES: Final = {"status": "bold red", "shape": "red", "value": "yellow", "order": "cyan", "header": "blue"}
OLD, NEW, FAINT = "red", "green", "dim"
LINES: Final = 60  # of a body; `--json` has all
WIDEST: Final = 2000
# What a reader changes in the command before he runs it.
PLACES: Final = {"old": "$OLD", "new": "$NEW"}


def text(value: object, style: str = "") -> Text:
    """
    A text with nothing in it that could steer a terminal, and without any markup.
    """
    return Text(tamed(str(value)), style=style)


def moment(seconds: object) -> str:
    """
    Unix time for people.
    """
    if not isinstance(seconds, int | float):
        return "-"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OSError, OverflowError, ValueError):
        return "-"


def signatures(found: Json) -> list[RenderableType]:
    """
    The list: one row a signature, the worst first.
    """
    rows: Sequence[Json] = found["signatures"]
    if not rows:
        said = "nothing that was judged differs, or nothing was judged yet"
        if found.get("trouble"):
            said = "none that are known, which may not be all"
        return [Text(f"no signatures: {said}"), *trouble(found)]
    headings = ("signature", "severity", "count", "share", "last seen (UTC)", "endpoint", "where")
    cells = [_signature_cells(row) for row in rows]
    shown: list[RenderableType] = [Rows(headings=headings, rows=cells, short=5, right=frozenset({"count", "share"}))]
    if any(row.get("share") is None for row in rows):
        shown.append(text("no share (-): no pair of that endpoint has been judged since control was started", FAINT))
    return [*shown, *trouble(found)]


def _signature_cells(row: Json) -> list[Text]:
    waived, share = row.get("waived_until"), row.get("share")
    style = FAINT if waived else ""
    parts = [place(part) for part in row["parts"]]
    more = f" and {len(parts) - 2} more" if len(parts) > 2 else ""
    until = f" (waived until {waived})" if waived else ""
    if row.get("transient"):
        until += f" (transient: {row['transient']} of {row['rechecked']} that were asked again)"
    return [
        text(row["id"], style),
        text(row["severity"], style or STYLES.get(str(row["severity"]), "")),
        text(row["count"], style),
        text("-" if share is None else f"{100 * share:.3g} %", style),
        text(moment(row["last"]), style),
        text(row["endpoint"], style),
        text(", ".join(parts[:2]) + more + until, style),
    ]


def place(part: Json) -> str:
    """
    How and where, for people: `value $.total`, `header:etag`, `status 200 → 500`.
    """
    kind, path = str(part["kind"]), str(part["path"])
    if kind == "status" and path.count(":") == 2:
        _, old, new = path.split(":")
        return f"status {old} → {new}"
    return path if path.partition(":")[0] == kind else f"{kind} {path}"


def rules(found: Json) -> list[RenderableType]:
    """
    Rules and what they did, and then what is to be said of some.
    """
    rows: Sequence[Json] = found["rules"]
    if not rows:
        return [Text("no rules are configured: whatever differs counts, but for noise and what is waived")]
    cells = [
        [
            text(cell, "yellow" if row["finding"] else "")
            for cell in (row["met"], row["pairs"], row["hidden"], _where(row), row["rule"])
        ]
        for row in rows
    ]
    headings = ("met", "of", "hidden", "endpoint", "rule")
    table = Rows(headings=headings, rows=cells, short=3, right=frozenset(headings[:3]))
    said = [f"`{row['rule']}` {row['says']} (warning)" for row in rows if row["finding"]]
    since = f"since {moment(found['since'])} (UTC), in {found['pairs']} pairs that were looked at"
    return [table, text(since, FAINT), *(text(one, "yellow") for one in said)]


def trouble(found: Json) -> list[RenderableType]:
    """
    What is the matter with keeping evidence.
    """
    said = [found["trouble"]] if found.get("trouble") else []
    if found.get("dropped"):
        said.append(f"{found['dropped']} rows of evidence could not be kept")
    return [text(f"{one} (warning)", "yellow") for one in said]


def signature(found: Json) -> list[RenderableType]:
    """
    One signature with its samples.
    """
    head = Text.assemble(
        text(found["id"], "bold"),
        "  ",
        text(found["severity"], STYLES.get(str(found["severity"]), "")),
        "  ",
        text(found["endpoint"], "bold"),
    )
    times = f"{found['count']} pairs, first {moment(found['first'])}, last {moment(found['last'])} (UTC)"
    waived = f"waived until {found['waived_until']}" if found.get("waived_until") else "not waived"
    shown: list[RenderableType] = [head, text(f"{times}, {waived}")]
    if found.get("rechecked"):
        shown.append(text(f"{found['rechecked']} were asked again, {found['transient']} agreed then (transient)"))
    shown += [text(f"  {place(part)}") for part in found["parts"]]
    for sample in found["samples"]:
        shown += [Text(), *sample_lines(sample)]
    if not found["samples"]:
        shown.append(Text("no sample is kept"))
    return [*shown, *trouble(found)]


def sample_lines(sample: Json) -> Iterable[RenderableType]:
    """
    One sample: the request, the differences, both answers side by side, and how to ask again.
    """
    key = f", key {sample['key']}" if sample.get("key") else ""
    yield text(
        f"{moment(sample['at'])}  {sample['method']} {sample['target']}  ({sample['live']} was live{key}, "
        f"request {sample['request_id']})",
        "bold",
    )
    if times := _times(sample):
        yield text(times, FAINT)
    yield _differences(sample)
    yield _side_by_side(sample)
    if sample.get("description"):
        yield Group(
            Text("in words (DeepDiff, of both bodies, whatever rules say):", style=FAINT),
            *map(text, str(sample["description"]).splitlines()),
        )
    for name in ("old", "new"):
        yield text(curl(sample, name), FAINT)


def _times(sample: Json) -> str:
    """
    How long either side took; a leg that had to wait for a new connection is marked.
    """
    waited = [*sample.get("connected", ()), False, False]
    told = zip(("old", "new"), sample.get("ms", ()), waited, strict=False)
    return ", ".join(f"{side} {ms:g} ms{' (on a new connection)' * bool(fresh)}" for side, ms, fresh in told)


def _differences(sample: Json) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("", "where", "old", "new"):
        table.add_column(column, overflow="fold")
    for one in sample["differences"]:
        old, new = (Text("absent", FAINT) if one[side] is None else text(one[side]) for side in ("old", "new"))
        old.stylize(OLD)
        new.stylize(NEW)
        table.add_row(text(one["kind"], FAINT), text(one["path"]), old, new)
    if sample.get("more"):
        table.add_row("", text(f"and {sample['more']} more"), "", "")
    return table


def _side_by_side(sample: Json) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("old", overflow="fold", header_style=f"bold {OLD}")
    table.add_column("new", overflow="fold", header_style=f"bold {NEW}")
    old, new = _lines(sample["old"]), _lines(sample["new"])
    for row, (ours, theirs, is_same) in enumerate(_matched(old, new)):
        if row == LINES:
            table.add_row(Text("… (--json has all)", FAINT), Text("…", FAINT))
            break
        table.add_row(text(ours, "" if is_same else OLD), text(theirs, "" if is_same else NEW))
    return table


def _lines(side: Json) -> list[str]:
    """
    An answer as lines: status, fields, body.
    """
    lines = [f"status {side['status']}"]
    lines += [f"{name}: {value}" for name, value in (*side["fields"], *side["others"])]
    body = side.get("body")
    if body is None:
        return [*lines, "", f"(the body is not kept: {side.get('left_out')}; {side.get('size')} bytes)"]
    if side.get("as") == "application/json":
        body = _indented(body)
    # Of a line without end, which has no place in a column, the beginning.
    return [*lines, "", *(line[:WIDEST] for line in body.split("\n"))]


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _matched(old: list[str], new: list[str]) -> Iterable[tuple[str, str, bool]]:
    """
    Lines beside each other, and whether they are the same; of long stretches that are, the ends.
    """
    if len(old) + len(new) > 20_000:
        old, new = old[:10_000], new[:10_000]
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=len(old) > 500).get_opcodes():
        if tag == "equal":
            same = old[i:j]
            if len(same) > 8:
                same = [*same[:3], f"… {len(same) - 6} lines that are the same", *same[-3:]]
            yield from ((line, line, True) for line in same)
        else:
            ours, theirs = old[i:j], new[k:m]
            for at in range(max(len(ours), len(theirs))):
                yield ours[at] if at < len(ours) else "", theirs[at] if at < len(theirs) else "", False


def curl(sample: Json, side: str) -> str:
    """
    The command that asks one side again. Its address and what was redacted (#…) are for the reader to fill in.
    """
    method, target = tamed(str(sample["method"])), tamed(str(sample["target"]))
    asks = "-I" if method == "HEAD" else f"-X {shlex.quote(method)}"
    # The address is a variable of the shell, so it stands outside of the quotes.
    return f'curl -sS {asks} "{PLACES[side]}"{shlex.quote(target)}'


def affected(found: Json) -> list[RenderableType]:
    """
    Whom a signature has hit.
    """
    rows: Sequence[Json] = found["affected"]
    if not rows:
        return [Text("nobody is known: no divergent pair of it had a sticky key")]
    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("key", "served by new", "served by old", "last seen (UTC)"):
        table.add_column(column)
    for row in rows:
        table.add_row(text(row["key"]), text(row["by_new"]), text(row["by_old"]), text(moment(row["last"])))
    return [table]


def rejudged(found: Json) -> list[RenderableType]:
    """
    Verdicts before and after.
    """
    headings = ("sample", "before", "after", "signature", "endpoint", "what is left")
    table = Rows(headings=headings, rows=[_rejudged_cells(row) for row in found["samples"]], short=4)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(found["after"].items()))
    said = "".join(f"{part}; " for part in [counts] if part)
    return [table, text(f"{len(found['samples'])} samples: {said}{found['skipped']} could not be judged again")]


def _rejudged_cells(row: Json) -> list[Text]:
    # What could not be judged again has no verdict, and a reason.
    after = text("-", FAINT) if row["after"] is None else text(row["after"])
    if row["after"] not in {None, row["before"]}:
        after.stylize("green bold")
    return [
        text(row["id"]),
        text(row["before"]),
        after,
        text(row["signature"] or "-"),
        text(row["endpoint"]),
        text(", ".join(map(place, row["parts"][:3])) if row["reason"] is None else row["reason"]),
    ]


def _where(row: Mapping[str, Any]) -> str:
    """
    What a rule is for.
    """
    return row["endpoint"] or (f"route {row['route']}" if row.get("route") else "all")
