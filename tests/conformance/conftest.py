"""
How Parallax treats HTTP/1.1, from outside: raw bytes in, raw bytes out.
"""

from tests.parts.fixtures import own_scene, shared_scene, stage, usual_scene

__all__ = ["own_scene", "shared_scene", "stage", "usual_scene"]
