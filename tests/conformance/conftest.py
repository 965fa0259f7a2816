"""
How Parallax treats HTTP/1.1, from outside: raw bytes in, raw bytes out.
"""

from tests.parts.fixtures import shared_scene, stage

__all__ = ["shared_scene", "stage"]
