"""
Disks that are full or can't be written: real ones, small and in memory.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """
    `folder`, made and on a disk of its own. Where that can't be had the test is skipped, or in continuous integration
    failed.
    """
    folder.mkdir(exist_ok=True)
    options = f"size={size},mode=700"
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "parallax-test", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        missing = f"a small disk can't be mounted here: {tried.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """
    Change how a `small_disk` is mounted: `ro`, `rw`.
    """
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """
    Use up the disk of `folder` but for about `leave` bytes. Returns the file that has to go to make room again.
    """
    ballast = folder / "ballast"
    room = os.statvfs(folder)
    with ballast.open("wb", buffering=0) as file:
        try:
            file.write(bytes(max(0, room.f_bavail * room.f_frsize - leave)))
            while not leave:
                file.write(bytes(room.f_frsize))
        except OSError:
            pass
    return ballast


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """
    Be a user whom rights on files apply to, and to whom `folders` belong. Root becomes nobody, others stay themselves.
    """
    if os.geteuid() != 0:
        yield
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
