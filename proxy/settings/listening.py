"""
What must hold for how clients are listened to: the files of TLS, and who may speak for others. Part of `checks`.

Reads certificate files; sends nothing.
"""

import ssl
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from proxy.clock import time
from proxy.settings.certificates import check_pair
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding


def check_listening(settings: Settings, folder: Path) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with the keys beside `listen`; relative files are looked for in `folder`.
    """
    tls = settings.tls
    yield from check_pair(("tls",), tls.certificate, tls.key, folder, time())
    if tls.client_ca is not None:
        if tls.certificate is None:
            said = "has no effect without tls.certificate; write that and tls.key, or leave it out"
            yield Finding(key=("tls", "client_ca"), said=said)
        yield from check_authorities(("tls", "client_ca"), folder / tls.client_ca)
    if settings.proxy_protocol and not settings.trusted_proxies:
        said = (
            "needs somebody who may send it, since others could claim to be anybody; write the addresses of your load "
            "balancers in trusted_proxies"
        )
        yield Finding(key=("proxy_protocol",), said=said)
    for text in settings.trusted_proxies or ():
        if ip_network(text).prefixlen == 0:
            said = f"{text} believes everybody's word about where they come from; write the addresses of your proxies"
            yield Finding(key=("trusted_proxies",), said=said, warning=True)


def check_authorities(key: tuple[str, ...], path: Path) -> Iterator[Finding]:
    """
    What is wrong with a file of CA certificates that `key` names.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        yield Finding(key=key, said=f"{path} holds no CA certificate; write the path of a PEM file")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        yield Finding(key=key, said=f"{path} can't be read ({reason}); write the path of a PEM file")
