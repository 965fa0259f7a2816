"""
How `parallax plan status` looks: where the plan is, what its gates have seen, who is waited for. Pure: what
`GET /admin/plan` answered in, a picture for a terminal out. Times are told from the answer's own `now`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from proxy.remote.show import tamed

Json = Mapping[str, Any]

FAINT: Final = "bright_black"
PASSED, PRESENT, COMING, BACK = "green", "bold cyan", FAINT, "yellow"
MARKS: Final = {
    "passed": ("●", PASSED),
    "present": ("◉", PRESENT),
    "rolled_back": ("↺", BACK),
    "to_come": ("○", COMING),
}
RESULTS: Final = {
    "pass": ("✓", "green"),
    "fail": ("✗", "bold red"),
    "error": ("!", "bold yellow"),
    "inconclusive": ("·", "cyan"),
}
PHASES: Final = {"running": "green", "finished": "bold green", "aborted": "bold red", "draft": FAINT}
# Cells of an evidence bar on either side of its middle: towards fail, and towards pass.
TO_FAIL, TO_PASS = 8, 16
EIGHTHS: Final = "▏▎▍▌▋▊▉█"
# Lines of the history that are shown.
LATELY: Final = 6


def picture(shown: Json, width: int) -> RenderableType:
    """
    All of it, `width` columns wide.
    """
    shown = tamed(shown)
    rows: list[RenderableType] = [_title(shown), Text()]
    rows += [*_stages(shown["stages"], width), Text(), *_present(shown)]
    if shown["gates"]:
        rows += [Text(), Text("gates", "bold"), *_gates(shown["gates"])]
    if shown["guards"]:
        rows += [Text(), Text("guards", "bold"), *_guards(shown["guards"])]
    if shown["waiting_for"]:
        rows += [Text(), Text("waits for", "bold"), *(_below(Text(said)) for said in shown["waiting_for"])]
    rows += [*_checklists(shown.get("checklists", {})), *_pins(shown.get("pins", ()))]
    if shown["history"]:
        rows += [Text(), Text("lately", "bold"), _history(shown["history"], shown["now"])]
    return Group(*rows)


def line(shown: Json) -> str:
    """
    What an operator must know, in one line; what always moves is left out, so that equal lines mean no news.
    """
    shown = tamed(shown)
    gates = ", ".join(f"{gate['gate']} {gate['result']}" for gate in shown["gates"])
    waits = "; ".join(shown["waiting_for"])
    parts = [f"{shown['plan']} {shown['phase']}", f"{shown['stage']}: {_state(shown)}", shown["said"], gates]
    return "; ".join(part for part in (*parts, f"waits for {waits}" if waits else "") if part)


# The head...


def _title(shown: Json) -> Text:
    title = Text.assemble((shown["plan"], "bold"))
    if shown.get("title"):
        title.append(f"  {shown['title']}")
    title.append("   ")
    title.append(shown["phase"], PHASES.get(shown["phase"], ""))
    if shown["started"]:
        title.append(f"  for {span(shown['now'] - shown['started'])}", FAINT)
    title.append(f"  seq {shown['seq']}", FAINT)
    if shown.get("killed"):
        title.append("   KILLED: everything goes to old", "bold red")
    return title


# ... stages as a line...


def _stages(stages: Sequence[Json], width: int) -> Iterator[Text]:
    """
    A line of marks and under each its name and share; as many lines as it takes.
    """
    cells = [max(len(stage["name"]), len(_share(stage)), 3) + 3 for stage in stages]
    for first, last in _broken(cells, width):
        part, sizes = stages[first:last], cells[first:last]
        track, names, shares = Text(), Text(), Text()
        for index, (stage, size) in enumerate(zip(part, sizes, strict=True)):
            mark, style = MARKS[stage["state"]]
            track.append(mark, style)
            if first + index + 1 < len(stages):
                rail = "━" if stage["state"] == "passed" else "─"
                track.append(rail * (size - 1), PASSED if stage["state"] == "passed" else COMING)
            names.append(stage["name"].ljust(size), style)
            shares.append(_share(stage).ljust(size), FAINT if style == COMING else "")
        for row in (track, names, shares):
            row.rstrip()
            row.no_wrap = True
        yield from (track, names, shares)


def _broken(cells: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """
    From where to where each line goes, at least one stage each.
    """
    cuts, used = [0], 0
    for index, cell in enumerate(cells):
        if used and used + cell > width:
            cuts.append(index)
            used = 0
        used += cell
    yield from pairwise([*cuts, len(cells)])


def _share(stage: Json) -> str:
    named = [f"{name} {share:g} %" for kind in ("routes", "cohorts") for name, share in stage.get(kind, {}).items()]
    if stage["weight"]:
        return f"{stage['weight']:g} %"
    if len(named) > 1:
        return f"{len(named)} shares"
    return named[0] if named else "copies"


# ... where it is...


def _present(shown: Json) -> Iterator[RenderableType]:
    held = shown["step"] == "held"
    said = Text.assemble((shown["stage"], PRESENT), "  ", (_state(shown), "bold yellow" if held else "bold"))
    since = shown["now"] - shown["since"]
    if shown["phase"] == "running" and since >= 1:
        said.append(f" for {span(since)}", FAINT)
    if shown["attempt"] > 1:
        said.append(f"  attempt {shown['attempt']}", "yellow")
    yield said
    if shown["said"]:
        yield _below(Text(shown["said"], "yellow" if held else ""))
    observe = shown.get("observe")
    if observe and shown["step"] in ("observing", "ready"):
        least, most = observe["least"], observe["most"]
        yield _below(Text(f"watched for {span(observe['so_far'])} of at least {span(least)}, at most {span(most)}"))
    if shown["eta"] is not None:
        when = clock(shown["now"] + shown["eta"], shown["now"])
        yield _below(Text(f"could lead on in about {span(shown['eta'])}, at {when}", "green"))
    force = shown.get("in_force")
    if force is not None:
        yield _below(Text(f"in force: new answers {force['weight']:g} %, {force['mirror']:g} % of reads are copied"))


def _state(shown: Json) -> str:
    words = str(shown["step"]).replace("_", " ")
    return f"{words} ({str(shown['held']).replace('_', ' ')})" if shown["held"] else words


# ... evidence...


def _gates(gates: Iterable[Json]) -> Iterator[RenderableType]:
    gates = list(gates)
    size = max(len(gate["gate"]) for gate in gates)
    for gate in gates:
        mark, style = RESULTS[gate["result"]]
        row = Text.assemble("  ", (mark, style), " ", gate["gate"].ljust(size), "  ")
        row.append_text(bar(gate["fail_ratio"], gate["pass_ratio"], gate["result"]))
        row.append(f"  {gate['result']}", style)
        if gate["result"] == "inconclusive" and gate.get("eta") is not None:
            row.append(f", about {span(gate['eta'])} more", FAINT)
        row.no_wrap = True
        yield row
        yield _below(Text(gate["sentence"], FAINT), 4)


def bar(fail: float, passed: float, result: str) -> Text:
    """
    How far the evidence has gone either way: to the left towards a failure, to the right towards a pass.
    """
    left, right = _cells(fail, TO_FAIL), _cells(passed, TO_PASS)
    # Blocks grow from the left, so what grows to the left has whole cells only.
    whole = min(TO_FAIL, round(min(max(fail, 0.0), 1.0) * TO_FAIL) or bool(left))
    red, green = RESULTS["fail"][1], "green" if result == "pass" else "cyan"
    return Text.assemble(
        ("─" * (TO_FAIL - whole), FAINT),
        ("█" * whole, red),
        ("│", ""),
        (right, green),
        ("─" * (TO_PASS - len(right)), FAINT),
    )


def _cells(ratio: float, room: int) -> str:
    """
    A bar in eighths of a cell; at least the thinnest where there is anything.
    """
    eighths = round(min(max(ratio, 0.0), 1.0) * room * 8) or int(ratio > 0)
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")


def _guards(guards: Iterable[Json]) -> Iterator[RenderableType]:
    guards = list(guards)
    size = max(len(guard["guard"]) for guard in guards)
    for guard in guards:
        share = min(max(guard["share"], 0.0), 1.0)
        tripped = guard["share"] >= 1.0
        filled = _cells(share, TO_PASS)
        style = "bold red" if tripped else "yellow" if share > 0.1 else "green"
        row = Text.assemble("  ", ("✗" if tripped else "✓", style), " ", guard["guard"].ljust(size), "  ")
        row.append_text(Text.assemble((filled, style), ("─" * (TO_PASS - len(filled)), FAINT)))
        row.append("  tripped" if tripped else "  quiet" if share < 0.01 else f"  {100 * share:.0f} % of what trips it")
        if guard.get("on_trip"):
            row.append(f" → {guard['on_trip'].replace('_', ' ')}", FAINT)
        row.no_wrap = True
        yield row
        if guard["said"]:
            yield _below(Text(guard["said"], FAINT), 4)


# ... what people do, and what was...


def _checklists(checklists: Mapping[str, Sequence[Json]]) -> Iterator[RenderableType]:
    for name, items in checklists.items():
        done = sum(item["ok"] is True for item in items)
        yield Text()
        yield Text.assemble(("checklist ", "bold"), (name, "bold"), f"  {done} of {len(items)} done")
        for item in items:
            mark, style = {True: ("✓", "green"), False: ("✗", "red")}.get(item["ok"], ("○", FAINT))
            by = f" ({item['by']})" if item.get("by") else f" ({item['owner']})" if item.get("owner") else ""
            note = f": {item['note']}" if item.get("note") else ""
            yield _below(Text.assemble((mark, style), f" {item['item']}  {item['title']}", (f"{by}{note}", FAINT)))


def _pins(pins: Sequence[Json]) -> Iterator[RenderableType]:
    if pins:
        yield Text()
        yield Text("must stay away", "bold")
    for pin in pins:
        said = f"{pin['signature']} on {pin['endpoint']}, which led back from {pin['stage']}"
        yield _below(Text.assemble(("↺ ", BACK), said, (f": {pin['clean']:,} of {pin['needed']:,} pairs clean", FAINT)))


def _history(history: Sequence[Json], now: float) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style=FAINT)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for event in reversed(history[-LATELY:]):
        by = f" ({event['by']})" if event["by"] else ""
        what = str(event["what"]).replace("_", " ")
        table.add_row(clock(event["at"], now), what, event["stage"], Text(f"{event['said']}{by}"))
    return Padding(table, (0, 0, 0, 2))


def _below(text: Text, indent: int = 2) -> Padding:
    return Padding(text, (0, 0, 0, indent))


# ... and times.


def span(seconds: float) -> str:
    """
    A length of time as people say it: the two largest units.
    """
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    said = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(said) or "0 s"


def clock(at: float, now: float) -> str:
    """
    A time of day (UTC), with its date where that isn't today's.
    """
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M")
