"""
The commands about noise: where old differs from itself, and what is decided of it. As in `cli`, a command imports what
it needs when it runs.
"""

from typing import Any

import click

from proxy.asking import WithDefault, ask_json, asking, find_target, tell
from proxy.examine import show

STATES = ("accused", "noise", "proposed", "seen once")


@click.group(cls=WithDefault)
def noise() -> None:
    """
    Where old differs from itself, so that new may too; and decide what counts as that.

    \b
    Example:
      parallax noise
      parallax noise accept --endpoint 'GET /users/{id}' --path '$.etag' --reason "changes with each restart"
    """


@noise.command("list")
@click.option("--endpoint", metavar="E", help="Only of this endpoint, such as 'GET /users/{id}'.")
@click.option("--state", type=click.Choice(STATES), help="Only what is in this state.")
@asking
def list_noise(endpoint: str | None, state: str | None, as_json: bool, **wanted: Any) -> None:
    """
    All places at which old differed from itself: how often it does, how often new does, and what counts as noise.

    \b
    Example:
      parallax noise list
      parallax noise list --state accused --json
    """
    from proxy.remote.noise import listing

    found = ask_json(find_target(**wanted), "GET", "/admin/noise")
    found["places"] = [
        place for place in found["places"] if endpoint in {None, place["endpoint"]} and state in {None, place["state"]}
    ]
    show(found, listing(found), as_json=as_json)


@noise.command("accept")
@click.option("--endpoint", required=True, metavar="E", help="Of which endpoint.")
@click.option("--path", metavar="P", help="Only at this place, as the list has it.  [all of the endpoint]")
@click.option("--kind", metavar="K", help="Only of this kind, such as value.  [all of the place]")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def accept_noise(as_json: bool, **options: Any) -> None:
    """
    Say that places which are proposed or accused are noise. New's rate so far becomes what an accused one is held to.

    \b
    Example:
      parallax noise accept --endpoint 'GET /users/{id}' --path '$.etag' --kind value --reason "agreed with search"
    """
    _decide("accept", "noise from now on", as_json=as_json, **options)


@noise.command("forget")
@click.option("--endpoint", required=True, metavar="E", help="Of which endpoint.")
@click.option("--path", metavar="P", help="Only at this place, as the list has it.  [all of the endpoint]")
@click.option("--kind", metavar="K", help="Only of this kind, such as value.  [all of the place]")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def forget_noise(as_json: bool, **options: Any) -> None:
    """
    Say that places are no noise: they are only proposed again, and what differs there is divergent.

    \b
    Example:
      parallax noise forget --endpoint 'GET /users/{id}' --path '$.balance' --reason "must not differ"
    """
    _decide("forget", "no noise any more", as_json=as_json, **options)


@noise.command("freeze")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def freeze_noise(as_json: bool, **options: Any) -> None:
    """
    Make what is known the baseline: old's rates stay as they are, and nothing is learned until `parallax noise learn`.

    \b
    Example:
      parallax noise freeze --reason "a quiet day of twins"
    """
    _decide("freeze", "nothing more is learned", as_json=as_json, **options)


@noise.command("learn")
@click.option("--reason", required=True, metavar="TEXT", help="For the audit.")
@asking
def learn_noise(as_json: bool, **options: Any) -> None:
    """
    Learn again, for as long as `noise.learn_for` says, whether frozen or not.

    \b
    Example:
      parallax noise learn --reason "old has another cache"
    """
    _decide("learn", "noise is learned", as_json=as_json, **options)


def _decide(
    action: str,
    done: str,
    *,
    reason: str,
    as_json: bool,
    endpoint: str | None = None,
    path: str | None = None,
    kind: str | None = None,
    **wanted: Any,
) -> None:
    from proxy.remote.noise import counted

    said = {"endpoint": endpoint, "path": path, "kind": kind, "reason": reason}
    body = {name: value for name, value in said.items() if value is not None}
    found = ask_json(find_target(**wanted), "POST", f"/admin/noise/{action}", body)
    where = " ".join(part for part in (endpoint, kind, path) if part is not None)
    tell(found, [f"{done}{where and f': {where}'}", counted(found)], as_json=as_json)


COMMANDS = (noise,)
