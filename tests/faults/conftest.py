"""
What Parallax does when sides, clients or the moment are against it.
"""

from tests.parts.fixtures import own_scene, shared_scene, stage, usual_scene

__all__ = ["own_scene", "shared_scene", "stage", "usual_scene"]
