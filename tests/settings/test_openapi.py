"""
Endpoints from an OpenAPI file, and what is said of files that describe none.
"""

import json
from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.settings.load import Loaded, load
from proxy.settings.openapi import NotUsable, read_openapi

BASE = "old: {url: http://127.0.0.1:1}\nnew: {url: http://127.0.0.1:2}\n"
PETS = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example/v2/"}, {"url": "https://api.example/v1"}],
    "paths": {
        "/pets": {"get": {}, "post": {}, "parameters": [], "x-owner": "shop"},
        "/pets/{petId}": {"get": {}, "delete": {}},
        "/pets/{petId}/photos/{photo.name}": {"get": {}},
        "/pets/{other}": {"get": {}},
    },
}


def written(folder: Path, described: object) -> Path:
    """
    A file that holds this, as JSON.
    """
    file = folder / "api.json"
    file.write_text(json.dumps(described))
    return file


def loaded(folder: Path, metrics: str) -> Loaded:
    """
    A configuration with this section.
    """
    file = folder / "parallax.yaml"
    file.write_text(BASE + metrics)
    return load(file, environment={})


def test_every_operation_is_an_endpoint(tmp_path: Path) -> None:
    """
    Below the first server's path; parameters are the same whatever they are called.
    """
    assert read_openapi(written(tmp_path, PETS)) == (
        "GET /v2/pets",
        "POST /v2/pets",
        "GET /v2/pets/{id}",
        "DELETE /v2/pets/{id}",
        "GET /v2/pets/{id}/photos/{id}",
    )


def test_its_predecessor_and_yaml_are_read_too(tmp_path: Path) -> None:
    """
    `basePath` is what version 2.0 has.
    """
    file = tmp_path / "api.yaml"
    file.write_text("swagger: '2.0'\nbasePath: /v1\npaths:\n  /pets/{petId}:\n    get: {}\n")

    assert read_openapi(file) == ("GET /v1/pets/{id}",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- a\n", "describes no API"),
        ("paths: {}\n", "describes no API"),
        ("openapi: 3.1.0\npaths: [\n", ":3 is neither YAML nor JSON"),
        ("openapi: 3.1.0\npaths: {pets: {get: {}}}\n", "has the path pets"),
        ("!!python/object/apply:os.system ['true']\n", "is neither YAML nor JSON"),
    ],
)
def test_what_describes_no_api_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """
    With its line, where there is one.
    """
    file = tmp_path / "api.yaml"
    file.write_text(content)
    with pytest.raises(NotUsable, match=words):
        read_openapi(file)


def test_a_configuration_names_its_file(tmp_path: Path) -> None:
    """
    Relative to itself; what it holds is watched like a certificate.
    """
    written(tmp_path, PETS)
    found = loaded(tmp_path, "metrics: {openapi: api.json}")

    assert found.endpoints[:2] == ("GET /v2/pets", "POST /v2/pets")
    assert "api.json" in found.authorities


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ("metrics: {openapi: gone.json}", "parallax.yaml:3: metrics.openapi: "),
        ("metrics: {openapi: api.json, max_endpoints: 4}", "makes 5 endpoints"),
        ("metrics: {openapi: api.json, max_endpoints: 5, endpoints: [GET /a]}", "makes 6 endpoints"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_of_its_key(tmp_path: Path, metrics: str, words: str) -> None:
    """
    Also if it has too many.
    """
    written(tmp_path, PETS)
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, metrics)

    assert words in str(refused.value)
