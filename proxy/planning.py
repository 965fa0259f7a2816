"""
The commands about a plan. As in `cli`, a command imports what it needs when it runs.
"""

import json
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proxy.asking import BAD, DONE, ask_json, asking, find_target, refuse, tell
from proxy.conduct import COMMANDS as MOVES
from proxy.errors import ConfigurationError
from proxy.examine import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.plan.check import Checked
    from proxy.plan.facts import Facts
    from proxy.plan.model import Plan
    from proxy.plan.render.book import Book
    from proxy.settings.model import Settings
    from proxy.settings.sentences import Finding

MARK = re.compile(r"^plan\s*:", re.MULTILINE)
# Characters that are looked through for it.
LARGEST = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """
    A plan that can be carried out, as its file has it. `facts` are those of its configuration `settings`, None where
    there is none to look at.
    """

    text: str
    checked: "Checked"
    facts: "Facts | None"
    settings: "Settings | None" = None


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
    from proxy.plan.facts import facts_of
    from proxy.plan.parse import read_written
    from proxy.settings.load import decode, load, read_file
    from proxy.settings.sentences import Finding

    text = decode(read_file(file), file)
    written = read_written(text, str(file))
    named = file.parent / written.plan.config
    if config is None and "config" not in written.plan.model_fields_set and not named.exists():
        found = held_against(file, text, None)
        said = f"{written.plan.config} isn't there, so nothing was held against it; name the configuration here"
        warning = written.teller.tell(Finding(key=("config",), said=said))
        return Taken(text=text, checked=found.warned(warning), facts=None)
    loaded = load(config or named, environment=os.environ, is_to_serve=False)
    facts = facts_of(loaded.settings)
    return Taken(text=text, checked=held_against(file, text, facts), facts=facts, settings=loaded.settings)


def held_against(file: Path, text: str, facts: "Facts | None") -> "Checked":
    """
    The plan that a file says, held against a configuration and the files beside it. Raises `ConfigurationError` with
    every problem found.
    """
    from proxy.plan.check import checked

    return checked(
        text, str(file), facts, also=lambda plan: (*_check_templates(plan, file.parent), *_check_apprise(plan))
    )


def _check_apprise(plan: "Plan") -> "Iterator[Finding]":
    """
    Apprise has to know where its URLs lead. It takes a third of a second to load, so only those who use it wait.
    """
    from proxy.settings.rewrite import ELSEWHERE
    from proxy.settings.sentences import Finding

    urls = {name: one.apprise for name, one in plan.comms.channels.items() if one.apprise is not None}
    for name, url in urls.items():
        if ELSEWHERE.fullmatch(url):
            continue
        from apprise import Apprise

        if not Apprise().add(url):
            # The URL itself may hold a secret.
            said = f"Apprise can't use this {url.partition('://')[0]} URL; write one as its documentation has it"
            yield Finding(key=("comms", "channels", name, "apprise"), said=said)


def _check_templates(plan: "Plan", folder: Path) -> "Iterator[Finding]":
    """
    Templates of its own have to be there, be called as events are, and be of use.
    """
    from typing import get_args

    from proxy.plan.people import EventName
    from proxy.plan.wording import check_wording
    from proxy.settings.load import decode, read_file
    from proxy.settings.sentences import Finding

    key = ("comms", "templates")
    if plan.comms.templates is None:
        return
    templates = sorted((folder / plan.comms.templates).glob("*.j2"))
    if not templates:
        said = f"{folder / plan.comms.templates} has no templates; write a folder with such as rollback.j2"
        yield Finding(key=key, said=said)
    for file in templates:
        if file.stem not in get_args(EventName):
            said = f"{file.name} is called as no event; write such as {', '.join(get_args(EventName)[:3])}, with .j2"
            yield Finding(key=key, said=said)
            continue
        try:
            check_wording(decode(read_file(file), file), file.stem)
        except ValueError as error:
            yield Finding(key=key, said=f"{file.name}: {error}; mend it, or leave it out for our own")


