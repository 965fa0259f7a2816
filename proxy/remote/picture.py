"""
How `parallax status --watch` looks: a picture for a terminal, a line for anything else. Pure: values in, values out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from proxy.remote.show import Status, warning_lines

Json = Mapping[str, Any]
GREY = "bright_black"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """
    One look. `weights` are the newest known, `since` seconds old, `rates` answers a second by side.
    """

    status: Status
    weights: Json | None
    since: float
    rates: Mapping[str, float]


def rates(before: Json | None, after: Json | None, seconds: float) -> dict[str, float]:
    """
    Answers a second, by side, between two answers of `/admin/weights`; empty when that can't be said.
    """
    if before is None or after is None or seconds <= 0:
        return {}
    told = {side: (after["served"][side] - before["served"][side]) / seconds for side in after.get("served", ())}
    # A total that shrank: another Parallax answers now.
    return told if all(rate >= 0 for rate in told.values()) else {}


def line(moment: Moment) -> str:
    """
    All that an operator changes or must know, in one line; counters are left out, so that equal lines mean no news.
    """
    status, weights = moment.status, moment.status.weights
    said = ["ready" if status.ready else f"not ready: {status.reason}"]
    if weights is not None:
        said += ["KILLED: everything goes to old and nothing is copied"] if weights["killed"] else []
        said.append(f"old {weights['old']:g} %, new {weights['new']:g} %, mirror {weights['mirror']:g} %")
        said.append(f"epoch {weights['epoch']} in {_having(weights)} of {len(weights['workers'])} workers")
        said += warning_lines(weights)
    elif status.trouble:
        said.append(status.trouble)
    return "; ".join(said)


def picture(moment: Moment, url: str, width: int) -> RenderableType:
    """
    The same and the counters, `width` columns wide.
    """
    status, weights = moment.status, moment.weights
    state = Text("ready", "bold green") if status.ready else Text(f"not ready: {status.reason}", "bold red")
    rows: list[RenderableType] = [Text.assemble(("Parallax ", "bold"), url, "   ", state)]
    if status.ready and status.trouble:
        rows.append(Text(status.trouble, "bold red"))
    if weights is None:
        return Group(*rows)
    if moment.since:
        rows.append(Text(f"what follows is {moment.since:.0f} s old", "yellow"))
    if weights["killed"]:
        rows.append(Text("KILLED: everything goes to old and nothing is copied, until `parallax restore`", "bold red"))
    rows += [Text(), _sides(weights, moment.rates), _bar(_in_force(weights), width), Text(), _workers(weights)]
    rows += [Text(f"! {warning}", "yellow") for warning in weights["warnings"]]
    return Group(*rows)


def _sides(weights: Json, told: Mapping[str, float]) -> RenderableType:
    later = ("+after restore",) if weights["killed"] else ()
    table = _table("", "+share", *later, "+answers", "+a second")
    now = _in_force(weights)
    for side, style in (("old", "cyan"), ("new", "magenta")):
        served = weights.get("served", {}).get(side, 0)
        rate = f"{told[side]:,.0f}" if side in told else ""
        kept = (f"{weights[side]:g} %",) if later else ()
        table.add_row(Text(side, style), f"{now[side]:g} %", *kept, f"{served:,}", rate)
    table.add_row("copies", f"{now['mirror']:g} %", *((f"{weights['mirror']:g} %",) if later else ()))
    return table


def _in_force(weights: Json) -> Mapping[str, float]:
    if weights["killed"]:
        return {"old": 100.0, "new": 0.0, "mirror": 0.0}
    return {key: weights[key] for key in ("old", "new", "mirror")}


def _bar(shares: Mapping[str, float], width: int) -> Text:
    room = min(width, 100)
    # At least one cell for whoever answers anybody.
    new = min(max(round(room * shares["new"] / 100), shares["new"] > 0), room - (shares["old"] > 0))
    return Text.assemble(("█" * (room - new), "cyan"), ("█" * new, "magenta"))


def _workers(weights: Json) -> RenderableType:
    table = _table("worker", "+epoch", "configuration", "+clients", "+in flight", "+held for copies")
    for worker in weights["workers"]:
        behind = worker["epoch"] != weights["epoch"]
        table.add_row(
            str(worker["id"]),
            Text(str(worker["epoch"]), "yellow" if behind else ""),
            str(worker["config"]),
            _number(worker.get("connections")),
            _number(worker.get("inflight")),
            f"{worker['shadow_memory'] / 2**20:.1f} MiB" if "shadow_memory" in worker else "",
        )
    return table


def _having(weights: Json) -> int:
    return sum(worker["epoch"] == weights["epoch"] for worker in weights["workers"])


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _table(*columns: str) -> Table:
    """
    A table without lines. A column whose name starts with `+` is aligned right.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=GREY)
    for column in columns:
        table.add_column(column.lstrip("+"), justify="right" if column.startswith("+") else "left", no_wrap=True)
    return table
