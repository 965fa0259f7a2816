"""
Tokens: making them, what the configuration says of them, and the one that is made where none is configured.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from proxy.errors import ConfigurationError
from proxy.link.setup import Token

# A prefix that secret scanners and our own masks can find; then 43 characters that hold 256 bits.
PREFIX: Final = "plx_"
BYTES: Final = 32
SHAPE = re.compile(r"plx_[A-Za-z0-9_-]{43}", re.ASCII)
LONGEST_FILE: Final = 256

LOCAL_NAME: Final = "local"
NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def new_token() -> str:
    """
    A token that nobody can guess.
    """
    return PREFIX + secrets.token_urlsafe(BYTES)


def digest(token: str) -> str:
    """
    The hexadecimal SHA-256 by which a token is known.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def held(token: str, *, name: str, role: str) -> Token:
    """
    Somebody who holds `token`.
    """
    return Token(name=name, role=role, sha256=digest(token))


def config_line(token: Token) -> str:
    """
    The item for `admin.tokens`. Quoted: YAML takes some names and hashes for something else than text.
    """
    return f"- {{name: '{token.name}', role: {token.role}, sha256: '{token.sha256}'}}"


def kept_token(path: Path) -> str:
    """
    The token in the file at `path`, which is made when it is missing, for its owner alone; its folder must be there.

    Raises ConfigurationError for a file that somebody else could have written or can read, OSError when none can be
    made.
    """
    try:
        return read_token(path)
    except FileNotFoundError:
        with suppress(FileExistsError):  # somebody was quicker: then theirs counts
            _make(path, new_token())
    return read_token(path)


def read_token(path: Path, *, owner: int | None = None) -> str:
    """
    The token in the file at `path`, which must belong to `owner` (a user id; None: ourselves) and to nobody else.

    Raises ConfigurationError when it doesn't, or holds no token; FileNotFoundError and other OSError as `open` does.
    """
    remedy = "remove it, and the next start makes a new one"
    try:
        # A pipe in its place must not hold us up; fstat refuses it.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigurationError(f"{path} is a link and is not followed: {remedy}") from error
        raise
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{path} is no file: {remedy}")
        if found.st_uid != (os.geteuid() if owner is None else owner):
            raise ConfigurationError(f"{path} belongs to user {found.st_uid}, who may know the token in it: {remedy}")
        if found.st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read or written by others: {remedy}")
        text = os.read(opened, LONGEST_FILE).decode("ascii", "replace").strip()
    finally:
        os.close(opened)
    if SHAPE.fullmatch(text) is None:
        raise ConfigurationError(f"{path} holds no token: {remedy}")
    return text


def _make(path: Path, token: str) -> None:
    """
    Whole or not at all, also when the power goes: written under another name, then given its own.
    """
    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    opened = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(f"{token}\n".encode())
            file.flush()
            os.fsync(opened)
        try:
            os.link(made, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            made.rename(path)
        _sync_folder(path.parent)
    finally:
        made.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
