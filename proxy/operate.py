"""
The commands that talk to a running Parallax. As in `cli`, a command imports what it needs when it runs.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proxy.asking import (
    CHANGE_SECONDS,
    DONE,
    NO,
    NamedPercent,
    Percent,
    WithDefault,
    as_configured,
    ask_json,
    ask_weights,
    asking,
    complain,
    find_again,
    find_target,
    refuse,
    tell,
)
from proxy.errors import RemoteError
from proxy.forcing import force

if TYPE_CHECKING:
    from proxy.remote.find import Target

NO_REASON = "no reason given"
LONGEST_REASON = 500


@click.command()
@asking
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; without a terminal, one line for each change.")
def status(watch: bool, as_json: bool, **wanted: Any) -> None:
    """
    Ask a running Parallax who answers whom.

    Exit code 0: it is ready; 1: it is not ready, or not there.

    \b
    Example:
      parallax status
      parallax status --watch
      parallax status --admin http://127.0.0.1:9900 --json
    """
    from proxy.remote.look import look

    target = find_target(**wanted)
    if watch:
        from proxy.remote.watch import watch as go_on

        sys.exit(go_on(target, lambda: find_again(target, **wanted), as_json=as_json))
    found = look(target)
    tell(found.as_values(), found.as_lines(), as_json=as_json)
    sys.exit(DONE if found.ready else NO)


@click.group(cls=WithDefault)
def weights() -> None:
    """
    See or change the share of requests that new answers.

    \b
    Example:
      parallax weights
      parallax weights set --new 25 --reason "a day without differences"
    """


@weights.command("get")
@asking
def get_weights(as_json: bool, **wanted: Any) -> None:
    """
    Who answers whom, and which workers have it.

    \b
    Example:
      parallax weights get --json
    """
    from proxy.remote.show import weights_lines

    found = ask_weights(find_target(**wanted))
    tell(found, weights_lines(found), as_json=as_json)


@weights.command("set")
@click.option("--new", type=Percent(), help="The share of requests that new answers, in percent.  [as it is]")
@click.option("--mirror", type=Percent(), help="The share of reads that is copied to the other side.  [as it is]")
@click.option("--route", "routes", type=NamedPercent(), multiple=True, help="New's share of a route; again for more.")
@click.option("--cohort", "cohorts", type=NamedPercent(), multiple=True, help="New's share of a cohort.")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@click.option("--epoch", type=int, metavar="E", help="Only if this is the present epoch.")
@click.option("--override", is_flag=True, help="Also where a plan runs that gives new less; the plan holds then.")
@asking
def set_weights(
    new: float | None,
    mirror: float | None,
    routes: tuple[tuple[str, float | None], ...],
    cohorts: tuple[tuple[str, float | None], ...],
    reason: str,
    epoch: int | None,
    override: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """
    Change the share of requests that new answers; 0 brings back to old everybody who has no route or cohort with a
    share of its own (`parallax kill` brings back all).

    \b
    Example:
      parallax weights set --new 25 --reason "a day without differences"
      parallax weights set --new 0 --reason "wrong prices" --epoch 7
      parallax weights set --route search=50 --cohort staff=100 --reason "search is ready"
      parallax weights set --route search=default --reason "as the configuration has it"
    """
    change = {"new": new, "mirror": mirror, "routes": dict(routes), "cohorts": dict(cohorts)}
    change = {key: value for key, value in change.items() if value not in (None, {})}
    if not change:
        raise click.UsageError("There is nothing to change: say --new, --mirror, --route or --cohort.")
    rest = {"reason": reason, "epoch": epoch, "override": override or None}
    _change(find_target(**wanted), {**change, **rest}, as_json=as_json)


@click.group()
def mirror() -> None:
    """
    Change how much is copied to the side that doesn't answer.

    \b
    Example:
      parallax mirror set --percent 10 --reason "new is short of disk"
    """


@mirror.command("set")
@click.option("--percent", type=Percent(), required=True, help="The share of reads that is copied; 0 is off.")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def set_mirror(percent: float, reason: str, as_json: bool, **wanted: Any) -> None:
    """
    Change the share of reads that is copied to the side that doesn't answer.

    \b
    Example:
      parallax mirror set --percent 10 --reason "new is short of disk"
    """
    _change(find_target(**wanted), {"mirror": percent, "reason": reason}, as_json=as_json)


@click.command()
@click.option("--reason", default=NO_REASON, metavar="TEXT", help="For the audit; not needed.")
@click.option("--kill-file", type=click.Path(path_type=Path), metavar="PATH", help="Where it looks.  [as it says]")
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="Its file, where that is said.")
@asking
def kill(reason: str, kill_file: Path | None, file: Path | None, as_json: bool, **wanted: Any) -> None:
    """
    Everything to old and no copies, now, whatever else is broken.

    Tries the API for 2.5 s, then the kill file, then a signal to the supervisor. It stays killed, through restarts too,
    until `parallax restore`. Exit code 0: killed; 1: nothing worked.

    \b
    Example:
      parallax kill
      parallax kill --reason "new loses orders"
      parallax kill -c /etc/parallax.yaml
    """
    from proxy.remote.kill import kill as stop_new

    if file is not None:
        told, looks_there = as_configured(file, wanted)
        wanted, kill_file = told, kill_file or looks_there
    target = find_target(**wanted)
    try:
        outcome = stop_new(target, reason[:LONGEST_REASON] or NO_REASON, kill_file, complain)
    except KeyboardInterrupt:
        complain("given up: not seen to be killed, and what was begun may kill yet; `parallax status` tells")
        sys.exit(NO)
    # What found it this time has to be said again; what was found with a file, in words that `restore` understands.
    entry = target.entry if file is not None else None
    options = {
        "--admin": wanted["admin"] or (None if file is None else target.url),
        "--token-file": wanted["token_file"] or (None if entry is None else entry.token_file),
        "--ca": wanted["ca"],
    }
    back = [] if outcome.way is None else [f"back again: {outcome.back(options)}"]
    try:
        tell(outcome.as_values(), [outcome.said, *back], as_json=as_json)
    except OSError as error:
        # The exit code is of the kill, not of the words.
        complain(f"{outcome.said} (the output can't be written: {(error.strerror or 'refused').lower()})")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(NO if outcome.way is None else DONE)


@click.command()
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def restore(reason: str, as_json: bool, **wanted: Any) -> None:
    """
    End a kill: what was in force before, and was changed since, is in force again.

    \b
    Example:
      parallax restore --reason "orders are found again"
    """
    from proxy.remote.restore import restore as bring_back
    from proxy.remote.show import having, weights_lines

    target = find_target(**wanted)
    was_killed = ask_weights(target)["killed"]
    try:
        after = bring_back(target, reason, CHANGE_SECONDS)
    except RemoteError as error:
        refuse(error)
    said = f"restored {having(after)}" if was_killed else "it was not killed, so nothing changes"
    tell(after, [said, *weights_lines(after)], as_json=as_json)


@click.command()
@click.option("--reason", default=NO_REASON, metavar="TEXT", help="For the audit; not needed.")
@asking
def reload(reason: str, as_json: bool, **wanted: Any) -> None:
    """
    Read the configuration again, now. A bad one changes nothing, and is told.

    \b
    Example:
      parallax reload
    """
    from proxy.remote.show import having, warning_lines

    after = ask_json(find_target(**wanted), "POST", "/admin/reload", {"reason": reason})
    tell(after, [f"reloaded {having(after)}", *warning_lines(after)], as_json=as_json)


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, metavar="N", help="How many.")
@asking
def audit(limit: int, as_json: bool, **wanted: Any) -> None:
    """
    Who changed what, when and why; the newest first.

    Exit code 1: a line was changed or removed by somebody else than Parallax.

    \b
    Example:
      parallax audit --limit 5
    """
    from proxy.remote.show import audit_lines

    found = ask_json(find_target(**wanted), "GET", f"/admin/audit?limit={limit}")
    tell(found, audit_lines(found["entries"]), as_json=as_json)
    if found.get("intact") is False:
        complain("the audit was changed by somebody else; the log's audit_broken names the first line that isn't right")
        sys.exit(NO)


@click.group()
def token() -> None:
    """
    Make tokens: for those who operate Parallax or look at it, and for testers who force a side.

    \b
    Example:
      parallax token new --name ops --role operator
      parallax token force --side new --for 8h
    """


@token.command("new")
@click.option("--name", required=True, metavar="NAME", help="Whose it is; the audit names changes by it.")
@click.option("--role", type=click.Choice(["viewer", "operator"]), required=True, help="A viewer may only look.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def new_token(name: str, role: str, as_json: bool) -> None:
    """
    Make a token, and the line by which Parallax will know it.

    The token is printed once, alone on stdout, and kept nowhere; the line for the configuration goes to stderr.

    \b
    Example:
      parallax token new --name ops --role operator
      (umask 077; parallax token new --name ops --role operator > ops.token)
    """
    from proxy.admin.token import config_line, held
    from proxy.admin.token import new_token as make
    from proxy.settings.access import parse_tokens

    made = make()
    known = held(made, name=name, role=role)
    try:
        parse_tokens([{"name": name, "role": role, "sha256": known.sha256}])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    if as_json:
        click.echo(json.dumps({"token": made, "name": name, "role": role, "sha256": known.sha256}, indent=2))
        return
    click.echo(made)
    click.echo("The line above is the token; it is shown this once. Below is what admin.tokens gets:", err=True)
    click.echo(f"  {config_line(known)}", err=True)


def _change(target: "Target", change: Mapping[str, Any], *, as_json: bool) -> None:
    from proxy.remote.show import change_lines

    before = ask_weights(target)
    after = ask_json(
        target, "PUT", "/admin/weights", {key: value for key, value in change.items() if value is not None}
    )
    tell({"before": before, "after": after}, change_lines(before, after), as_json=as_json)


token.add_command(force)
COMMANDS = (status, weights, mirror, kill, restore, reload, audit, token)
