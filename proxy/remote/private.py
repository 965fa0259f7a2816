"""
Files that nobody else can have written or read: what a token or a process id may be taken from.
"""

import os
import stat
from pathlib import Path

from proxy.errors import ConfigurationError

LARGEST = 64 * 1024  # bytes; an entry or a token has a few hundred


def is_own_folder(path: Path) -> bool:
    """
    Is `path` itself (no link to it) a folder of ours that others can't enter?
    """
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def read_own(path: Path) -> str:
    """
    The text of a file of ours that others can't read. Raises `ConfigurationError` for any other.
    """
    try:
        # Not blocking: a pipe that nobody writes to is no file, and is told so.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigurationError(f"{path}: can't be read ({reason}); name a file that holds the token alone") from None
    try:
        # Of what was opened, not of what lies there by now.
        _check(path, os.fstat(descriptor))
        data = os.read(descriptor, LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST:
        raise ConfigurationError(f"{path}: is over 64 KiB; name a file that holds the token alone")
    return data.decode(errors="replace")


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path}: is no file; name a file that holds the token alone")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path}: belongs to somebody else; use a copy of your own, or be that user")
    if found.st_mode & 0o077:
        raise ConfigurationError(f"{path}: others can read or change it; run: chmod 600 {path}")


def read_token(path: Path) -> str:
    """
    The token in a file of ours. Raises `ConfigurationError`.
    """
    return check_token(read_own(path).strip(), str(path))


def check_token(text: str, where: str) -> str:
    """
    A text that can be a token, as it is. Raises `ConfigurationError`, which doesn't repeat it.
    """
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{where}: holds no token; put the token there, and nothing else")
    return text
