"""
The kinds of value that a configuration holds: sizes, durations, percentages, names, lists; `addresses` has the others.

Each `parse_…` takes what YAML or an environment variable gave, returns the value, and raises `ValueError` saying what
is wrong and, after a semicolon, what would be right. Which key it was, and on which line, is `load`'s business.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from math import isfinite
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PlainValidator

from proxy.compare.paths import parse_path
from proxy.metrics.versions import HEADER, LONGEST, UNUSUAL
from proxy.settings.addresses import Address, Url, parse_address, parse_addresses, parse_host, parse_url
from proxy.settings.quote import quote

SIZE_UNITS: Final = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
TIME_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

NUMBER_AND_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
# RFC 9110 section 5.6.2.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)
NAME = re.compile(r"[^\s:=&?#]{1,128}")
ENDPOINT = re.compile(r"[A-Z][A-Z-]* /[^\s?#]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    How a kind of value is called in the documentation, written in YAML, and read from an environment variable.

    `text`: the variable's value is taken as it stands; otherwise it is read as YAML.
    """

    words: str
    show: Callable[[Any], str]
    text: bool = True


def parse_size(value: object) -> object:
    """
    Bytes from `65536` or "64 KiB"; what is neither number nor text passes, for pydantic to refuse.
    """
    if not isinstance(value, str):
        return value
    match = NUMBER_AND_UNIT.fullmatch(value.strip())
    unit = SIZE_UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{quote(value)} is no size; write bytes, or a number with KiB, MiB or GiB, such as 64 MiB")
    size = float(match[1]) * unit
    if not size.is_integer():
        raise ValueError(f"{quote(value)} is no whole number of bytes; write {round(size)}")
    return int(size)


def show_size(size: int) -> str:
    """
    A size as people write it: 64 MiB, 8 KiB, and plain bytes where no unit is exact.
    """
    for unit in ("GiB", "MiB", "KiB"):
        count, rest = divmod(size, SIZE_UNITS[unit.lower()])
        if count and not rest:
            return f"{count} {unit}"
    return str(size)


def parse_seconds(value: object) -> object:
    """
    Seconds from `5`, `0.1`, "5s" or "100ms"; what is neither number nor text passes, for pydantic to refuse.
    """
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} is no duration; write a number of seconds, and 0 for no limit where that is allowed")
    if not isinstance(value, str):
        return value
    match = NUMBER_AND_UNIT.fullmatch(value.strip())
    unit = TIME_UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise ValueError(
            f"{quote(value)} is no duration; write seconds, or a number with ms, s, m, h or d, such as 100ms"
        )
    return float(match[1]) * unit


def show_number(value: float) -> str:
    """
    A number without a fraction of zero: 5, 0.1.
    """
    return str(int(value)) if value == int(value) else str(value)


def parse_factor(value: object) -> float:
    """
    How many times: a number above 1, or 0 for none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value == 0 or 1 < value < 1000):
        raise ValueError(f"{quote(value)} is no factor; write a number above 1, such as 3, or 0 for none")
    return float(value)


def parse_percent(value: object) -> object:
    """
    A percentage from 0 to 100 with at most two decimals; what is no number passes, for pydantic to refuse.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not 0 <= value <= 100:
        raise ValueError(f"{value} is no percentage; write a number from 0 to 100")
    if round(value, 2) != value:
        raise ValueError(f"{value} has more than two decimals; write {round(value, 2)}")
    return value


def parse_token(value: object) -> str:
    """
    A name as HTTP allows one.
    """
    if not isinstance(value, str) or TOKEN.fullmatch(value) is None:
        raise ValueError(f"{quote(value)} is no name; write letters, digits and - without spaces, such as parallax")
    return value


