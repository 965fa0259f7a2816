"""
The keys of a plan as tables: the text of `docs/plan-keys.md`, written from the model.
"""

from typing import Final

from proxy.plan.keys import ANY, KEYS, Pattern, plan_sections
from proxy.settings.keys import Key

HEAD: Final = """\
# Keys of a plan

<!-- Written from the model by `make docs`; a test keeps the two together. -->

Every key that a plan can have. What a plan is, and what its parts do, is in [plan.md](plan.md). Durations are as in a
configuration (`90s`, `2h`, `14d`), and so are percentages; a budget is a share between 0 and 1 (`0.002` is 0.2 %).
"""


def render_keys() -> str:
    """
    The text of `docs/plan-keys.md`.
    """
    lines = HEAD.splitlines()
    for pattern, section in plan_sections():
        lines += ["", f"## {_heading(pattern)}", "", " ".join((section.__doc__ or "").split()), ""]
        lines += ["| key | kind | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key) for path, key in KEYS.items() if path[:-1] == pattern]
    return "\n".join(lines) + "\n"


def _heading(pattern: Pattern) -> str:
    if not pattern:
        return "Top level"
    if ANY not in pattern:
        return ".".join(pattern)
    last = len(pattern) - 1 - pattern[::-1].index(ANY)
    above = ".".join(part for part in pattern[:last] if part != ANY)
    below = pattern[last + 1 :]
    if pattern[0] in ("gates", "guards"):
        return f"Each of {above} with source: {below[0]}"
    return f"Each of {above}: {'.'.join(below)}" if below else f"Each of {above}"


def _row(key: Key) -> str:
    default = "needed" if key.required else f"`{key.shown}`"
    return f"| `{key.path[-1]}` | {key.kind.words} | {default} | {key.meaning} |"
