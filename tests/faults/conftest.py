"""
What Parallax does when sides, clients or the moment are against it.
"""

from tests.parts.fixtures import shared_scene, stage

__all__ = ["shared_scene", "stage"]
