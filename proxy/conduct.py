"""
The commands that move a plan that a running Parallax carries out. As in `cli`, a command imports what it needs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from proxy.asking import CHANGE_SECONDS, DONE, NO, ask_json, asking, complain, find_again, find_target, refuse, tell
from proxy.clock import monotonic
from proxy.errors import ConfigurationError, RemoteError

if TYPE_CHECKING:
    from proxy.remote.find import Target

F = TypeVar("F", bound=Callable[..., Any])

# Whoever wants less for new doesn't have to ask twice: while Parallax starts, it is asked again for so many seconds.
URGENT: Final = frozenset({"rollback", "hold", "abort"})
URGENT_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.25
NOT_NOW: Final = 503


def moving(*, needs_reason: bool) -> Callable[[F], F]:
    """
    The options of every command that moves a plan.
    """

    def options(command: F) -> F:
        said = "For the audit and the history." if needs_reason else "For the audit and the history; not needed."
        command = asking(command)
        command = click.option("--seq", type=int, metavar="S", help="Only if this is the present state.")(command)
        return click.option("--reason", required=needs_reason, default=None, metavar="TEXT", help=said)(command)

    return options


@click.command("status")
@asking
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; without a terminal, one line for each change.")
def status(watch: bool, as_json: bool, **wanted: Any) -> None:
    """
    Where the plan is, what its gates and guards have seen, and who is waited for.

    Exit code 0: it goes on, or has finished; 1: it holds, was aborted, or there is none.

    \b
    Example:
      parallax plan status
      parallax plan status --watch
    """
    from proxy.remote.plan_watch import show
    from proxy.remote.plan_watch import watch as go_on

    target = find_target(**wanted)
    if watch:
        sys.exit(go_on(target, lambda: find_again(target, **wanted), as_json=as_json))
    shown = ask_json(target, "GET", "/admin/plan")
    if as_json:
        tell(shown, (), as_json=True)
    else:
        show(shown)
    sys.exit(NO if shown["phase"] == "aborted" or shown["step"] == "held" else DONE)


@click.command("start")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@moving(needs_reason=True)
def start(file: Path | None, **asked: Any) -> None:
    """
    Begin the plan in FILE, or the one that Parallax was started with.

    It begins if reviewers have signed it, its preflight is done, every source has answered and every channel took a
    test message; else all that is missing is told, and nothing happens.

    \b
    Example:
      parallax plan start --reason "agreed on Monday"
      parallax plan start migration.yaml --reason "agreed on Monday"
    """
    _move("start", {} if file is None else _text(file), **asked)


@click.command("amend")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@moving(needs_reason=True)
def amend(file: Path, **asked: Any) -> None:
    """
    Go on by another text of the plan: stages that were never entered, people and words may change.

    \b
    Example:
      parallax plan amend migration.yaml --reason "one more stage before 50 %"
    """
    _move("amend", _text(file), **asked)


@click.command("approve")
@moving(needs_reason=False)
def approve(**asked: Any) -> None:
    """
    Agree that the present stage, all of whose gates have passed, is left.

    \b
    Example:
      parallax plan approve --reason "looked through the signatures"
    """
    _move("approve", {}, **asked)


@click.command("hold")
@moving(needs_reason=False)
def hold(**asked: Any) -> None:
    """
    Stay at the present stage until `parallax plan resume`; guards go on watching.

    \b
    Example:
      parallax plan hold --reason "an incident elsewhere"
    """
    _move("hold", {}, **asked)


@click.command("resume")
@click.option("--route", metavar="NAME", help="Open this route again, which went back by itself.")
@click.option("--cohort", metavar="NAME", help="Open this cohort again.")
@moving(needs_reason=True)
def resume(route: str | None, cohort: str | None, **asked: Any) -> None:
    """
    Go on after a hold, or open a route or cohort again.

    \b
    Example:
      parallax plan resume --reason "the incident is over"
      parallax plan resume --route search --reason "search is mended"
    """
    _move("resume", {"route": route, "cohort": cohort}, **asked)


@click.command("advance")
@moving(needs_reason=True)
def advance(**asked: Any) -> None:
    """
    Leave the present stage before its least time is over; its gates must have passed.

    \b
    Example:
      parallax plan advance --reason "a whole day of traffic in an hour"
    """
    _move("advance", {}, **asked)


@click.command("rollback")
@click.option("--to", "stage", metavar="STAGE", help="The stage to go back to.  [as the plan says]")
@click.option("--route", metavar="NAME", help="Only this route goes back to old.")
@click.option("--cohort", metavar="NAME", help="Only this cohort goes back to old.")
@moving(needs_reason=False)
def rollback(stage: str | None, route: str | None, cohort: str | None, **asked: Any) -> None:
    """
    Go back, at once, whatever else goes on: no window, approval or store is waited for. While Parallax starts, it is
    asked again for up to 10 s; `parallax kill` needs nothing of it.

    \b
    Example:
      parallax plan rollback --reason "customers see old prices"
      parallax plan rollback --to shadow
      parallax plan rollback --route search
    """
    _move("rollback", {"stage": stage, "route": route, "cohort": cohort}, **asked)


@click.command("abort")
@moving(needs_reason=False)
def abort(**asked: Any) -> None:
    """
    End the plan: old answers everybody, and nothing is copied.

    \b
    Example:
      parallax plan abort --reason "not this year"
    """
    _move("abort", {}, **asked)


@click.command("tick")
@asking
def tick(**asked: Any) -> None:
    """
    Look now, instead of within a second.

    \b
    Example:
      parallax plan tick
    """
    _move("tick", {}, reason=None, seq=None, **asked)


@click.command("force")
@click.option("--for", "length", required=True, metavar="TIME", help="For how long, at most 4h, such as 30m.")
@moving(needs_reason=True)
def force(length: str, **asked: Any) -> None:
    """
    Leave the present stage whatever its gates, windows and approvals say; whoever the plan names has to agree, each
    with a token of their own, within 10 minutes.

    \b
    Example:
      parallax plan force --for 1h --reason "old is going down"
    """
    from proxy.settings.kinds import parse_seconds

    try:
        seconds = parse_seconds(length)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None
    _move("force", {"seconds": seconds}, **asked)


@click.command("check")
@click.argument("item", metavar="CHECKLIST/NUMBER")
@click.option("--failed", is_flag=True, help="It was looked at, and isn't so.")
@click.option("--evidence", metavar="TEXT", help="Where it can be seen, such as a link.")
@moving(needs_reason=False)
def check(item: str, failed: bool, evidence: str | None, **asked: Any) -> None:
    """
    A line of a checklist is done.

    \b
    Example:
      parallax plan check preflight/2 --evidence https://wiki.example.org/backup
    """
    _move("check", {"item": item, "ok": not failed, "evidence": evidence}, **asked)


@click.command("sign")
@moving(needs_reason=False)
def sign(**asked: Any) -> None:
    """
    Agree, as a reviewer, with the plan as it is written.

    \b
    Example:
      parallax plan sign
    """
    _move("sign", {}, **asked)


def _move(
    name: str, body: dict[str, Any], *, reason: str | None, seq: int | None, as_json: bool, **wanted: Any
) -> None:
    from proxy.remote.plan_picture import line

    whole = {**body, "reason": reason, "seq": seq}
    sent = {key: value for key, value in whole.items() if value is not None}
    target, path = find_target(**wanted), f"/admin/plan/{name}"
    shown = _insist(target, path, sent) if name in URGENT else ask_json(target, "POST", path, sent)
    tell(shown, [line(shown)], as_json=as_json)


def _insist(target: "Target", path: str, sent: dict[str, Any]) -> dict[str, Any]:
    """
    Ask until it can say yes or no; ends when it refuses, or can't for `URGENT_SECONDS`.
    """
    from proxy.remote.call import ask

    until, is_told = monotonic() + URGENT_SECONDS, False
    while True:
        try:
            return ask(target, "POST", path, sent, seconds=CHANGE_SECONDS)[1]
        except RemoteError as error:
            if error.status != NOT_NOW or monotonic() >= until:
                refuse(error)
            if not is_told:
                complain(f"{error}; asking again for up to {URGENT_SECONDS:g} s; `parallax kill` waits for nothing")
            is_told = True
        sleep(PAUSE_SECONDS)


def _text(file: Path) -> dict[str, Any]:
    from proxy.settings.load import decode, read_file

    try:
        return {"text": decode(read_file(file), file), "file": str(file.absolute())}
    except ConfigurationError as error:
        refuse(error)


COMMANDS = (status, start, approve, hold, resume, advance, rollback, abort, tick, amend, force, check, sign)
