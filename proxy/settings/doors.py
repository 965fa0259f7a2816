"""
Who can reach the admin port, and what must then guard it: tokens and encryption. Part of `checks`.

Reads certificate files; sends nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from proxy.clock import time
from proxy.settings.certificates import check_pair
from proxy.settings.model import Admin
from proxy.settings.sentences import Finding

TOKEN_VARIABLE: Final = "PARALLAX_ADMIN_TOKEN"  # noqa: S105 - a name, not a token
# 20 random characters of an alphabet of 64 are 120 bits; `parallax token new` makes 43.
SHORTEST_TOKEN = 20
TOKEN_NEW = "`parallax token new --name ops --role operator` prints one"  # noqa: S105
OF_THE_VARIABLE = "env"  # what the variable's token is called in the audit


def check_admin(
    admin: Admin, folder: Path, *, beyond_loopback: bool, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with the admin port's doors; relative files are looked for in `folder`.
    """
    token = token_of(environment)
    encrypted = admin.tls.certificate is not None or admin.tls.key is not None
    if beyond_loopback:
        yield from _check_beyond_loopback(admin, has_token=bool(admin.tokens or token), encrypted=encrypted)
    elif admin.insecure and not encrypted:
        said = f"has no effect on {admin.listen}, which only this machine reaches; leave it out"
        yield Finding(key=("admin", "insecure"), said=said, warning=True)
    if admin.insecure and encrypted:
        yield Finding(key=("admin", "insecure"), said="has no effect beside admin.tls; leave it out", warning=True)
    yield from _check_tokens(admin, token)
    tls = admin.tls
    yield from check_pair(("admin", "tls"), tls.certificate, tls.key, folder, time())


def _check_beyond_loopback(admin: Admin, *, has_token: bool, encrypted: bool) -> Iterator[Finding]:
    back = f"or 127.0.0.1:{admin.listen.port} and let a sidecar or a tunnel reach it"
    if not has_token:
        said = (
            f"{admin.listen} is reachable from other machines, and nobody has a token for it; write admin.tokens "
            f"({TOKEN_NEW}), set {TOKEN_VARIABLE}, {back}"
        )
        yield Finding(key=("admin", "listen"), said=said)
    if not encrypted and not admin.insecure:
        said = (
            f"{admin.listen} is reachable from other machines in plaintext, so tokens can be read on the way; write "
            f"admin.tls.certificate and admin.tls.key, admin.insecure: true if something in front encrypts, {back}"
        )
        yield Finding(key=("admin", "listen"), said=said)


def _check_tokens(admin: Admin, token: str) -> Iterator[Finding]:
    key = ("admin", "tokens")
    if token and any(one.name == OF_THE_VARIABLE for one in admin.tokens):
        said = f"{OF_THE_VARIABLE} is what the token of {TOKEN_VARIABLE} is called; write another name"
        yield Finding(key=key, said=said)
    if admin.tokens and not token and all(one.role == "viewer" for one in admin.tokens):
        said = f"nobody there is an operator, so nothing can be changed over the admin port; add one ({TOKEN_NEW})"
        yield Finding(key=key, said=said, warning=True)


def token_of(environment: Mapping[str, str]) -> str:
    """
    The token that the environment gives to one operator, "" for none. A file's last line break is no part of it.
    """
    return environment.get(TOKEN_VARIABLE, "").strip()


def check_variable(environment: Mapping[str, str]) -> Iterator[str]:
    """
    What is wrong with the token in the environment, in sentences that never quote it.
    """
    token = token_of(environment)
    if any(not "!" <= character <= "~" for character in token):
        yield f"{TOKEN_VARIABLE}: has a character that no token can have, such as a space; {TOKEN_NEW}"
    elif token and len(token) < SHORTEST_TOKEN:
        yield f"{TOKEN_VARIABLE}: is shorter than {SHORTEST_TOKEN} characters, so it can be guessed; {TOKEN_NEW}"