def is_plan(file: Path) -> bool:
    """
    Whether what is in a file looks like a plan: it has a key `plan` at the left edge, which a configuration hasn't.
    What can't be read is none.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as opened:
            return MARK.search(opened.read(LARGEST)) is not None
    except OSError:
        return False


@plan.command("render")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where they are written.")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Its configuration.  [as the plan says]")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="What `plan status --json` printed.")
@asking
def render(file: Path, out: Path, config: Path | None, state: Path | None, as_json: bool, **wanted: Any) -> None:
    """
    Write the documents of a plan: Markdown, one HTML page, alert rules and a calendar.

    The same plan gives the same bytes. With --admin or --state, what has been so far is filled in. Files that are there
    are written over, others are left alone.

    \b
    Example:
      parallax plan render migration.yaml --out documents
      parallax plan render migration.yaml --out documents --admin http://127.0.0.1:9900
      parallax plan render migration.yaml --out documents --state status.json
    """
    from proxy.plan.render.documents import render as documents

    if state is not None and wanted["admin"] is not None:
        raise click.UsageError("--admin and --state both say how far the plan is; give one of them")
    told = (
        json.dumps(ask_json(find_target(**wanted), "GET", "/admin/plan?history=all"))
        if wanted["admin"] is not None
        else None
    )
    try:
        book = _book(file, config, state, told)
        files = documents(book, _own_words(file, book.plan))
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    except ConfigurationError as error:
        refuse(error)
    except OSError as error:
        reason = (error.strerror or "it can't be written").lower()
        refuse(ConfigurationError(f"{error.filename or out}: {reason}; give a folder that can be written"))
    said = f"{len(files)} files in {out}; begin with {out / 'index.html'}"
    tell({"hash": book.digest, "files": sorted(files)}, [said], as_json=as_json)


@plan.command("preview")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--event", required=True, metavar="NAME", help="Such as rollback, hold or window_notice.")
@click.option("--audience", metavar="NAME", help="engineers, stakeholders, status or executive.  [all]")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Its configuration.  [as the plan says]")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def preview(file: Path, event: str, audience: str | None, config: Path | None, as_json: bool) -> None:
    """
    Show what people are told at an event, word by word; what only a run can know is made up.

    \b
    Example:
      parallax plan preview migration.yaml --event rollback
      parallax plan preview migration.yaml --event finished --audience executive
    """
    from proxy.plan.render.letters import letters
    from proxy.plan.wording import AUDIENCES, EVENTS

    for said, known, what in ((event, EVENTS, "event"), (audience, AUDIENCES, "audience")):
        if said is not None and said not in known:
            raise click.UsageError(f"{said} is no {what}; write one of {', '.join(known)}")
    try:
        book = _book(file, config)
        found = [
            one
            for one in letters(book, event, _own_words(file, book.plan).get(event))
            if audience in {None, one.audience}
        ]
    except ConfigurationError as error:
        refuse(error)
    heads = [f"for {one.audience}" + (f", sent to {', '.join(one.channels)}" if one.channels else "") for one in found]
    lines = (line for head, one in zip(heads, found, strict=True) for line in (f"--- {head}", *one.lines, ""))
    tell([asdict(one) for one in found], lines, as_json=as_json)


def _book(file: Path, config: Path | None, state: Path | None = None, told: str | None = None) -> "Book":
    """
    All that documents of a plan are made from; `told` is what a running Parallax says of it.
    """
    from proxy.plan.render.making import make_book
    from proxy.plan.render.running import read_running
    from proxy.settings.load import decode, read_file

    taken = take(file, config)
    name = "what Parallax answered" if state is None else str(state)
    told = told if state is None else decode(read_file(state), state)
    running = None if told is None else read_running(told, name)
    checked = taken.checked
    return make_book(checked.plan, checked.hash, file.name, settings=taken.settings, running=running)


def _own_words(file: Path, plan: "Plan") -> dict[str, str]:
    """
    The plan's own templates of notices, by event.
    """
    if plan.comms.templates is None:
        return {}
    from proxy.settings.load import decode, read_file

    folder = file.parent / plan.comms.templates
    return {path.stem: decode(read_file(path), path) for path in sorted(folder.glob("*.j2"))}


for _command in MOVES:
    plan.add_command(_command)
COMMANDS = (plan,)
