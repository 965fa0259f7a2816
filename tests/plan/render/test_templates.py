"""
Templates go where the package goes.
"""

import zipfile
from pathlib import Path

import pytest
from flit_core.buildapi import build_wheel  # type: ignore[import-untyped]

PROJECT = Path(__file__).parents[3]
FOLDER = Path("proxy/plan/render/templates")


def test_a_built_wheel_has_the_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All of them: without one, there are no documents.
    """
    monkeypatch.chdir(PROJECT)
    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith(f"{FOLDER}/")}

    assert packed == {f"{FOLDER}/{path.name}" for path in (PROJECT / FOLDER).iterdir()}
    assert len(packed) > 10
