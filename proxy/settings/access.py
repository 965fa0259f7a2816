"""
Kinds of value that say who may ask the admin port, and where what is asked is kept.
"""

import re
from typing import Annotated, Any, Final

from pydantic import PlainValidator

from proxy.link.setup import Token
from proxy.settings.kinds import Kind, show_list
from proxy.settings.quote import quote

ROLES: Final = ("viewer", "operator")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
REMEDY: Final = "write what `parallax token new --name ops --role operator` prints"


def parse_tokens(value: object) -> tuple[Token, ...]:
    """
    A list of `{name, role, sha256}`, no name or token twice.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of tokens; {REMEDY}")
    tokens = tuple(_parse_token(item) for item in value)
    for key in ("name", "sha256"):
        seen = [getattr(token, key) for token in tokens]
        if twice := next((item for item in seen if seen.count(item) > 1), None):
            raise ValueError(f"the {key} {twice} is there twice; give everybody a token of their own")
    return tokens


def _parse_token(value: Any) -> Token:
    if isinstance(value, Token):
        return value
    if not isinstance(value, dict) or set(value) != {"name", "role", "sha256"}:
        raise ValueError(f"a token is a mapping of name, role and sha256, and nothing else; {REMEDY}")
    name, role, sha256 = value["name"], value["role"], value["sha256"]
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise ValueError(f"{quote(name)} is no name for a token; write letters, digits and . _ @ -, such as ops")
    if role not in ROLES:
        raise ValueError(f"{quote(role)} is no role; write viewer (may read) or operator (may change)")
    # The value is not repeated: somebody may have put the token itself there.
    if not isinstance(sha256, str) or SHA256.fullmatch(sha256.lower()) is None:
        raise ValueError(f"sha256 of {name} is no SHA-256 in hexadecimal (64 digits); {REMEDY}")
    return Token(name=name, role=role, sha256=sha256.lower())


def show_tokens(tokens: tuple[Token, ...]) -> str:
    """
    Tokens as YAML on one line.
    """
    return "[" + ", ".join(f"{{name: {t.name}, role: {t.role}, sha256: '{t.sha256}'}}" for t in tokens) + "]"


def parse_hosts(value: object) -> tuple[str, ...]:
    """
    Names under which the admin port may be asked, without ports.
    """
    remedy = "write a list of names without ports, such as [parallax.example.com]"
    if not isinstance(value, list | tuple):
        raise ValueError(f"{quote(value)} is no list of names; {remedy}")
    for name in value:
        if not isinstance(name, str) or HOST_NAME.fullmatch(name.lower()) is None:
            raise ValueError(f"{quote(name)} is no name; {remedy}")
    return tuple(dict.fromkeys(name.lower() for name in value))


def parse_store(value: object) -> str:
    """
    An SQL store as URL; this version has SQLite only.
    """
    if isinstance(value, str) and value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return value
    raise ValueError(f"{quote(value)} is no store; write sqlite:///FILE, such as sqlite:///var/parallax.db")


Tokens = Annotated[
    tuple[Token, ...], PlainValidator(parse_tokens), Kind(words="list of tokens", show=show_tokens, text=False)
]
Hosts = Annotated[tuple[str, ...], PlainValidator(parse_hosts), Kind(words="list of names", show=show_list, text=False)]
Store = Annotated[str, PlainValidator(parse_store), Kind(words="URL", show=str)]
