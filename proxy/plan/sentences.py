"""
Problems of a plan as sentences: place, key, what is wrong, and what would be right. As for a configuration, and with
words for keys that belong elsewhere, or come later.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import ErrorDetails

from proxy.plan.keys import ANY, KEYS, NAMES_WITH, Pattern
from proxy.settings.quote import quote
from proxy.settings.sentences import Finding, Teller, say_value
from proxy.settings.source import Source, Where

REFERENCE: Final = "docs/plan.md"
# Keys of plans as others write them that mean something, only not yet. Never ignored: who writes them relies on them.
LATER: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("drill", "drills", "rehearsal"), "drills come later"),
        "tabletop": "tabletop exercises come later",
        **dict.fromkeys(("journal", "replay", "reverse_sync", "fence", "writes"), "a journal of writes comes later"),
        "consistency": "a journal of writes comes later",
        "drift": "scans for drift come later",
        "authority": "moving the authority over writes comes later",
        "capacity": "ceilings by capacity come later",
        "pair": "gates between old and its twin come later",
        "lease": "leases come later",
        "speed": "simulated time comes later",
    }
)
# ... and keys that are called otherwise here.
ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "apiVersion": "nothing: the first key is plan, with its name",
        "kind": "nothing: the first key is plan, with its name",
        "metadata": "plan, title, owner, ticket and timezone",
        "systems": "old and new in the configuration",
        "old": "old in the configuration",
        "new": "weight in a stage, or new in the configuration",
        "traffic": "expect here, and sticky and cohorts in the configuration",
        "bucketing": "sticky in the configuration",
        "sticky": "sticky in the configuration",
        "classes": "routes in the configuration",
        "class": "routes",
        "where": "routes",
        "compare": "compare in the configuration, and condition in a gate",
        "isolation": "mirror in the configuration",
        "data": "data in the configuration",
        "serve": "weight",
        "arm": "of",
        "p": "likelihood",
        "i": "impact",
        "require": "condition",
        "deputy": "deputies",
        "rules": "approve_not_own_change, force_needs and acknowledge",
        "trend": "source: trend, query and slope",
        "max_slope": "slope",
        "rps": "rate",
        "mode": "weight, and 0 is a shadow",
        "percent": "weight",
    }
)


class PlanTeller(Teller):
    """
    As for a configuration; and a stage is called by its name, not by its number.
    """

    def __init__(self, source: Source, whole: str) -> None:
        super().__init__(source, whole)
        self._values = source.values

    def name(self, path: Where) -> str:
        """
        As people call it: stages.live-10.weight.
        """
        parts, value = [], self._values
        for part in path:
            value = _below(value, part)
            named = value.get("name", value.get("id")) if isinstance(part, int) and isinstance(value, dict) else None
            parts.append(named if isinstance(named, str) else str(part + 1 if isinstance(part, int) else part))
        return ".".join(parts)

    def refused(self, errors: list[ErrorDetails]) -> list[Finding]:
        """
        What the model refused.
        """
        return [Finding(key=place_of(error["loc"]), said=_say(error)) for error in errors]


def _below(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def place_of(loc: Where) -> Where:
    """
    Where in the file that is: without what says which kind of gate it is.
    """
    found = loc[:2] + loc[3:] if loc[:1] in (("gates",), ("guards",)) else loc
    return found[:-1] if found[-1:] == ("[key]",) else found


def pattern_of(loc: Where) -> Pattern:
    """
    The pattern of a key.
    """
    found: Pattern = ()
    for part in loc:
        size, known = len(found), {key[: len(found) + 1] for key in KEYS if key[: len(found)] == found}
        found = (*found, ANY if (*found, ANY) in known else str(part))
        assert len(found) == size + 1
    return found


def is_named(path: Where) -> bool:
    """
    Whether the last of a path is a name that somebody has given, and no key of ours.
    """
    above = KEYS.get(pattern_of(path[:-1]))
    return above is not None and above.kind.words.startswith(NAMES_WITH)


def _say(error: ErrorDetails) -> str:
    pattern, context = pattern_of(error["loc"]), error.get("ctx", {})
    if error["loc"][-1] == "[key]":
        return _say_name(error)
    match error["type"]:
        case "extra_forbidden":
            moves = error["loc"][-1] == "mode" and error["input"] == "authority"
            return _say_unknown(pattern, "authority" if moves else str(error["loc"][-1]))
        case "union_tag_invalid":
            return _say_source(pattern, str(context["tag"]), str(context["expected_tags"]))
        case "literal_error":
            *others, last = _choices(str(context["expected"]))
            return (
                f"{quote(error['input'])} is not what goes here; write {', '.join(others)}{' or ' * bool(others)}{last}"
            )
        case _:
            return say_value(error, pattern, KEYS, REFERENCE)


def _say_name(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"is nothing that happens; write {error['ctx']['expected'].replace(chr(39), '')}"
    return str(error.get("ctx", {}).get("error", "is no name; write letters, digits and . _ -"))


def _say_source(pattern: Pattern, tag: str, expected: str) -> str:
    known = _choices(expected)
    if (later := LATER.get(tag)) is not None:
        return f"source: {tag} is not yet understood: {later}; write {', '.join(known)}"
    near = get_close_matches(tag, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write {', '.join(known)}"
    return f"source: {quote(tag)} is no source of a {pattern[0].removesuffix('s')}; {hint}"


def _choices(expected: str) -> list[str]:
    return [one.strip(" '") for one in expected.replace(" or ", ",").split(",")]


def _say_unknown(pattern: Pattern, name: str) -> str:
    """
    What is known instead: later, elsewhere, a similar name beside it, or one of that name at another place.
    """
    beside = [str(key[-1]) for key in KEYS if key[:-1] == pattern[:-1]]
    if (later := LATER.get(name)) is not None:
        return f"is not yet understood: {later}; leave it out, and don't rely on it"
    if (other := ELSEWHERE.get(name)) is not None:
        return f"is no key here; what it says goes into {other}"
    if near := get_close_matches(name, beside, n=1):
        return f"is no key that Parallax knows; did you mean {near[0]}?"
    places = [key[:-1] for key in KEYS if key[-1] == name]
    if places:
        at = ".".join(str(part) for part in places[0] if part != ANY)
        return f"is no key here; it goes into {at}" if at else "is no key here; it goes to the left edge"
    return f"is no key that Parallax knows; known here are {', '.join(beside)}"
