"""
Which Parallax is meant, and how to sign in to it.

What was said (an option, then a variable) comes first; then what runs on this machine; then the default address. A
token that was found on this machine goes to the very process that made it: to its address, while it holds its lock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from proxy.errors import ConfigurationError, RemoteError
from proxy.remote.private import check_token, read_token
from proxy.remote.registry import Entry, folders, running

DEFAULT = "http://127.0.0.1:9900"
ADMIN_URL = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?")
VARIABLE = "PARALLAX_ADMIN_TOKEN"
# As `proxy.equipment` calls it.
SHOWN = "admin-certificate.pem"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What the command line said; None: nothing. `ca` is a file of certificates to trust, `entry` is known from the
    configuration of a Parallax that runs.
    """

    admin: str | None = None
    token_file: Path | None = None
    ca: Path | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    A Parallax to ask. `url` has no path; `pinned` says that `ca` is its very certificate, whatever name it is for, and
    `shown` where it keeps the one that it shows as long as a renewed one isn't taken; `entry` is what is known of it if
    it runs on this machine.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    token_from: str = ""
    ca: Path | None = None
    pinned: bool = False
    shown: Path | None = None
    entry: Entry | None = None


def find(wanted: Wanted, environment: Mapping[str, str], places: tuple[Path, ...] | None = None) -> Target:
    """
    The Parallax that is meant; entries are looked for in `places`. Raises `ConfigurationError` for what can't be used,
    and `RemoteError` when it can't be told which of several is meant.
    """
    if wanted.entry is None:
        entries = running(folders(environment) if places is None else places)
        told = wanted.admin or environment.get("PARALLAX_ADMIN_URL") or None
    else:
        entries, told = (wanted.entry,), wanted.admin
    target = _local(entries) if told is None else _at(told, entries)
    ca = wanted.ca or (Path(text) if (text := environment.get("PARALLAX_ADMIN_CA")) else None)
    if ca is not None and not target.pinned:
        target = replace(target, ca=ca)
    return _signed_in(target, wanted, environment)


def _local(entries: tuple[Entry, ...]) -> Target:
    """
    The one that runs here, or the one at the default address.
    """
    targets = [_target(entry) for entry in entries]
    if len(targets) == 1:
        return targets[0]
    usual = [target for target in targets if target.url.endswith(":9900")]
    if targets and not usual:
        urls = ", ".join(target.url for target in targets)
        raise RemoteError(f"several run on this machine ({urls}); say which one with --admin", usage=True)
    return usual[0] if usual else Target(url=DEFAULT)


def _at(url: str, entries: tuple[Entry, ...]) -> Target:
    """
    The one at `url`: as its own entry says, if it runs here.
    """
    try:
        if ADMIN_URL.fullmatch(url) is None:
            raise ValueError
        parts = urlsplit(url)
        # Raises for a port over 65535.
        port = parts.port or PORTS[parts.scheme]
    except ValueError:
        raise ConfigurationError(
            f"{url!r} is no admin address; write http://HOST:PORT, such as http://127.0.0.1:9900"
        ) from None
    for target in map(_target, entries):
        local = urlsplit(target.url)
        # By address, not by name: behind `localhost` there are two addresses, and somebody else may have the other.
        if local.port == port and (parts.hostname == local.hostname or _is_loopback(parts.hostname or "")):
            return target
    return Target(url=url.rstrip("/"))


def _target(entry: Entry) -> Target:
    host, _, port = entry.admin.rpartition(":")
    reached = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)
    scheme = "http" if entry.certificate is None else "https"
    target = Target(url=f"{scheme}://{reached}:{port}", entry=entry)
    if entry.certificate is None:
        return target
    return replace(target, ca=entry.certificate, pinned=True, shown=entry.state / SHOWN)


def _signed_in(target: Target, wanted: Wanted, environment: Mapping[str, str]) -> Target:
    if wanted.token_file is not None:
        return replace(target, token=read_token(wanted.token_file), token_from=str(wanted.token_file))
    if told := environment.get(VARIABLE, "").strip():
        return replace(target, token=check_token(told, VARIABLE), token_from=VARIABLE)
    if target.entry is None or target.entry.token_file is None:
        return target
    try:
        return replace(target, token=read_token(target.entry.token_file), token_from=str(target.entry.token_file))
    except ConfigurationError:
        # Open calls work without; the others say that a token is wanted.
        return target


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