def parse_version(value: object) -> str | None:
    """
    How a side's version is known: by a field of its answers, or as it is given.
    """
    if value is None:
        return None
    remedy = "write header:NAME, such as header:x-version, or the version itself in quotes, such as '2.4.1'"
    if isinstance(value, str) and value.startswith(HEADER):
        if TOKEN.fullmatch(value.removeprefix(HEADER)) is None:
            raise ValueError(f"{quote(value)} names no field; {remedy}")
        return value
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or UNUSUAL.search(value):
        raise ValueError(f"{quote(value)} is no version; {remedy}")
    return value


def parse_headers(value: object) -> str | tuple[str, ...]:
    """
    Which header fields are compared: "significant", "all", or a list of names in lower case, `x-*` allowed.
    """
    remedy = "write significant, all, or a list of header names such as [content-type, x-total-*]"
    if value in ("significant", "all"):
        return str(value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no choice of headers; {remedy}")
    for name in value:
        if not isinstance(name, str) or TOKEN.fullmatch(name) is None or "*" in name[:-1] or name == "*":
            raise ValueError(f"{quote(name)} is no header name; {remedy}")
    return tuple(dict.fromkeys(name.lower() for name in value))


def parse_health_path(value: object) -> str | None:
    """
    What a side is asked for its health by, with a query if there is one; None: it isn't asked.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith("/") or any(not "!" <= one <= "~" for one in value):
        raise ValueError(f"{quote(value)} is no path; write one such as /healthz, or null")
    return value


def parse_methods(value: object) -> tuple[str, ...]:
    """
    Request methods, which are case-sensitive tokens (RFC 9110 §9.1).
    """
    return _parse_list(value, METHOD, "method", "write a list such as [BAN, REFRESH]")


def parse_endpoints(value: object) -> tuple[str, ...]:
    """
    Endpoints named by the operator, as method and path template.
    """
    return _parse_list(value, ENDPOINT, "endpoint", "write a list such as ['GET /users/{id}', 'GET /search']")


def parse_names(value: object) -> tuple[str, ...]:
    """
    Names of header fields or parameters of a query.
    """
    return _parse_list(value, NAME, "name", "write a list such as [x-user, q]")


def parse_paths(value: object) -> tuple[str, ...]:
    """
    Paths in bodies, each compiled once, so that one that can't be used is refused.
    """
    remedy = "write a list such as ['$.users[*].name', '$..city']"
    for path in _texts(value, "path", remedy):
        try:
            parse_path(path)
        except ValueError as error:
            raise ValueError(f"{quote(path)}: {error}; {remedy}") from None
    return _texts(value, "path", remedy)


def parse_patterns(value: object) -> tuple[str, ...]:
    """
    Regular expressions, each compiled once. One that fits nothing at all would fit everywhere.
    """
    remedy = "write a list such as ['cust-[0-9]+']"
    for pattern in _texts(value, "pattern", remedy):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{quote(pattern)} is no regular expression ({error}); {remedy}") from None
        if compiled.fullmatch("") is not None:
            raise ValueError(f"{quote(pattern)} fits an empty text; {remedy}")
    return _texts(value, "pattern", remedy)


def parse_networks(value: object) -> tuple[str, ...] | None:
    """
    Ranges of addresses in CIDR notation, single addresses included, in their usual form; None stays None.
    """
    remedy = "write a list such as [10.0.0.0/8, '2001:db8::/32'], [] for nobody, or null"
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of address ranges; {remedy}")
    return tuple(dict.fromkeys(_parse_network(item, remedy) for item in value))


def _parse_network(value: object, remedy: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quote(value)} is no address range; {remedy}")
    try:
        return str(ip_network(value))
    except ValueError:
        pass
    try:
        meant = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{quote(value)} is no address range; {remedy}") from None
    raise ValueError(f"{quote(value)} is an address within a range; write {meant}, or the address alone")


def show_networks(value: tuple[str, ...] | None) -> str:
    """
    A list in brackets, or YAML's null.
    """
    return "null" if value is None else show_list(value)


def _texts(value: object, what: str, remedy: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"{quote(value)} is no list of {what}s; {remedy}")
    return tuple(dict.fromkeys(value))


def _parse_list(value: object, pattern: re.Pattern[str], what: str, remedy: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of {what}s; {remedy}")
    for name in value:
        if not isinstance(name, str) or pattern.fullmatch(name) is None:
            raise ValueError(f"{quote(name)} is no {what}; {remedy}")
    return tuple(dict.fromkeys(value))


def show_list(value: str | tuple[str, ...]) -> str:
    """
    A word as it is, a list in brackets.
    """
    return value if isinstance(value, str) else "[" + ", ".join(repr(item) for item in value) + "]"


def show_flag(value: bool) -> str:
    """
    YAML's true and false.
    """
    return "true" if value else "false"


def show_optional(value: str | None) -> str:
    """
    A text, or YAML's null.
    """
    return "null" if value is None else value


FLAG = Kind(words="true or false", show=show_flag, text=False)
COUNT = Kind(words="whole number", show=str, text=False)
TEXT = Kind(words="text", show=show_optional)

Size = Annotated[int, BeforeValidator(parse_size), Kind(words="bytes", show=show_size)]
Rate = Annotated[int, BeforeValidator(parse_size), Kind(words="bytes per second", show=show_size)]
Seconds = Annotated[float, BeforeValidator(parse_seconds), Kind(words="seconds", show=show_number)]
Percent = Annotated[float, BeforeValidator(parse_percent), Kind(words="percent", show=show_number, text=False)]
Factor = Annotated[float, PlainValidator(parse_factor), Kind(words="number", show=show_number, text=False)]
Names = Annotated[tuple[str, ...], PlainValidator(parse_names), Kind(words="list of names", show=show_list, text=False)]
Paths = Annotated[tuple[str, ...], PlainValidator(parse_paths), Kind(words="list of paths", show=show_list, text=False)]
Patterns = Annotated[
    tuple[str, ...],
    PlainValidator(parse_patterns),
    Kind(words="list of regular expressions", show=show_list, text=False),
]
Networks = Annotated[
    tuple[str, ...] | None,
    PlainValidator(parse_networks),
    Kind(words="list of address ranges", show=show_networks, text=False),
]
Listen = Annotated[Address, PlainValidator(parse_address), Kind(words="HOST:PORT", show=str)]
SideUrl = Annotated[Url, PlainValidator(parse_url), Kind(words="URL", show=str)]
OptionalUrl = Annotated[
    Url | None,
    PlainValidator(lambda value: None if value is None else parse_url(value)),
    Kind(words="URL", show=lambda url: "null" if url is None else str(url)),
]
Addresses = Annotated[
    tuple[str, ...], PlainValidator(parse_addresses), Kind(words="list of addresses", show=show_list, text=False)
]
HealthPath = Annotated[str | None, PlainValidator(parse_health_path), Kind(words="path", show=show_optional)]
Version = Annotated[
    str | None, PlainValidator(parse_version), Kind(words="header:NAME or a version", show=show_optional)
]
Host = Annotated[str, PlainValidator(parse_host), Kind(words="preserve, upstream or a name", show=str)]
Name = Annotated[str, PlainValidator(parse_token), Kind(words="name", show=str)]
Order = Annotated[Literal["together", "after"], Kind(words="together or after", show=str)]
CookieParts = Annotated[Literal["names", "attributes"], Kind(words="names or attributes", show=str)]
Credentials = Annotated[Literal["forward", "strip"], Kind(words="forward or strip", show=str)]
Headers = Annotated[
    str | tuple[str, ...],
    PlainValidator(parse_headers),
    Kind(words="significant, all or a list", show=show_list, text=False),
]
Methods = Annotated[
    tuple[str, ...], PlainValidator(parse_methods), Kind(words="list of methods", show=show_list, text=False)
]
Endpoints = Annotated[
    tuple[str, ...], PlainValidator(parse_endpoints), Kind(words="list of endpoints", show=show_list, text=False)
]
