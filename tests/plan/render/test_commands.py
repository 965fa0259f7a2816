"""
Every command that a document tells people to type is one that the command line takes.
"""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from markdown_it import MarkdownIt

from proxy.cli import main
from proxy.plan.render.commands import Commands
from tests.plan.render.renew import NAMES, all_of


def typed(text: str) -> Iterator[str]:
    """
    Code that begins with our own name.
    """
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "fence":
            yield from (line for line in token.content.splitlines() if line.startswith("parallax "))
        for child in token.children or ():
            if child.type == "code_inline" and child.content.startswith("parallax "):
                yield child.content


def take(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """
    Read the words as the command line does, and do nothing. Raises click.UsageError.
    """
    context = command.make_context(command.name, words, parent=parent)
    if isinstance(command, click.Group):
        _, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert below is not None
        take(below, rest, context)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_takes_every_command_in_the_documents(name: str) -> None:
    """
    With the options that they have there.
    """
    found = {line for file, text in all_of(name).items() if file.endswith(".md") for line in typed(text)}

    for line in sorted(found - {"parallax plan render"}):
        try:
            take(main, shlex.split(line)[1:])
        except click.UsageError as error:
            raise AssertionError(f"{line}: {error.format_message()}") from None

    assert len(found) > 12


def test_a_command_that_does_not_exist_would_be_found() -> None:
    """
    The test above can fail.
    """
    for line in ("plan undo", "plan hold --because x", "plan start a b", "kil"):
        with pytest.raises(click.UsageError):
            take(main, line.split())


def test_names_are_quoted_for_a_shell() -> None:
    """
    A file may be called anything.
    """
    line = Commands(file="my plan; rm -r $HOME.yaml").validate

    assert shlex.split(line) == ["parallax", "plan", "validate", "my plan; rm -r $HOME.yaml"]
    assert re.fullmatch(r"parallax plan validate '[^']*'", line)
