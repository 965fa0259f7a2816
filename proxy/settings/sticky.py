"""
The kinds of value that decide who stays where: sticky keys, and whether old and new share their data.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import PlainValidator

from proxy.settings.kinds import TOKEN, Kind, show_list
from proxy.settings.quote import quote

PLAIN: Final = ("client", "request")
NAMED: Final = ("header", "cookie", "claim")
# A claim of a JWT is any name; a dot would look like a path, which it is not.
CLAIM = re.compile(r"[A-Za-z0-9_:/-]{1,64}", re.ASCII)
REMEDY: Final = "write a list of header:NAME, cookie:NAME, claim:NAME, client and request, such as [header:X-User-Id]"


def parse_sticky_key(value: object) -> tuple[str, ...]:
    """
    Where a request's key is looked for, the first that the request has.
    """
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{quote(value)} is no list of keys; {REMEDY}")
    return tuple(dict.fromkeys(_parse_one(item) for item in value))


def _parse_one(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no key; {REMEDY}")
    if value in PLAIN:
        return value
    kind, _, name = value.partition(":")
    pattern = CLAIM if kind == "claim" else TOKEN
    if kind not in NAMED or pattern.fullmatch(name) is None:
        raise ValueError(f"{quote(value)} is no key; {REMEDY}")
    return f"header:{name.lower()}" if kind == "header" else value


StickyKey = Annotated[
    tuple[str, ...], PlainValidator(parse_sticky_key), Kind(words="list of keys", show=show_list, text=False)
]
Data = Annotated[Literal["stateless", "shared", "split"], Kind(words="stateless, shared or split", show=str)]
