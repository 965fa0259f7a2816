"""
Noise as people read it in a terminal. Pure: values in, `rich` out.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from rich.console import RenderableType

from proxy.remote.evidence import FAINT, moment, text
from proxy.remote.rows import Rows

Json = Mapping[str, Any]

# What somebody has to look at comes first.
STYLES: Final = {"accused": "bold red", "proposed": "yellow", "noise": "", "seen once": FAINT}


def counted(found: Json) -> str:
    """
    How many places there are, by what they are taken for.
    """
    counts = Counter(place["state"] for place in found["places"])
    return ", ".join(f"{counts[state]} {state}" for state in STYLES if counts[state]) or "no place is known"


def listing(found: Json) -> list[RenderableType]:
    """
    All places, those that somebody has to decide about first, and how things stand.
    """
    shown: list[RenderableType] = []
    if found["places"]:
        headings = ("state", "old itself", "new", "pairs", "last seen (UTC)", "endpoint", "where")
        order = list(STYLES)
        rows = [
            [text(cell, STYLES[one["state"]]) for cell in _cells(one)]
            for one in sorted(found["places"], key=lambda one: order.index(one["state"]))
        ]
        shown.append(Rows(headings=headings, rows=rows, short=5, right=frozenset(headings[1:4])))
    shown.append(text(f"{counted(found)}; {_learning(found)}", FAINT))
    if not found["in_force"]:
        shown.append(text("comparers don't judge by all of this yet (warning)", "yellow"))
    if any(place["state"] == "accused" for place in found["places"]):
        said = "new differs more often than old does where it says accused: look at samples, or accept it (warning)"
        shown.append(text(said, "yellow"))
    if found["trouble"]:
        shown.append(text(f"{found['trouble']} (warning)", "yellow"))
    return shown


def _cells(one: Json) -> tuple[str, ...]:
    return (
        one["state"],
        f"{_percent(one['rate'])} of {one['twins']}",
        _percent(one["live_rate"]),
        str(one["live"]),
        moment(one["last"]),
        one["endpoint"],
        f"{one['kind']} {one['path']}",
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3g} %"


def _learning(found: Json) -> str:
    if found["frozen"]:
        return "frozen: nothing is learned"
    if not found["sample"]:
        return "noise.sample is 0: old is never asked twice"
    asked = f"old is asked twice for {found['sample']:g} % of copied requests"
    if found["learning"]:
        return f"{asked}; learning until {moment(found['open_until'])} (UTC)"
    return f"{asked}; what is new is only proposed"
