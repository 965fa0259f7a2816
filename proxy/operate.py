"""
The commands that talk to a running Parallax. As in `cli`, a command imports what it needs when it runs.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from proxy.errors import ConfigurationError, RemoteError

if TYPE_CHECKING:
    from proxy.remote.find import Target

DONE, NO, BAD = 0, 1, 2
# What a change may take: 2 s for the workers, and a slow disk before that.
CHANGE_SECONDS = 15.0
NO_REASON = "no reason given"
LONGEST_REASON = 500

F = TypeVar("F", bound=Callable[..., Any])


def asking(command: F) -> F:
    """
    The options of every command that talks to a running Parallax.
    """
    options = (
        click.option(
            "--admin",
            metavar="URL",
            help="Its admin address; also PARALLAX_ADMIN_URL.  [the one that runs here, or http://127.0.0.1:9900]",
        ),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Where the token lies, if not in PARALLAX_ADMIN_TOKEN.  [found, if it runs here]",
        ),
        click.option(
            "--ca",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The CA of its certificate, if it has TLS; also PARALLAX_ADMIN_CA.  [the system's]",
        ),
        click.option("--json", "as_json", is_flag=True, help="For scripts."),
    )
    for option in reversed(options):
        command = option(command)
    return command


class Percent(click.ParamType[float]):
    """
    A share in percent, two decimals.
    """

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """
        Called by click.
        """
        try:
            number = Decimal(str(value).strip().removesuffix("%"))
            if not 0 <= number <= 100 or number != round(number, 2):
                raise ValueError
        except (InvalidOperation, ValueError):
            self.fail(f"{value!r} is no share; write 0 to 100, with two decimals at most, such as 12.5", param, ctx)
        return float(number)


class WithDefault(click.Group):
    """
    A group whose first command runs when only options follow.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """
        Called by click.
        """
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


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

    if watch:
        from proxy.remote.watch import watch as go_on

        sys.exit(go_on(lambda: _find(**wanted), as_json=as_json))
    found = look(_find(**wanted))
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

    found = _get_weights(_find(**wanted))
    tell(found, weights_lines(found), as_json=as_json)


@weights.command("set")
@click.option("--new", type=Percent(), required=True, help="The share of requests that new answers, in percent.")
@click.option("--mirror", type=Percent(), help="The share of reads that is copied to the other side.  [as it is]")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@click.option("--epoch", type=int, metavar="E", help="Only if this is the present epoch.")
@asking
def set_weights(new: float, mirror: float | None, reason: str, epoch: int | None, as_json: bool, **wanted: Any) -> None:
    """
    Change the share of requests that new answers; 0 brings everybody back to old.

    \b
    Example:
      parallax weights set --new 25 --reason "a day without differences"
      parallax weights set --new 0 --reason "wrong prices" --epoch 7
    """
    _change(_find(**wanted), {"new": new, "mirror": mirror, "reason": reason, "epoch": epoch}, as_json=as_json)


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
    _change(_find(**wanted), {"mirror": percent, "reason": reason}, as_json=as_json)


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
        told, looks_there = _configured(file, wanted)
        wanted, kill_file = told, kill_file or looks_there
    outcome = stop_new(_find(**wanted), reason[:LONGEST_REASON] or NO_REASON, kill_file, complain)
    back = [] if outcome.way is None else [f"back again: {outcome.back}"]
    tell(outcome.as_values(), [outcome.said, *back], as_json=as_json)
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

    target = _find(**wanted)
    was_killed = _get_weights(target)["killed"]
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

    after = _ask(_find(**wanted), "POST", "/admin/reload", {"reason": reason})
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

    found = _ask(_find(**wanted), "GET", f"/admin/audit?limit={limit}")
    tell(found, audit_lines(found["entries"]), as_json=as_json)
    if found.get("intact") is False:
        complain("the audit was changed by somebody else; the log's audit_broken names the first line that isn't right")
        sys.exit(NO)


@click.group()
def token() -> None:
    """
    Make tokens for those who operate Parallax, or look at it.

    \b
    Example:
      parallax token new --name ops --role operator
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


COMMANDS = (status, weights, mirror, kill, restore, reload, audit, token)


def tell(value: object, lines: Iterable[str], *, as_json: bool) -> None:
    """
    An answer on stdout, for scripts or for people.
    """
    from proxy.remote.show import tamed

    if as_json:
        click.echo(json.dumps(value, indent=2))
        return
    for line in lines:
        click.echo(tamed(line))


def complain(sentence: str) -> None:
    """
    A sentence on stderr.
    """
    from proxy.remote.show import tamed

    click.echo(tamed(sentence), err=True)


def refuse(error: RemoteError | ConfigurationError) -> NoReturn:
    """
    Say what is wrong, and end.
    """
    for line in str(error).splitlines():
        complain(line)
    sys.exit(BAD if isinstance(error, ConfigurationError) or error.usage else NO)


def _find(**wanted: Any) -> "Target":
    from proxy.remote.find import Wanted, find

    try:
        return find(Wanted(**wanted), os.environ)
    except (ConfigurationError, RemoteError) as error:
        refuse(error)


def _configured(file: Path, wanted: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """
    What a configuration adds to what is wanted, and where the Parallax that has it looks for the kill file.
    """
    from proxy.remote.registry import Entry, at_state, folders, running
    from proxy.settings.load import load
    from proxy.settings.setup import build_setup

    try:
        loaded = load(file, environment=os.environ)
    except ConfigurationError as error:
        refuse(error)
    setup = build_setup(loaded, file=file, options={}, environment=os.environ)
    state, kill_file = Path(setup.state), Path(setup.kill_file)
    configured = Entry(
        admin=setup.bound,
        health=str(loaded.settings.health.listen),
        pid=0,
        lock=state / "lock",
        state=state,
        kill_file=kill_file,
        token_file=None if setup.tokens else state / "admin-token",
        certificate=None if setup.tls is None else Path(setup.tls.certificate),
    )
    # Its own word, which has the real ports, before what can be told from its configuration.
    own = (entry for entry in running(folders(os.environ)) if entry.state == state)
    entry = next(own, None) or at_state(configured)
    if entry is not None:
        return {**wanted, "entry": entry}, kill_file
    scheme = "http" if setup.tls is None else "https"
    return {**wanted, "admin": wanted["admin"] or f"{scheme}://{setup.bound}"}, kill_file


def _ask(target: "Target", method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    from proxy.remote.call import PATIENCE, ask

    try:
        return ask(target, method, path, body, seconds=PATIENCE if method == "GET" else CHANGE_SECONDS)[1]
    except RemoteError as error:
        refuse(error)


def _get_weights(target: "Target") -> dict[str, Any]:
    from proxy.remote.call import stranger
    from proxy.remote.show import is_weights

    found = _ask(target, "GET", "/admin/weights")
    if not is_weights(found):
        refuse(RemoteError(stranger(target)))
    return found


def _change(target: "Target", change: Mapping[str, Any], *, as_json: bool) -> None:
    from proxy.remote.show import change_lines

    before = _get_weights(target)
    after = _ask(target, "PUT", "/admin/weights", {key: value for key, value in change.items() if value is not None})
    tell({"before": before, "after": after}, change_lines(before, after), as_json=as_json)
