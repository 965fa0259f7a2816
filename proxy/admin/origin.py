"""
Which Host and which Origin a request to the admin port may name. Pure.

A page in the operator's browser can point a name of its own at our address (DNS rebinding) and would then read answers
as same-origin; its Host gives it away. An address in Host can't be rebound, and what the browser adds as Origin to
requests of foreign pages names them. The port says nothing: tunnels and port-forwards change it.
"""

import ipaddress
import re
from collections.abc import Collection

HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{0,5})?", re.ASCII)


def is_own_host(host: str, names: Collection[str]) -> bool:
    """
    Is `host` (a Host field) localhost, an IP address, or one of `names` (in lower case)?
    """
    matched = HOST.fullmatch(host)
    if matched is None:
        return False
    name = (matched[1] or matched[2]).lower().removesuffix(".")
    return name == "localhost" or name in names or _is_address(name, bracketed=matched[1] is not None)


def _is_address(name: str, *, bracketed: bool) -> bool:
    try:
        return (ipaddress.ip_address(name).version == 6) is bracketed
    except ValueError:
        return False


def is_own_origin(origin: str, host: str, *, encrypted: bool) -> bool:
    """
    Is `origin` (an Origin field) the page that Parallax itself serves under `host`?

    A plaintext port is believed to be behind something that encrypts if the browser says so; never the other way round,
    for whoever sits between can put a page of his own at the plaintext address.
    """
    own = {f"https://{host}".lower()}
    if not encrypted:
        own.add(f"http://{host}".lower())
    return origin.lower() in own
