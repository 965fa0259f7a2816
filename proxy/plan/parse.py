"""
From the text of a plan to the plan, or to sentences saying what is wrong: all of them, each with its place and key.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from proxy.errors import ConfigurationError
from proxy.plan.model import Plan
from proxy.plan.sentences import REFERENCE, PlanTeller, is_named
from proxy.settings.source import Source, Where, read_yaml

# Characters; sixteen times the longest example. Control reads plans too, and must not be busy with one for long: 1 s.
LONGEST: Final = 2**17
# Problems that are told: nobody reads more, and a file of another kind has thousands.
MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """
    A plan, and who can tell where in its text something is said. `hash` is that of what it says.
    """

    plan: Plan
    hash: str
    teller: PlanTeller


def read_plan(text: str, name: str) -> Plan:
    """
    The plan that `text` says, by itself: what must hold between its keys is for `check` to say. `name` is that of the
    file. Raises `ConfigurationError` with every problem found.
    """
    return read_written(text, name).plan


def read_written(text: str, name: str) -> Written:
    """
    As `read_plan`, and what it takes to tell where things are.
    """
    source = _read(text, name)
    teller = PlanTeller(source, f"{name}:1")
    if "plan" not in source.values:
        raise ConfigurationError(
            f"{name}:1: plan: is missing, so this is no plan; write its name at the left edge, such as plan: orders"
        )
    try:
        plan = Plan.model_validate(_as_tuples(source.values))
    except ValidationError as error:
        errors = error.errors()
        problems = teller.in_order(teller.refused(errors[:MOST]))
        if len(errors) > MOST:
            problems.append(f"{name}:1: plan: has {len(errors) - MOST:,} more problems; mend these first")
        raise ConfigurationError(*problems) from None
    return Written(plan=plan, hash=_hash(source), teller=teller)


def plan_hash(text: str) -> str:
    """
    SHA-256 of what a plan says, in hexadecimal: comments, order of keys and layout don't count. Raises
    `ConfigurationError` for what is no YAML.
    """
    return _hash(_read(text, "plan"))


def _read(text: str, name: str) -> Source:
    if len(text) > LONGEST:
        raise ConfigurationError(f"{name}:1: plan: is longer than {LONGEST:,} characters; write what a plan has to say")
    return read_yaml(text, name, reference=REFERENCE)


def _hash(source: Source) -> str:
    written = json.dumps(source.values, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(written.encode()).hexdigest()


def _as_tuples(value: Any, above: Where = ()) -> Any:
    """
    Lists as what they are kept as, and no keys for what is null: a section whose keys are all commented out. What
    somebody has given a name to is left, for the model to refuse.
    """
    if isinstance(value, dict):
        kept = {key: below for key, below in value.items() if below is not None or is_named((*above, key))}
        return {key: _as_tuples(below, (*above, key)) for key, below in kept.items()}
    if isinstance(value, list):
        return tuple(_as_tuples(below, (*above, place)) for place, below in enumerate(value))
    return value
