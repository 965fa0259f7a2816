"""
Where a configuration that can't be used keeps its state, as far as it can be told: a kill has to work then too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.settings.model import Admin, Health, Settings

# At the left edge, as the configuration has it; whatever else the file holds.
STORE: Final = re.compile(r"^store:\s*['\"]?sqlite:///([^'\"#\s]+)", re.MULTILINE)
KILL_FILE: Final = re.compile(r"^kill_file:\s*['\"]?([^'\"#\s]+)", re.MULTILINE)
NULL: Final = frozenset({"null", "~"})
PREFIX: Final = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """
    The state folder, the kill file, and the addresses that are the defaults.
    """

    state: Path
    kill_file: Path
    admin: str
    health: str


def sketch(text: str, folder: Path, environment: Mapping[str, str]) -> Sketch:
    """
    What can be told of a configuration with this `text` in `folder`.
    """
    defaults = Settings.model_fields
    said, named = STORE.search(text), KILL_FILE.search(text)
    default = str(defaults["store"].default).removeprefix(PREFIX)
    store = environment.get("PARALLAX_STORE", "").removeprefix(PREFIX) or (said[1] if said else default)
    state = (folder / store).parent
    kill_file = environment.get("PARALLAX_KILL_FILE") or (named[1] if named and named[1] not in NULL else None)
    return Sketch(
        state=state,
        kill_file=state / "kill" if kill_file is None else folder / kill_file,
        admin=str(Admin().listen),
        health=str(Health().listen),
    )
