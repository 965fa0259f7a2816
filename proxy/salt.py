"""
Secrets of a deployment, made once and kept beside the store: the salt that digests of secrets are made with, and the
key that signs what clients bring back.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

SECRET: Final = re.compile(r"[0-9a-f]{64}")
SALT, SIGNING_KEY = "salt", "signing-key"


def new_secret() -> str:
    """
    32 random bytes, hexadecimal.
    """
    return token_hex(32)


def kept_salt(state: str) -> str:
    """
    The salt in the folder `state`, made if there is none, or one that is no salt: digests differ from earlier ones
    then, and nothing else. Raises OSError when it can be neither read nor made.
    """
    return _kept(Path(state) / SALT)


def kept_signing_key(state: str) -> str:
    """
    The same for the signing key: with another one, what was signed before means nothing.
    """
    return _kept(Path(state) / SIGNING_KEY)


def read_secret(path: Path) -> str:
    """
    The secret in this file, "" for one that is none or that others may read too: they could try guesses. Raises OSError
    when it can't be read.
    """
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        text = os.read(opened, 1024).decode("ascii", "replace").strip()
        is_own = not os.fstat(opened).st_mode & 0o077
    finally:
        os.close(opened)
    return text if is_own and SECRET.fullmatch(text) is not None else ""


def _kept(path: Path) -> str:
    with suppress(FileNotFoundError):
        if secret := read_secret(path):
            return secret
    return _make(path, new_secret())


def _make(path: Path, secret: str) -> str:
    """
    Whole or not at all: written under another name, then given its own.
    """
    made = path.with_name(f"{path.name}.{token_hex(8)}")
    opened = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(f"{secret}\n".encode())
            file.flush()
            os.fsync(opened)
        made.rename(path)
    except OSError:
        made.unlink(missing_ok=True)
        raise
    return secret
