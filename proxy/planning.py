"""
The commands about a plan. As in `cli`, a command imports what it needs when it runs.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proxy.asking import BAD, DONE, tell
from proxy.errors import ConfigurationError
from proxy.examine import show

if TYPE_CHECKING:
    from proxy.plan.check import Checked
    from proxy.plan.facts import Facts

# What a configuration has at its left edge, and a plan hasn't, is told by the first key.
FIRST = "plan:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """
    A plan that can be carried out, as its file has it. `facts` are those of its configuration, None where there is none
    to look at.
    """

    text: str
    checked: "Checked"
    facts: "Facts | None"


@click.group()
def plan() -> None:
    """
    Check, carry out and document a migration that is written down as a plan.

    \b
    Example:
      parallax plan validate migration.yaml
    """


@plan.command("validate")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Its configuration.  [as the plan says]")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def validate(file: Path, config: Path | None, as_json: bool) -> None:
    """
    Say all that is wrong with a plan, or how long it takes and what a defect of new would cost.

    It is held against the configuration that it names. Nothing is started or asked. Exit code 0: it can be used; 2: it
    can't.

    \b
    Example:
      parallax plan validate migration.yaml
      parallax plan validate migration.yaml -c /etc/parallax.yaml --json
    """
    sys.exit(DONE if say_plan(file, config, as_json=as_json) else BAD)


def say_plan(file: Path, config: Path | None, *, as_json: bool = False) -> bool:
    """
    Say what there is to know of a plan, or what is wrong with it; whether it can be used.
    """
    from proxy.plan.report import report, report_values

    try:
        taken = take(file, config)
    except ConfigurationError as error:
        tell({"problems": error.problems}, error.problems, as_json=as_json)
        return False
    values = report_values(taken.checked, taken.facts) if as_json else {}
    show(values, report(str(file), taken.checked, taken.facts), as_json=as_json)
    return True


def take(file: Path, config: Path | None = None) -> Taken:
    """
    The plan in a file, held against `config`, or else the configuration that it names. Raises `ConfigurationError` with
    every problem found.

    Who names no configuration, and has none by the usual name, is told that nothing was looked at there.
    """
    from proxy.plan.check import checked
    from proxy.plan.facts import facts_of
    from proxy.plan.parse import read_written
    from proxy.settings.load import decode, load, read_file
    from proxy.settings.sentences import Finding

    text = decode(read_file(file), file)
    written = read_written(text, str(file))
    named = file.parent / written.plan.config
    if config is None and "config" not in written.plan.model_fields_set and not named.exists():
        found = checked(text, str(file), None)
        said = f"{written.plan.config} isn't there, so nothing was held against it; name the configuration here"
        warning = written.teller.tell(Finding(key=("config",), said=said))
        return Taken(text=text, checked=found.warned(warning), facts=None)
    loaded = load(config or named, environment=os.environ, is_to_serve=False)
    facts = facts_of(loaded.settings)
    return Taken(text=text, checked=checked(text, str(file), facts), facts=facts)


def is_plan(file: Path) -> bool:
    """
    Whether what is in a file looks like a plan: its first key is `plan`. What can't be read is none.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            first = next((line for line in lines if line.strip() and not line.startswith(("#", "---"))), "")
    except OSError:
        return False
    return first.startswith(FIRST)


COMMANDS = (plan,)
