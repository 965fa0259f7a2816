"""
What commands that talk to a running Parallax share: their options, how they find it, and how they say what it answered.

As in `cli`, what only a running command needs is imported by it.
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


class NamedPercent(click.ParamType[tuple[str, float | None]]):
    """
    A name and a share in percent; None for `default`, the share of the configuration.
    """

    name = "NAME=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float | None]:
        """
        Called by click.
        """
        name, equals, share = str(value).rpartition("=")
        if not equals or not name:
            self.fail(f"{value!r} has no name or no share; write both, such as search=10", param, ctx)
        return name, None if share == "default" else Percent().convert(share, param, ctx)


class Says(click.ParamType[tuple[str, bool]]):
    """
    What a feature flag says.
    """

    name = "FLAG=true|false"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, bool]:
        """
        Called by click.
        """
        flag, _, said = str(value).rpartition("=")
        if not flag or said not in ("true", "false"):
            self.fail(f"{value!r} doesn't say what a flag says; write orders-v2=true or orders-v2=false", param, ctx)
        return flag, said == "true"


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


def find_target(**wanted: Any) -> "Target":
    """
    The Parallax that is meant; ends when that can't be told.
    """
    from proxy.remote.find import Wanted, find

    try:
        return find(Wanted(**wanted), os.environ)
    except (ConfigurationError, RemoteError) as error:
        refuse(error)


def find_again(target: "Target", **wanted: Any) -> "Target":
    """
    The same one, as it can be asked now: one that was started anew may have another token.
    """
    from proxy.remote.find import Wanted, find

    try:
        return find(Wanted(**{**wanted, "admin": target.url}), os.environ)
    except (ConfigurationError, RemoteError):
        return target


def as_configured(file: Path, wanted: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """
    What a configuration adds to what is wanted, and where the Parallax that has it looks for the kill file.

    One that can't be used any more may still be that of a Parallax that runs: of it, the state folder is enough.
    """
    from proxy.remote.registry import Entry, at_state, folders, running
    from proxy.settings.load import load
    from proxy.settings.setup import build_setup

    try:
        loaded = load(file, environment=os.environ, is_to_serve=False)
    except ConfigurationError as error:
        if not file.exists():
            # Another one may be meant than the one that would be found.
            refuse(error)
        for problem in error.problems:
            complain(problem)
        return _as_sketched(file, wanted)
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


def _as_sketched(file: Path, wanted: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    from proxy.remote.registry import Entry, at_state, folders, running
    from proxy.settings.sketch import sketch

    try:
        text = file.read_text(errors="replace")
    except OSError:
        text = ""
    sketched = sketch(text, file.absolute().parent, os.environ)
    state = sketched.state
    own = (entry for entry in running(folders(os.environ)) if entry.state == state)
    entry = next(own, None) or at_state(
        Entry(
            admin=sketched.admin,
            health=sketched.health,
            pid=0,
            lock=state / "lock",
            state=state,
            kill_file=sketched.kill_file,
            token_file=state / "admin-token",
            certificate=None,
        )
    )
    if entry is None:
        complain(f"nothing that runs keeps its state in {state}; trying what else runs on this machine")
        return wanted, sketched.kill_file
    complain(f"{file} can't be used, but the Parallax that keeps its state in {state} runs, and is meant")
    return {**wanted, "entry": entry}, entry.kill_file or sketched.kill_file


def ask_json(target: "Target", method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    What it answers to one call; ends when it refuses.
    """
    from proxy.remote.call import PATIENCE, ask

    try:
        return ask(target, method, path, body, seconds=PATIENCE if method == "GET" else CHANGE_SECONDS)[1]
    except RemoteError as error:
        refuse(error)


def ask_weights(target: "Target") -> dict[str, Any]:
    """
    Who answers whom; ends when it doesn't say.
    """
    from proxy.remote.call import stranger
    from proxy.remote.show import is_weights

    found = ask_json(target, "GET", "/admin/weights")
    if not is_weights(found):
        refuse(RemoteError(stranger(target)))
    return found
