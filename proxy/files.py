"""
Small files that have to be whole at any instant, whoever is killed.
"""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """
    Replace the file by one with these bytes, in the face of a kill or a power cut. Raises OSError; the old one stays.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One name for all attempts: what a killed one leaves behind, the next one takes.
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        # A full disk needs the room.
        temporary.unlink(missing_ok=True)
        raise


def set_aside(path: Path) -> str:
    """
    Move a broken file out of the way, for people to look at; the words say where it went. Never raises.
    """
    target = path.with_name(f"{path.name}.broken")
    try:
        path.replace(target)
    except OSError as error:
        return f"it stays there: {explain(error)}"
    return f"moved to {target}"


def explain(error: BaseException) -> str:
    """
    The operating system's reason, in its words.
    """
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
