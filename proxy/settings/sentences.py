"""
Problems as sentences: place, key, what is wrong, and what would be right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from proxy.settings.cohorts import CohortSettings
from proxy.settings.keys import Key, keys
from proxy.settings.kinds import show_number
from proxy.settings.quote import quote
from proxy.settings.routes import RouteSettings
from proxy.settings.section import Section
from proxy.settings.source import Source, Where, dotted

KEYS: dict[Where, Key] = {key.path: key for key in keys()}
# What lists are made of.
LISTS: dict[str, type[Section]] = {"routes": RouteSettings, "cohorts": CohortSettings}
# Those of mappings in lists too, by their path without the place in the list.
EVERY: dict[Where, Key] = KEYS | {key.path: key for name, section in LISTS.items() for key in keys(section, (name,))}
OPTIONS: Mapping[Where, str] = {
    ("old", "url"): "--old",
    ("new", "url"): "--new",
    ("listen",): "--listen",
    ("health", "listen"): "--health",
    ("admin", "listen"): "--admin",
    ("workers",): "--workers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing to tell the operator, at the key it is about. A warning doesn't stop Parallax from starting.
    """

    key: Where
    said: str
    warning: bool = False


class Teller:
    """
    Knows where everything was written. `whole` is what is named when a problem is nowhere in particular.
    """

    def __init__(self, source: Source, whole: str) -> None:
        self._places = source.places
        self._whole = whole

    def tell(self, finding: Finding) -> str:
        """
        One finding as a sentence.
        """
        return f"{self._place(finding.key)}: {self.name(finding.key)}: {finding.said}"

    def tell_all(self, errors: Iterable[ErrorDetails]) -> list[str]:
        """
        What the model refused, one sentence each, in the order of the file.
        """
        return self.in_order([Finding(key=error["loc"], said=say(error)) for error in errors])

    def in_order(self, findings: Iterable[Finding]) -> list[str]:
        """
        Findings as sentences, in the order of the file.
        """
        order = {place: index for index, place in enumerate(self._places.values())}
        placed = sorted(findings, key=lambda finding: order.get(self._place(finding.key), -1))
        return [self.tell(finding) for finding in placed]

    def name(self, path: Where) -> str:
        """
        A key as people call it.
        """
        return dotted(path)

    def _place(self, path: Where) -> str:
        """
        Where `path` was written: itself, or the nearest section above it, or the whole.
        """
        for size in range(len(path), 0, -1):
            if place := self._places.get(path[:size]):
                return place
        return self._whole


def say(error: ErrorDetails) -> str:
    """
    What the model refused of a configuration.
    """
    path = tuple(part for part in error["loc"] if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        return f"is no key that Parallax knows; {_nearest(path)}"
    return say_value(error, path, EVERY, "docs/configuration.md")


def say_value(error: ErrorDetails, path: Where, known: Mapping[Where, Key], reference: str) -> str:
    """
    What the model refused at `path`, which is one of the `known` keys or below it; `reference` describes them.
    """
    context = error.get("ctx", {})
    key, value = known.get(path), quote(error["input"])
    match error["type"]:
        case "missing" if key is not None:
            option = f", or {OPTIONS[path]} on the command line" if path in OPTIONS else ""
            return f"is missing; write {remedy(key)}{option}"
        case "value_error":
            return str(context["error"])
        case "greater_than_equal":
            return f"{value} is too small; write at least {show_number(context['ge'])}"
        case "greater_than":
            return f"{value} is too small; write more than {show_number(context['gt'])}"
        case "less_than_equal":
            return f"{value} is too large; write at most {show_number(context['le'])}"
        case "less_than":
            return f"{value} is too large; write less than {show_number(context['lt'])}"
        case "model_type" | "model_attributes_type":
            inside = ", ".join(str(known_path[-1]) for known_path in known if known_path[:-1] == path)
            return f"{value} is not what goes here; write a mapping with {inside}"
        case _:
            right = f"write {remedy(key)}" if key is not None else f"{reference} shows what goes here"
            return f"{value} is not what goes here; {right}"


def remedy(key: Key) -> str:
    """
    What to write for a key, after "write".
    """
    return f"a value such as {key.shown} ({key.kind.words})"


def _nearest(path: Where) -> str:
    """
    The known key that was probably meant: one with a similar name beside it, else one of that name elsewhere.
    """
    beside = {key.path[-1]: key.name for key in EVERY.values() if key.path[:-1] == path[:-1]}
    if near := get_close_matches(str(path[-1]), beside, n=1):
        return f"did you mean {beside[near[0]]}?"
    elsewhere = {key.path[-1]: key.name for key in reversed(KEYS.values())}
    if near := get_close_matches(str(path[-1]), elsewhere, n=1, cutoff=0.8):
        return f"did you mean {elsewhere[near[0]]}?"
    return f"known here are {', '.join(beside)}"
