"""
A place for a store, and a store in it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Where the store lies.
    """
    return tmp_path / "var" / "parallax.db"


@pytest.fixture
def url(path: Path) -> str:
    """
    How the configuration says so.
    """
    return f"sqlite:///{path}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """
    A fresh one.
    """
    opened = Store.open(url)
    assert opened.trouble is None
    yield opened.store
    opened.store.close()
