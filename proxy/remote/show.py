"""
What a running Parallax answered, as lines for people. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

# What an answer of `/admin/weights` has at least; another server's JSON hasn't.
WEIGHTS = {"epoch", "old", "new", "mirror", "killed", "workers", "warnings"}
IS_KILLED = "killed: everything goes to old and nothing is copied"
# What has shares by name in it.
NAMED = ("routes", "cohorts")
# What the audit has where there is nothing to tell.
NOTHING: tuple[object, ...] = ("", None, {}, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    The answers of `/readyz` and `/admin/weights`: `reason` is why not ready, `weights` None when there was no answer,
    for which `trouble` then has the sentence. `killed` is None where nobody says; `who` is by whom, as the supervisor
    keeps it on disk.
    """

    ready: bool
    reason: str
    weights: dict[str, Any] | None
    killed: bool | None = None
    who: str = ""
    trouble: str = ""

    def as_values(self) -> dict[str, Any]:
        """
        For scripts.
        """
        return {"ready": self.ready, "reason": self.reason, "weights": self.weights, "killed": self.killed}

    def as_lines(self) -> list[str]:
        """
        For people.
        """
        lines = ["ready" if self.ready else f"not ready: {self.reason}"]
        if self.weights is not None:
            return lines + weights_lines(self.weights)
        if self.killed:
            lines.append(f"{IS_KILLED} ({self.who})" if self.who else IS_KILLED)
        elif self.killed is None and self.who:
            lines.append(f"the supervisor's last word on disk: killed {self.who}")
        if self.trouble:
            lines.append(f"who answers whom: {self.trouble}")
        return lines


def tamed(value: Any) -> Any:
    """
    The same text, or JSON value, with nothing in it that could steer a terminal.
    """
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in value)
    if isinstance(value, Mapping):
        return {tamed(key): tamed(inner) for key, inner in value.items()}
    return [tamed(inner) for inner in value] if isinstance(value, list) else value


def is_weights(value: Json) -> bool:
    """
    Is this an answer of `/admin/weights`?
    """
    return set(value) >= WEIGHTS


def weights_lines(weights: Json) -> list[str]:
    """
    Who answers whom, and which worker has it.
    """
    shares = f"old answers {weights['old']:g} % of requests, new {weights['new']:g} %"
    copies = f"{weights['mirror']:g} % of copyable requests are copied"
    lines = [shares, copies]
    if weights["killed"]:
        lines = [IS_KILLED, f"after `parallax restore`: {shares}; {copies}"]
    if weights.get("split"):
        lines.append("data: split: that is of GET, HEAD and OPTIONS; writes and upgrades go to old")
    own = [f"{kind[:-1]} {name}: new answers {share:g} %" for kind in NAMED for name, share in weights[kind].items()]
    return [*lines, *own, *map(_worker, weights["workers"]), *warning_lines(weights)]


def warning_lines(weights: Json) -> list[str]:
    """
    What Parallax wants to be known.
    """
    return [f"{warning} (warning)" for warning in weights["warnings"]]


def change_lines(before: Json, after: Json) -> list[str]:
    """
    What a change did, and who has it.
    """
    keys = [(key, before[key], after[key]) for key in ("new", "mirror")]
    keys += [
        (f"{kind[:-1]} {name}", before[kind].get(name), now) for kind in NAMED for name, now in after[kind].items()
    ]
    changed = [f"{key} {was:g} % → {now:g} %" for key, was, now in keys if was not in (now, None)] or [
        f"nothing changes: new {after['new']:g} %, mirror {after['mirror']:g} %"
    ]
    lines = [f"{', '.join(changed)} (epoch {before['epoch']} → {after['epoch']})"]
    if after["epoch"] > before["epoch"] + 1:
        lines.append("somebody else changed it too, in between: `parallax audit` has who")
    return [*lines, having(after), *warning_lines(after)]


def having(weights: Json) -> str:
    """
    Which workers have what was answered.
    """
    lagging, workers = lagging_in(weights), weights["workers"]
    if lagging:
        return f"not yet in {', '.join(lagging)}, which will get it or be replaced"
    return f"in every worker ({len(workers)})"


def lagging_in(weights: Json) -> list[str]:
    """
    The workers that have not acknowledged yet.
    """
    return [str(worker) for worker in weights.get("lagging", ())]


def audit_lines(entries: Iterable[Json]) -> list[str]:
    """
    Who did what, when and why; the newest as it came.
    """
    rows = [(entry["at"], entry["actor"], entry["action"], _change(entry), entry["reason"]) for entry in entries]
    return _aligned(rows)


def _change(entry: Json) -> str:
    before, after = entry.get("before"), entry.get("after")
    if entry.get("action") == "refused":
        # Kept is what was asked for, then what is in force instead; read is from what is to what was asked for.
        before, after = after, before
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [key for key in {**before, **after} if key != "epoch" and before.get(key) != after.get(key)]
        return ", ".join(f"{key} {_value(before.get(key))} → {_value(after.get(key))}" for key in keys)
    if before in NOTHING and after in NOTHING:
        return ""
    return f"{_value(before)} → {_value(after)}" if before not in NOTHING else _value(after)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items())
    return f"{value:g}" if isinstance(value, float) else "-" if value is None else str(value)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _worker(worker: Json) -> str:
    return f"worker {worker['id']}: epoch {worker['epoch']}, configuration {worker['config']}"
