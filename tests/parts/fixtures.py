"""
Fixtures around a Parallax that many tests share. A `conftest.py` that wants them imports them.

A module may set `CONFIGURATION`, which is laid over the usual one: it has a Parallax of its own then, for all of its
tests. All others share one, from the first test that wants it to the end of the run. Its loop is the session's, so
tests that use it say `asyncio(loop_scope="session")`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.parts.scene import Scene, scene

__all__ = ["own_scene", "shared_scene", "stage", "usual_scene"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def usual_scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """
    Old, new and Parallax for all modules that don't configure anything.
    """
    async with scene({}, tmp_path_factory.mktemp("parallax")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """
    Old, new and Parallax for all tests of a module.
    """
    async with scene(request.module.CONFIGURATION, tmp_path_factory.mktemp("parallax")) as made:
        yield made


@pytest.fixture
def shared_scene(request: pytest.FixtureRequest) -> Scene:
    """
    The one for the module of the test.
    """
    is_configured = hasattr(request.module, "CONFIGURATION")
    found: Scene = request.getfixturevalue("own_scene" if is_configured else "usual_scene")
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def stage(shared_scene: Scene) -> AsyncIterator[Scene]:
    """
    The same, quiet before and after each test.
    """
    yield shared_scene
    await shared_scene.clear()
