"""
A place for a store, and a store in it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.errors import StoreError
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


@pytest.fixture
def raises_corrupt() -> Callable[[Callable[[], object]], None]:
    """
    Asserts that a call says that the store is broken.
    """

    def check(call: Callable[[], object]) -> None:
        with pytest.raises(StoreError) as raised:
            call()
        assert raised.value.kind == "corrupt", raised.value

    return check
