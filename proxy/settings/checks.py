"""
What must hold between keys, and on this machine: loops, clashing listeners, CA files, limits that exclude each other.
The admin port's doors are checked in `doors`.

Looks at local addresses and files; sends nothing and looks up no name.
"""

import socket
import ssl
import stat
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from proxy.clock import time
from proxy.settings.addresses import UNIX, Address, Url, parse_address
from proxy.settings.certificates import check_pair
from proxy.settings.covered import check_covered
from proxy.settings.doors import check_admin
from proxy.settings.effect import check_effect, check_unjudged, check_writes
from proxy.settings.kinds import show_number, show_size
from proxy.settings.listening import check_listening
from proxy.settings.model import Settings, Side, Tls
from proxy.settings.sentences import Finding

IP = IPv4Address | IPv6Address
LOOPBACK: frozenset[IP] = frozenset({IPv4Address("127.0.0.1"), IPv6Address("::1")})

# What a comparer may take for each byte of the longest body: 41 were seen, for two bodies of one text each.
MEMORY_PER_BYTE: Final = 64


def check(settings: Settings, folder: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with `settings`; relative files are looked for in `folder`.
    """
    yield from _check_listeners(settings)
    yield from check_listening(settings, folder)
    beyond_loopback = _is_beyond_loopback(settings.admin.listen.host)
    yield from check_admin(settings.admin, folder, beyond_loopback=beyond_loopback, environment=environment)
    for name, side in (("old", settings.old), ("new", settings.new)):
        yield from _check_loop(name, side, settings)
        yield from _check_tls((name, "tls"), side.url, side.tls, folder)
        if side.eject.pause > side.eject.longest:
            said = f"{show_number(side.eject.pause)} is above {name}.eject.longest ({show_number(side.eject.longest)})"
            yield Finding(key=(name, "eject", "pause"), said=f"{said}; write less, or raise the longest")
    twin = settings.noise.twin
    if twin.url is not None:
        yield from _check_tls(("noise", "twin", "tls"), twin.url, twin.tls, folder)
    if (settings.old.url, settings.old.addresses) == (settings.new.url, settings.new.addresses):
        said = (
            "is the address of old too, so every difference is noise; name the new system unless you want to see that"
        )
        yield Finding(key=("new", "url"), said=said, warning=True)
    yield from _check_store(settings.store, folder)
    yield from _check_numbers(settings)
    yield from check_effect(settings.compare, settings.routes)
    yield from check_unjudged(settings)
    yield from check_writes(settings)
    yield from check_covered(settings)


def _listeners(settings: Settings) -> list[tuple[tuple[str, ...], Address]]:
    return [
        (("listen",), settings.listen),
        (("health", "listen"), settings.health.listen),
        (("admin", "listen"), settings.admin.listen),
    ]


def _check_listeners(settings: Settings) -> Iterator[Finding]:
    listeners = _listeners(settings)
    for index, (key, address) in enumerate(listeners):
        for other, earlier in listeners[:index]:
            if address.port == earlier.port != 0 and _overlap(address.host, earlier.host):
                said = f"{address} clashes with {'.'.join(other)} ({earlier}); write another port"
                yield Finding(key=key, said=said)


def _check_loop(name: str, side: Side, settings: Settings) -> Iterator[Finding]:
    for at, host, port in _targets(side):
        for key, address in _listeners(settings):
            if port == address.port and _reaches(host, address.host):
                shown = side.url if at == "url" else Address(host=host, port=port)
                said = (
                    f"{shown} is Parallax itself ({'.'.join(key)}: {address}), so requests would go in circles; "
                    f"write where the {name} system listens, or move {'.'.join(key)}"
                )
                yield Finding(key=(name, at), said=said)


def _targets(side: Side) -> Iterator[tuple[str, str, int]]:
    """
    Where a side is connected to over TCP: the key that says so, host and port.
    """
    if not side.addresses and not side.url.socket:
        yield "url", side.url.host, side.url.port
    for text in side.addresses:
        if not text.startswith(UNIX):
            address = parse_address(text)
            yield "addresses", address.host, address.port


def _check_tls(key: tuple[str, ...], url: Url, tls: Tls, folder: Path) -> Iterator[Finding]:
    if url.scheme == "http":
        if tls != Tls():
            said = f"has no effect on {url}; write https:// in {'.'.join(key[:-1])}.url"
            yield Finding(key=key, said=said, warning=True)
        return
    if not tls.verify:
        said = "lets anybody between Parallax and the side read and change everything; give its CA in tls.ca instead"
        yield Finding(key=(*key, "verify"), said=said, warning=True)
    yield from check_pair(key, tls.certificate, tls.key, folder, time())
    if tls.ca is not None:
        path = folder / tls.ca
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except ssl.SSLError:
            yield Finding(key=(*key, "ca"), said=f"{path} holds no CA certificate; write the path of a PEM file")
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            yield Finding(key=(*key, "ca"), said=f"{path} can't be read ({reason}); write the path of a PEM file")


def _check_store(store: str, folder: Path) -> Iterator[Finding]:
    path = folder / store.removeprefix("sqlite:///")
    try:
        mode = path.stat().st_mode
    except OSError:
        # It can be made, or the store says why not.
        return
    if stat.S_ISDIR(mode):
        said = f"{path} is a folder, and a store is a file; write {store.rstrip('/')}/parallax.db"
        yield Finding(key=("store",), said=said)
    elif not stat.S_ISREG(mode):
        yield Finding(key=("store",), said=f"{path} is no file; write where one is or can be made")


def _check_numbers(settings: Settings) -> Iterator[Finding]:
    drain, limits, mirror = settings.drain, settings.limits, settings.mirror
    judge = settings.judge
    if drain.delay >= drain.timeout:
        said = (
            f"{show_number(drain.delay)} leaves nothing of drain.timeout ({show_number(drain.timeout)}) to finish "
            "requests; write less, such as a fifth of it"
        )
        yield Finding(key=("drain", "delay"), said=said)
    if limits.line > limits.head:
        head = show_size(limits.head)
        said = f"{show_size(limits.line)} is above limits.head ({head}); write less, or raise the head"
        yield Finding(key=("limits", "line"), said=said)
    if mirror.max_body > mirror.memory_budget:
        budget = show_size(mirror.memory_budget)
        body = show_size(mirror.max_body)
        said = f"{body} never fits into mirror.memory_budget ({budget}); write less, or raise the budget"
        yield Finding(key=("mirror", "max_body"), said=said)
    if judge.memory < MEMORY_PER_BYTE * judge.max_decoded:
        memory, fits = show_size(judge.memory), show_size(judge.memory // MEMORY_PER_BYTE)
        said = f"bodies so long may take more than judge.memory ({memory}); write {fits} or less, or raise the memory"
        yield Finding(key=("judge", "max_decoded"), said=said)


def known_addresses(host: str) -> frozenset[IP]:
    """
    The IP addresses that `host` stands for without asking DNS; empty for a name that would need it.
    """
    if host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost"):
        return LOOPBACK
    try:
        address = ip_address(host)
    except ValueError:
        try:
            # The system's resolver takes 127.1 and 0x7f000001 as well.
            address = IPv4Address(socket.inet_aton(host))
        except OSError:
            return frozenset()
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return frozenset({mapped or address})


def _is_beyond_loopback(host: str) -> bool:
    """
    Could another machine reach a listener on `host`? A name that would need DNS counts as one that it could.
    """
    return not known_addresses(host) or any(not ip.is_loopback for ip in known_addresses(host))


def _overlap(one: str, other: str) -> bool:
    ones, others = known_addresses(one), known_addresses(other)
    if not ones or not others:
        return one.lower() == other.lower()
    return bool(ones & others) or any(ip.is_unspecified for ip in ones | others)


def _reaches(side: str, listener: str) -> bool:
    """
    Would a connection to `side` arrive at a socket that listens on `listener` (same port)?
    """
    sides, listeners = known_addresses(side), known_addresses(listener)
    if side.lower() == listener.lower():
        return True
    if any(ip.is_unspecified for ip in sides):
        # Connecting to 0.0.0.0 or :: reaches this machine's loopback.
        sides = LOOPBACK
    if any(ip.is_unspecified for ip in listeners):
        return any(_is_ours(ip) for ip in sides) or side.lower() == socket.gethostname().lower()
    return bool(sides & listeners)


def _is_ours(address: IP) -> bool:
    """
    Does this machine have `address`? Only such an address can be bound to; nothing is sent.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
