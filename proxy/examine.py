"""
The commands that look through evidence, and accept some of it. As in `cli`, a command imports what it needs.
"""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from proxy.asking import NO, WithDefault, ask_json, asking, complain, find_target, refuse, tell
from proxy.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from proxy.remote.find import Target

SEVERITIES = ("status", "shape", "value", "order", "header")
DESCRIBING_SECONDS = 2.0
# Samples of one signature that are judged again.
SAMPLES = 20
# A pipe's lines: whoever reads them looks for whole ones.
WIDE = 100_000


@click.group(cls=WithDefault)
def evidence() -> None:
    """
    Look through what differs: by signature, with samples of which secrets are taken out.

    \b
    Example:
      parallax evidence
      parallax evidence show 5edc9415ac05fbe4
    """


@evidence.command("list")
@click.option("--endpoint", metavar="E", help="Only of this endpoint, such as 'GET /users/{id}'.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@asking
def list_evidence(endpoint: str | None, severity: str | None, as_json: bool, **wanted: Any) -> None:
    """
    All signatures, the worst first.

    \b
    Example:
      parallax evidence list --severity status
      parallax evidence list --endpoint 'GET /users/{id}' --json
    """
    from proxy.remote.evidence import signatures

    found = _list(find_target(**wanted), endpoint, severity)
    show(found, signatures(found), as_json=as_json)


@evidence.command("show")
@click.argument("signature")
@click.option(
    "--limit", type=click.IntRange(1, 20), default=3, show_default=True, metavar="N", help="How many samples."
)
@asking
def show_evidence(signature: str, limit: int, as_json: bool, **wanted: Any) -> None:
    """
    One signature and its samples, old and new side by side, and how to ask either again.

    What is redacted is #…, the same for the same value; put the real one in its place before you ask again.

    \b
    Example:
      parallax evidence show 5edc9415ac05fbe4
    """
    from proxy.remote.evidence import signature as lines_of

    path = f"/admin/divergences/{quote(signature, safe='')}?limit={limit}"
    found = ask_json(find_target(**wanted), "GET", path)
    for sample in found["samples"]:
        sample["description"] = _describe(sample)
    show(found, lines_of(found), as_json=as_json)


@evidence.command("affected")
@click.option("--signature", required=True, metavar="S", help="Of which signature.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, metavar="N", help="How many.")
@asking
def show_affected(signature: str, limit: int, as_json: bool, **wanted: Any) -> None:
    """
    Digests of the sticky keys that a signature has hit, those first whom new has answered.

    \b
    Example:
      parallax evidence affected --signature 5edc9415ac05fbe4
    """
    from proxy.remote.evidence import affected

    path = f"/admin/divergences/{quote(signature, safe='')}/affected?limit={limit}"
    found = ask_json(find_target(**wanted), "GET", path)
    show(found, affected(found), as_json=as_json)


@evidence.command("rules")
@asking
def show_rules(as_json: bool, **wanted: Any) -> None:
    """
    What each rule of the comparison has met and hidden, and which do nothing, or more than they say.

    Looked at in a sample of the pairs that are not the same byte for byte. `parallax check` finds rules that can't ever
    have an effect.

    \b
    Example:
      parallax evidence rules
    """
    from proxy.remote.evidence import rules

    found = ask_json(find_target(**wanted), "GET", "/admin/rules")
    show(found, rules(found), as_json=as_json)


@evidence.command("rejudge")
@click.option(
    "--rules", type=click.Path(path_type=Path), required=True, metavar="FILE", help="A configuration with other rules."
)
@click.option("--signature", metavar="S", help="Only samples of this one.")
@asking
def rejudge_evidence(rules: Path, signature: str | None, as_json: bool, **wanted: Any) -> None:
    """
    Judge the kept samples again by the rules in `compare` of FILE: verdicts before and after. Nothing is changed.

    Exit code 1: a sample is still divergent.

    \b
    Example:
      parallax evidence rejudge --rules parallax.yaml
    """
    from proxy.evidence.rejudge import rejudge
    from proxy.remote.evidence import rejudged
    from proxy.settings.load import load
    from proxy.settings.table import build_judging

    try:
        table = build_judging(load(rules, environment=os.environ).settings, version=0)
    except ConfigurationError as error:
        refuse(error)
    target = find_target(**wanted)
    found = rejudge(_samples(target, signature), table)
    show(found, rejudged(found), as_json=as_json)
    sys.exit(NO if found["after"].get("divergent") else 0)


@click.command()
@click.argument("signature")
@click.option("--until", metavar="DATE", help="The last day (UTC), or a time with its zone.")
@click.option("--remove", is_flag=True, help="End the waiver of this signature now.")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def waive(signature: str, until: str | None, remove: bool, reason: str, as_json: bool, **wanted: Any) -> None:
    """
    Accept a signature until a date: its pairs are waived, no longer divergent. It counts again by itself afterwards.

    \b
    Example:
      parallax waive 5edc9415ac05fbe4 --until 2026-12-24 --reason "prices are rounded, agreed with sales"
      parallax waive 5edc9415ac05fbe4 --remove --reason "sales changed their mind"
    """
    if remove == (until is not None):
        raise click.UsageError("say either --until DATE or --remove")
    target = find_target(**wanted)
    if until is not None:
        body = {"signature": signature, "until": until, "reason": reason}
        made = ask_json(target, "POST", "/admin/waivers", body)
        tell(made, [f"waived until {made['until']}: {made['signature']} of {made['endpoint']}"], as_json=as_json)
        return
    held = [one for one in ask_json(target, "GET", "/admin/waivers")["waivers"] if one["holds"]]
    ended = [
        ask_json(target, "POST", f"/admin/waivers/{one['id']}/remove", {"reason": reason})
        for one in held
        if one["signature"] == signature
    ]
    if not ended:
        complain(f"{signature} is not waived; `parallax evidence` shows what is")
        sys.exit(NO)
    tell({"removed": ended}, [f"{signature} counts again"], as_json=as_json)


def _list(target: "Target", endpoint: str | None, severity: str | None = None) -> dict[str, Any]:
    wanted = {"endpoint": endpoint, "severity": severity}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    found = ask_json(target, "GET", f"/admin/divergences?{query}" if query else "/admin/divergences")
    if "signatures" not in found:
        complain(f"what answers at {target.url} knows no signatures; it is another Parallax")
        sys.exit(NO)
    return found


def _samples(target: "Target", signature: str | None) -> Iterator[dict[str, Any]]:
    known = [row["id"] for row in _list(target, None)["signatures"] if row["samples"]]
    for number in known if signature is None else [signature]:
        path = f"/admin/divergences/{quote(number, safe='')}?limit={SAMPLES}"
        yield from ask_json(target, "GET", path)["samples"]


def _describe(sample: dict[str, Any]) -> str | None:
    from proxy.evidence.describe import describe

    try:
        with _at_most(DESCRIBING_SECONDS):
            return describe(sample)
    except TimeoutError:
        return None


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """
    Raise TimeoutError from within what takes longer.
    """

    def ring(_signal: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def show(found: dict[str, Any], lines: "Iterable[RenderableType]", *, as_json: bool) -> None:
    """
    For scripts, or for people in colour where a terminal has some. Nothing but tables of long values is broken into
    lines, and in a pipe or a file not even those.
    """
    if as_json:
        tell(found, (), as_json=True)
        return
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    for line in lines:
        # A terminal breaks what is too long for it, and copies it whole; a line end of ours would be in the copy.
        console.print(line, soft_wrap=True)


COMMANDS = (evidence, waive)
