"""
A kept sample in DeepDiff's words, for those who read them more easily than paths. Bounded, since it can take minutes.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from deepdiff import DeepDiff

# Of either body. 16 KiB take up to 300 ms, 64 KiB up to some seconds.
LARGEST: Final = 16 * 1024
LONGEST: Final = 4096
LINES: Final = 40


def describe(sample: Mapping[str, Any]) -> str | None:
    """
    What DeepDiff says of both bodies; None where they aren't JSON, too large, or too much for it.
    """
    bodies = [sample[side]["body"] for side in ("old", "new")]
    if any(
        body is None or len(body) > LARGEST or sample[side]["as"] != "application/json"
        for side, body in zip(("old", "new"), bodies, strict=True)
    ):
        return None
    try:
        old, new = map(json.loads, bodies)
        said = str(DeepDiff(old, new, max_diffs=100_000).pretty())
    except (RecursionError, TypeError, ValueError):
        return None
    lines = said.splitlines()
    shown = "\n".join(lines[:LINES])[:LONGEST]
    return shown + ("\n…" if len(lines) > LINES or len(said) > LONGEST else "")
