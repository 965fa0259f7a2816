"""
Where Parallax listens and where the sides are, as values read from text.

As in `kinds`, what can't be read raises `ValueError` with what is wrong and, after a semicolon, what would be right.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from proxy.settings.quote import quote

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# As nginx names a Unix socket: http://unix:/run/new.sock, and after another colon what goes before every path.
UNIX_URL = re.compile(r"(https?)://unix:(/[^:?#]*)(?::(/[^?#]*)?)?")
UNIX = "unix:"
# Bytes of a Unix socket's path, less the one that ends it (unix(7)).
LONGEST_PATH = 107
# What a Host field may hold (RFC 9110 section 7.2), without the characters nobody uses in one.
HOST_FIELD = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """
    Where one of our own sockets listens. Port 0 lets the system choose.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """
    Where a side is: `base` is "" or a path without its last slash; `socket` is the path of a Unix socket, or "".
    """

    scheme: str
    host: str
    port: int
    base: str
    socket: str = ""

    @property
    def authority(self) -> str:
        """
        Host and port as a Host field names them: the scheme's own port is left out.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        if self.socket:
            return f"{self.scheme}://{UNIX}{self.socket}{self.base and ':' + self.base}"
        return f"{self.scheme}://{self.authority}{self.base}"


def parse_address(value: object) -> Address:
    """
    Our own socket from "127.0.0.1:8080", "localhost:8080" or "[::1]:8080".
    """
    if isinstance(value, Address):
        return value
    remedy = "write HOST:PORT, such as 127.0.0.1:8080 or '[::1]:8080'"
    if not isinstance(value, str) or not value:
        raise ValueError(f"{quote(value)} is no address; {remedy}")
    host, colon, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{quote(value)} has several colons; {remedy}")
    if not colon or not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{quote(value)} is no address; {remedy}")
    if int(port) > 65535:
        raise ValueError(f"{quote(value)} has a port above 65535; {remedy}")
    return Address(host=host, port=int(port))


def parse_url(value: object) -> Url:
    """
    A side from "http://HOST[:PORT][/BASE]", "http://unix:/PATH[:/BASE]" or https. A URL with userinfo is never quoted:
    it holds a password.
    """
    if isinstance(value, Url):
        return value
    remedy = "write http://HOST:PORT, https://HOST or http://unix:/PATH, with a path if every request goes below one"
    if not isinstance(value, str) or not value:
        raise ValueError(f"{quote(value)} is no URL; {remedy}")
    if any(not "!" <= character <= "~" for character in value):
        raise ValueError(
            f"{quote(value)} has a space, a control character or a letter outside ASCII; percent-encode paths, "
            "and write such a host name as xn--…"
        )
    if (match := UNIX_URL.fullmatch(value)) is not None:
        _refuse_dots(value, match[3] or "")
        scheme, base = match[1], (match[3] or "").rstrip("/")
        # The host that nginx sends to a Unix socket.
        return Url(scheme=scheme, host="localhost", port=DEFAULT_PORTS[scheme], base=base, socket=_socket(match[2]))
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the port or host can't be read ({str(error).lower()}); {remedy}") from None
    _refuse_parts(value, parts, remedy)
    if port == 0:
        raise ValueError(f"{quote(value)} has port 0, where nothing listens; {remedy}")
    return Url(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=port or DEFAULT_PORTS[parts.scheme],
        base=parts.path.rstrip("/"),
    )


def _refuse_parts(value: str, parts: SplitResult, remedy: str) -> None:
    if "@" in parts.netloc:
        raise ValueError("the URL has a user name or password; leave it out: clients send their own credentials")
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"{quote(value)} has no scheme that Parallax speaks; {remedy}")
    if not parts.hostname or HOST_FIELD.fullmatch(parts.netloc) is None:
        raise ValueError(f"{quote(value)} names no host; {remedy}")
    if "?" in value or "#" in value:
        raise ValueError(f"{quote(value)} has a query or a fragment; leave it out: each request brings its own query")
    _refuse_dots(value, parts.path)


def _refuse_dots(value: str, path: str) -> None:
    if any(segment in {".", ".."} for segment in path.split("/")):
        raise ValueError(f"{quote(value)} has a . or .. in its path; write the path that is meant")


def _socket(path: str) -> str:
    if len(path) > LONGEST_PATH or path.endswith("/"):
        raise ValueError(f"{quote(path)} is no Unix socket; write its path, of at most {LONGEST_PATH} characters")
    return path


def parse_addresses(value: object) -> tuple[str, ...]:
    """
    Where to connect to a side, besides what its URL says: "HOST:PORT" or "unix:/PATH" each.
    """
    remedy = "write a list such as ['10.0.0.1:9002', '10.0.0.2:9002'] or ['unix:/run/new.sock']"
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of addresses; {remedy}")
    return tuple(dict.fromkeys(_address(one, remedy) for one in value))


def _address(value: object, remedy: str) -> str:
    if isinstance(value, str) and value.startswith(UNIX):
        path = value.removeprefix(UNIX)
        if not path.startswith("/") or any(not "!" <= character <= "~" for character in path):
            raise ValueError(f"{quote(value)} has no absolute path; {remedy}")
        return UNIX + _socket(path)
    address = parse_address(value)
    if address.port == 0 or HOST_FIELD.fullmatch(str(address)) is None:
        raise ValueError(f"{quote(value)} is no address that one can connect to; {remedy}")
    return str(address)


def parse_host(value: object) -> str:
    """
    Which Host field a side gets: "preserve", "upstream", or a name.
    """
    if not isinstance(value, str) or HOST_FIELD.fullmatch(value) is None:
        raise ValueError(
            f"{quote(value)} is no Host; write preserve (the client's), upstream (the URL's), or a host name"
        )
    return value
