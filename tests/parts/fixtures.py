"""
Fixtures around one Parallax per test module. A `conftest.py` that wants them imports them.

A module may set `CONFIGURATION`, which is laid over the usual one.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.parts.scene import Scene, scene

__all__ = ["shared_scene", "stage"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """
    Old, new and Parallax for all tests of a module.
    """
    configuration = getattr(request.module, "CONFIGURATION", {})
    async with scene(configuration, tmp_path_factory.mktemp("parallax")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_scene: Scene) -> AsyncIterator[Scene]:
    """
    The module's scene, quiet before and after each test.
    """
    yield shared_scene
    await shared_scene.clear()
