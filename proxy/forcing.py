"""
`parallax token force`: a value by which a tester's requests go to the side that is named. As in `cli`, what only a
running command needs is imported by it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from proxy.asking import complain, refuse
from proxy.errors import ConfigurationError

# Seconds: one that is forgotten somewhere must end some day.
LONGEST = 90 * 86400.0
BAD = 2


class Duration(click.ParamType[float]):
    """
    Seconds, up to `LONGEST`.
    """

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """
        Called by click.
        """
        from proxy.settings.kinds import parse_seconds

        try:
            seconds = parse_seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not isinstance(seconds, float) or not 1 <= seconds <= LONGEST:
            self.fail(f"{value} is not between 1s and 90d; write a time such as 8h", param, ctx)
        return seconds


@click.command("force")
@click.option("--side", type=click.Choice(["old", "new"]), required=True, help="Who is to answer.")
@click.option("--for", "seconds", type=Duration(), default="8h", show_default=True, help="How long it holds: 30m, 2d.")
@click.option("--name", default="", metavar="NAME", help="Whose it is; stands in the value.")
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="Of whose Parallax.  [the one that runs]")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="Its signing-key, if it is elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def force(side: str, seconds: float, name: str, file: Path | None, key: Path | None, as_json: bool) -> None:
    """
    Make a value that sends a tester's requests to one side.

    As the header X-Parallax-Force or the cookie __parallax_force. Neither side sees it; the answer says who gave it in
    X-Parallax-Side. `parallax kill` is stronger, and so is `data: split` for writes.

    \b
    Example:
      parallax token force --side new --for 8h --name qa
      curl -H "X-Parallax-Force: $(parallax token force --side new)" http://127.0.0.1:8080/
    """
    from proxy.clock import time
    from proxy.routing.overrides import forcing
    from proxy.salt import SIGNING_KEY

    secret = _read(key if key is not None else _state(file) / SIGNING_KEY)
    until = int(time() + seconds)
    try:
        value = forcing(secret, ("old", "new").index(side), until, name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--name") from None
    if as_json:
        click.echo(json.dumps({"value": value, "side": side, "name": name, "until": until}, indent=2))
        return
    click.echo(value)
    complain(
        f"Send it as the header X-Parallax-Force or the cookie __parallax_force; {side} answers for {seconds:g} s."
    )


def _state(file: Path | None) -> Path:
    """
    Where the Parallax that is meant keeps its state.
    """
    if file is not None:
        from proxy.settings.load import load
        from proxy.settings.setup import build_setup

        try:
            loaded = load(file, environment=os.environ, is_to_serve=False)
        except ConfigurationError as error:
            refuse(error)
        return Path(build_setup(loaded, file=file, options={}, environment=os.environ).state)
    from proxy.remote.registry import folders, running

    states = {entry.state for entry in running(folders(os.environ))}
    if len(states) != 1:
        count = "no Parallax runs" if not states else "several run"
        complain(f"{count} on this machine; name its configuration with -c, or its signing-key with --key")
        sys.exit(BAD)
    return states.pop()


def _read(file: Path) -> str:
    from proxy.salt import read_secret

    try:
        secret = read_secret(file)
    except OSError as error:
        why = (error.strerror or "unreadable").lower()
        complain(f"{file}: can't be read ({why}); name the signing-key that Parallax has made in its state folder")
        sys.exit(BAD)
    if not secret:
        complain(f"{file}: is no key, or others may read it too; name the signing-key in the state folder, mode 0600")
        sys.exit(BAD)
    return secret
