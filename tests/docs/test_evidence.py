"""
What the pages on evidence and noise say can be done.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from proxy.cli import main
from proxy.evidence.sample import LISTED
from proxy.evidence.sampling import FIRST_PAUSE, LAST_PAUSE
from proxy.settings.model import Evidence, Redact, Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "evidence.md").read_text()
COMMANDS = re.findall(r"^\$ parallax (.+)$", PAGE + (DOCS / "noise.md").read_text(), re.MULTILINE)
EXAMPLES: dict[str, Any] = {}
for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
    EXAMPLES |= yaml.safe_load(text)


@pytest.mark.parametrize("words", COMMANDS)
def test_the_commands_are_there_with_their_options(words: str) -> None:
    """
    Parsed, not run: they need a Parallax.
    """
    command: click.Command = main
    arguments = shlex.split(words)
    while isinstance(command, click.Group):
        if not arguments:
            return
        command = command.commands[arguments.pop(0)]

    with command.make_context("parallax", arguments) as context:
        assert context.params


def test_the_examples_are_configurations() -> None:
    """
    And that of the caps is the default.
    """
    sides = {"old": {"url": "http://a.test"}, "new": {"url": "http://b.test"}}
    settings = Settings.model_validate({**sides, **EXAMPLES})

    assert settings.evidence == Evidence()
    assert settings.redact != Redact()


def test_the_figures_are_ours() -> None:
    """
    Those of samples.
    """
    assert f"the first {LISTED} differences" in PAGE
    assert (FIRST_PAUSE, LAST_PAUSE) == (1.0, 60.0)
