"""
The example file and the reference are what the model says, word for word.
"""

from pathlib import Path

import yaml

from proxy.settings.document import EXAMPLE, REFERENCE, render_example, render_reference
from proxy.settings.keys import keys
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.sentences import EVERY

PROJECT = Path(__file__).parents[2]
STALE = "run `make docs`"


def test_the_example_is_current() -> None:
    """
    `config/parallax.yaml` was written from this model.
    """
    assert (PROJECT / EXAMPLE).read_text() == render_example(), STALE


def test_the_reference_is_current() -> None:
    """
    `docs/configuration.md` was written from this model.
    """
    assert (PROJECT / REFERENCE).read_text() == render_reference(), STALE


def test_the_example_shows_every_key_with_its_default() -> None:
    """
    Loading it is the same as giving only the two URLs.
    """
    loaded = load(PROJECT / EXAMPLE, environment={})
    minimum = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    values = yaml.safe_load(render_example())
    for key in keys():
        inside = values
        for part in key.path:
            assert part in inside, key.name
            inside = inside[part]

    assert loaded.settings == Settings.model_validate(minimum)
    assert loaded.warnings == ()


def test_the_reference_has_every_key_once() -> None:
    """
    In a table of its section.
    """
    text = render_reference()

    for key in EVERY.values():
        if key.section is None:
            assert text.count(f"| `{key.name}` |") == 1, key.name
