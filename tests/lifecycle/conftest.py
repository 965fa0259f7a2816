"""
How Parallax starts, stops and goes on without one of its parts.
"""

from tests.parts.fixtures import own_scene, shared_scene, stage, usual_scene

__all__ = ["own_scene", "shared_scene", "stage", "usual_scene"]
