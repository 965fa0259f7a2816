"""
Components that a test needs of the machine: without one it is skipped with the reason, or fails where CI promises it.
"""

import os
import shutil
from pathlib import Path

import pytest

# Debian's place for it (package `faketime`), by architecture.
FAKETIME = "lib*/**/faketime/libfaketime.so.1"


def missing(what: str) -> None:
    """
    End the test, saying what is missing.
    """
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def faketime() -> str:
    """
    The library that lies about the time to whoever loads it first.
    """
    found = next(iter(sorted(Path("/usr").glob(FAKETIME))), None)
    if found is None or shutil.which("faketime") is None:
        missing("faketime is not installed: run 'apt-get install faketime'")
    return str(found)


def prometheus() -> str:
    """
    The program.
    """
    found = shutil.which("prometheus")
    if found is None:
        missing("Prometheus is not installed: run 'apt-get install prometheus'")
    return str(found)
