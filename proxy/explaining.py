"""
`parallax check --request`: what becomes of one request, by a configuration and by what was in force last where it runs.
"""

from contextlib import suppress
from dataclasses import asdict, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proxy.asking import tell
from proxy.clock import time
from proxy.errors import BadMessage
from proxy.keyfiles import key_files, read_keys
from proxy.routing.belonging import Backing
from proxy.routing.explain import explain, read_request, told
from proxy.routing.intent import intent_in, with_intent
from proxy.routing.table import Table
from proxy.routing.ways import Ways
from proxy.salt import SIGNING_KEY, read_secret
from proxy.settings.table import build_table
from proxy.supervise.latch import decode

if TYPE_CHECKING:
    from proxy.settings.load import Loaded


def table_of(loaded: "Loaded", state: Path) -> tuple[Table, bool, str]:
    """
    The table of a configuration with the intent, the latch and the key in its state folder, as far as they are there;
    whether it is killed; and where the intent comes from.
    """
    table = build_table(loaded.settings, loaded.folder, loaded.authorities, loaded.values, loaded.endpoints)
    source, is_killed = "the configuration: nothing has run with it yet", False
    with suppress(OSError, ValueError):
        intent = intent_in((state / "table.json").read_bytes())
        table, source = with_intent(table, intent), f"epoch {intent.epoch}, in {state / 'table.json'}"
        table = replace(table, signing=read_secret(state / SIGNING_KEY))
    with suppress(OSError, ValueError):
        is_killed = decode((state / "latch.json").read_bytes()).killed
    return table, is_killed, source


def say(
    loaded: "Loaded",
    state: Path,
    words: str,
    *,
    fields: tuple[str, ...],
    client: str,
    flags: tuple[tuple[str, bool], ...],
    as_json: bool,
) -> bool:
    """
    Tell what becomes of a request. False when Parallax would refuse it.
    """
    try:
        ip_address(client)
    except ValueError:
        raise click.BadParameter(
            f"{client!r} is no address; write one such as 192.0.2.7", param_hint="--client"
        ) from None
    table, is_killed, source = table_of(loaded, state)
    try:
        head = read_request(words, list(fields), table)
        keysets = {file: read_keys(Path(file[0])) for file in key_files(table)}
        most = Ways(table, Backing(time, keysets)).most_content(head)
        if most and head.length > most:
            raise BadMessage(413, "content too large")
    except BadMessage as bad:
        said = f"refused with {bad.status}: {bad.detail}; neither side gets it"
        tell({"refused": bad.status, "why": bad.detail}, [said], as_json=as_json)
        return False
    explained = explain(table, head, client, time(), is_killed=is_killed, keysets=keysets, flags=dict(flags))
    lines = [f"{what:<8}{phrase}" for what, phrase in [*told(explained), ("weights", source)]]
    tell({**asdict(explained), "weights": source}, lines, as_json=as_json)
    return True
