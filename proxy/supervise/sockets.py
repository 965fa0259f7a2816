"""
Listening sockets: bound once, in the supervisor, before any child exists.
"""

import errno
import os
import socket
from dataclasses import dataclass

from proxy.errors import ConfigurationError

# Capped by the kernel at net.core.somaxconn (4096 by default). What arrives while a worker is replaced waits here.
BACKLOG = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """
    All listening sockets of one run: one per worker slot, one each for health and admin.
    """

    workers: list[socket.socket]
    health: socket.socket
    admin: socket.socket

    def addresses(self) -> dict[str, str]:
        """
        Where they really listen, by name.
        """
        return {
            "listen": address_of(self.workers[0]),
            "health": address_of(self.health),
            "admin": address_of(self.admin),
        }

    def close_workers(self) -> None:
        """
        Close our copies of what the workers accept from.
        """
        for listener in self.workers:
            listener.close()

    def close(self) -> None:
        """
        Close everything.
        """
        self.close_workers()
        self.health.close()
        self.admin.close()


def open_listeners(
    *, listen: tuple[str, int], health: tuple[str, int], admin: tuple[str, int], workers: int
) -> Listeners:
    """
    Bind everything or nothing. Raises `ConfigurationError` for the first address that can't be had.
    """
    opened: list[socket.socket] = []
    try:
        opened += listen_per_slot("listen", listen, workers)
        opened.append(listen_on("health.listen", health))
        opened.append(listen_on("admin.listen", admin))
    except ConfigurationError:
        for listener in opened:
            listener.close()
        raise
    return Listeners(workers=opened[:workers], health=opened[-2], admin=opened[-1])


def listen_on(key: str, address: tuple[str, int]) -> socket.socket:
    """
    One listening socket. Raises `ConfigurationError` that names the configuration `key` and a remedy.
    """
    return listen_per_slot(key, address, 1)[0]


def listen_per_slot(key: str, address: tuple[str, int], slots: int) -> list[socket.socket]:
    """
    `slots` listening sockets on one address, between which the kernel spreads connections (SO_REUSEPORT).

    Port 0 takes a free port, the same for all. Raises `ConfigurationError` like `listen_on`, also when the port is
    held by a process that would share it, such as a second Parallax.
    """
    listeners: list[socket.socket] = []
    try:
        first = _bound(address, share=False)
        listeners.append(first)
        # The first is bound alone, so that a foreign user of the port is noticed, and opened for sharing afterwards;
        # the kernel looks at the flag of both whenever one more is bound, and at listen().
        if slots > 1:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.listen(BACKLOG)
        for _ in range(1, slots):
            more = _bound((address[0], first.getsockname()[1]), share=True)
            listeners.append(more)
            more.listen(BACKLOG)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise ConfigurationError(_explain(key, address, error)) from error
    return listeners


def _bound(address: tuple[str, int], *, share: bool) -> socket.socket:
    host, port = address
    family, kind, protocol, _, where = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Connections of a former process that linger in TIME_WAIT must not hinder a restart.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(where)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(key: str, address: tuple[str, int], error: OSError) -> str:
    where = show(address)
    if isinstance(error, socket.gaierror):
        return f"{key}: {where} has no address ({error.strerror}); write an IP address of this machine or 0.0.0.0"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{key}: {where} is in use by another process; stop that, or set {key} to a free port"
        case errno.EADDRNOTAVAIL:
            return f"{key}: {where} is no address of this machine; write one that it has, or 0.0.0.0 for all"
        case errno.EACCES:
            return f"{key}: {where} needs a privilege to listen on; use a port above 1023 or grant CAP_NET_BIND_SERVICE"
        case code:
            return f"{key}: cannot listen on {where} ({os.strerror(code or 0)}); choose another address"


def show(address: tuple[str, int]) -> str:
    """
    An address as one writes it: `127.0.0.1:8080`, `[::1]:8080`.
    """
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_of(listener: socket.socket) -> str:
    """
    Where a socket really listens, as `show` writes it.
    """
    host, port = listener.getsockname()[:2]
    return show((host, port))
