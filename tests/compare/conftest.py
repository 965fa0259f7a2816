"""
The judge is called with the frames it asks for.
"""

import sys
from collections.abc import Iterator

import pytest

from proxy.compare.judge import FRAMES


@pytest.fixture(autouse=True)
def frames() -> Iterator[None]:
    """
    The recursion limit that a comparer sets.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(FRAMES)
    yield
    sys.setrecursionlimit(before)
